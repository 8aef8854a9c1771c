package cred_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/service/cred/passwd"
	"github.com/twistor-go/twistor/sim"
)

// A Mailbox is what the users of this server see: their avatar.
type Mailbox struct{ Owner string }

func open(_ *deferred.Co, id cred.Identity, _ cred.Origin) (*Mailbox, func(), error) {
	if id.User == "eve" {
		return nil, nil, fmt.Errorf("no mailbox: %w", cred.ErrDenied)
	}
	return &Mailbox{id.User}, func() { fmt.Println(id.User, "has gone") }, nil
}

func Example() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	portal := &cred.Portal[*Mailbox]{
		Realm: cred.RealmFunc[*Mailbox](open),
		Checkers: []cred.Checker{&cred.Memory{Users: map[string]passwd.Record{
			"jo":  passwd.Plain("correct horse"),
			"eve": passwd.Plain("battery"),
		}}},
	}
	talk := func(user, secret string) {
		deferred.Inline(clock, func(co *deferred.Co) (struct{}, error) {
			c := cred.Password{User: user, Secret: twistor.Conceal(secret)}
			session, err := portal.Login(clock, c, cred.Origin{}).Await(co)
			if err != nil {
				return struct{}{}, err
			}
			defer session.Logout()
			fmt.Println("mailbox of", session.Avatar.Owner)
			return struct{}{}, nil
		}).Done(func(_ struct{}, err error) {
			switch {
			case errors.Is(err, cred.ErrUnauthorized):
				fmt.Println("535 no:", err)
			case errors.Is(err, cred.ErrDenied):
				fmt.Println("530 no:", err)
			}
		})
		clock.Advance(time.Second)
	}
	talk("jo", "correct horse")
	talk("jo", "wrong horse")
	talk("nobody", "wrong horse")
	talk("eve", "battery")
	// Output:
	// mailbox of jo
	// jo has gone
	// 535 no: cred: user or proof is wrong
	// 535 no: cred: user or proof is wrong
	// 530 no: no mailbox: cred: access denied
}

// A protocol with SASL hands responses in and challenges out.
func ExamplePortal_Exchange() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	portal := &cred.Portal[*Mailbox]{
		Realm: cred.RealmFunc[*Mailbox](open),
		Checkers: []cred.Checker{&cred.Memory{Users: map[string]passwd.Record{
			"jo": passwd.Plain("correct horse"),
		}}},
	}
	from := cred.Origin{Secure: true}
	fmt.Println(portal.Mechanisms(from))
	x, err := portal.Exchange(clock, "LOGIN", from)
	if err != nil {
		fmt.Println(err)
		return
	}
	next := func(response []byte) {
		x.Next(response).Done(func(challenge []byte, err error) {
			fmt.Printf("%q %v\n", challenge, err)
		})
		clock.Advance(time.Second)
	}
	next(nil)
	next([]byte("jo"))
	next([]byte("correct horse"))
	fmt.Println(x.Session().Avatar.Owner)
	// Output:
	// [SCRAM-SHA-256 PLAIN LOGIN CRAM-MD5]
	// "Username:" <nil>
	// "Password:" <nil>
	// "" <nil>
	// jo
}

// A web server challenges, and checks what the browser answers.
func ExampleDigester() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	portal := &cred.Portal[*Mailbox]{Checkers: []cred.Checker{&cred.Memory{Users: map[string]passwd.Record{
		"jo": passwd.Plain("correct horse"),
	}}}}
	digester := &cred.Digester{Realm: "letters", Algorithms: []string{"SHA-256"}}
	from := cred.Origin{Peer: netip.MustParseAddr("192.0.2.1")}
	challenges, err := digester.Challenges(clock, from, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(challenges[0][:37])

	const made = "Digest username=jo, realm=letters, nonce=made-up, uri=/, response=00, qop=auth, nc=00000001, cnonce=x"
	_, err = digester.Parse(clock, made, cred.Request{Method: "GET", URI: "/"}, from)
	fmt.Println(errors.Is(err, cred.ErrMalformed))

	header := browse(challenges[0], "jo", "correct horse")
	answer, err := digester.Parse(clock, header, cred.Request{Method: "GET", URI: "/"}, from)
	if err != nil {
		fmt.Println(err)
		return
	}
	portal.Check(clock, answer, from).Done(func(id cred.Identity, err error) { fmt.Println(id.User, id.By, err) })
	clock.Advance(time.Second)
	// Output:
	// Digest realm="letters", qop="auth", a
	// true
	// jo digest <nil>
}

func ExampleAuth() {
	auth := cred.Auth{Default: []string{"unix"}, Kinds: []cred.Kind{cred.KindPassword, cred.KindAnonymous}}
	flags := pflag.NewFlagSet("ftp", pflag.ContinueOnError)
	auth.Flags(flags)
	for _, line := range []string{"", "--auth file:/etc/ftp.passwd --auth anonymous", "--auth sshkey", "--help-auth"} {
		auth.Chosen = nil
		if err := flags.Parse(strings.Fields(line)); err != nil {
			fmt.Println(err)
		}
		checkers, err := auth.Checkers()
		if help, ok := errors.AsType[*cred.Help](err); ok {
			fmt.Println(help.Text)
			continue
		}
		fmt.Println(len(checkers), err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 0 --auth sshkey: this server cannot use ssh-key: want password, anonymous
	// Types of --auth:
	//
	//   anonymous   let everybody in
	//   file        the users of a file
	//   memory      the users that are named here
	//   unix        the accounts of this machine
	//
	// --help-auth-type TYPE shows all about one.
}
