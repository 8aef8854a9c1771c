package guard_test

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/service/cred/passwd"
	"github.com/twistor-go/twistor/service/guard"
	"github.com/twistor-go/twistor/sim"
)

// Member is what the site of the example knows of who asks.
type Member struct{ Greeting string }

// A site greets its members, and nobody else.
func Example() {
	members := &guard.Guard[*Member]{
		Name: "members",
		Portal: &cred.Portal[*Member]{
			Checkers: []cred.Checker{
				cred.Only(&cred.Memory{Users: map[string]passwd.Record{"jo": passwd.Plain("secret")}}, cred.KindPassword),
			},
			Realm: cred.RealmFunc[*Member](func(_ *deferred.Co, id cred.Identity, _ cred.Origin) (*Member, func(), error) {
				return &Member{"hello, " + id.User}, nil, nil
			}),
		},
		Clear: true, // the connections of this example have no TLS
	}
	server := &web.Server{Handler: members.Handler(web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		fmt.Fprintln(w, guard.Of[*Member](r).Greeting)
	}))}

	clock := sim.NewClock(nil)
	defer clock.Close()
	ask := func(fields string) {
		t := sim.Connect(clock, server)
		t.Receive("GET / HTTP/1.1\r\nHost: example.com\r\n" + fields + "\r\n")
		clock.Pump(0, 0, 0)
		for line := range strings.Lines(t.Written()) {
			if strings.HasPrefix(line, "HTTP/") || strings.HasPrefix(line, "WWW-") || strings.HasPrefix(line, "hello") {
				fmt.Println(strings.TrimSpace(line))
			}
		}
	}
	ask("")
	ask("Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("jo:secret")) + "\r\n")
	// Output:
	// HTTP/1.1 401 Unauthorized
	// WWW-Authenticate: Basic realm="members", charset="UTF-8"
	// HTTP/1.1 200 OK
	// hello, jo
}

// A program gives out a token once, and keeps a hash of it.
func ExampleTokens() {
	clock := sim.NewClock(nil)
	token, err := guard.NewToken(clock.Rand())
	if err != nil {
		fmt.Println(err)
	}
	robots := &guard.Tokens{Users: map[string]string{guard.Hash(token): "build-robot"}}
	fmt.Println(token, len(token.Reveal()))
	fmt.Println(robots.Users[guard.Hash(twistor.Conceal(token.Reveal()))])
	// Output:
	// [redacted] 43
	// build-robot
}
