package guard_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/service/cred/passwd"
	"github.com/twistor-go/twistor/service/guard"
	"github.com/twistor-go/twistor/sim"
)

// An account is the avatar of these tests.
type account struct{ owner string }

// A site is a web server with a Guard, on a loop that stands still.
type site struct {
	t      testing.TB
	clock  *sim.Clock
	guard  *guard.Guard[*account]
	server *web.Server
	plain  bool // over TCP from elsewhere, instead of TLS
	from   string
	events []string // of the realm
	served int
}

func newSite(t testing.TB, checkers ...cred.Checker) *site {
	s := &site{t: t, clock: sim.NewClock(t), from: "192.0.2.7"}
	s.guard = &guard.Guard[*account]{Name: "site", Portal: &cred.Portal[*account]{Checkers: checkers, Realm: cred.RealmFunc[*account](s.open)}}
	return s
}

// open is the realm.
func (s *site) open(_ *deferred.Co, id cred.Identity, _ cred.Origin) (*account, func(), error) {
	switch id.User {
	case "banned":
		return nil, nil, cred.ErrDenied
	case "broken":
		return nil, nil, fmt.Errorf("the disk of %s is on fire", id.User)
	}
	s.events = append(s.events, "login "+id.User)
	return &account{id.User}, func() { s.events = append(s.events, "logout "+id.User) }, nil
}

// hello is the Handler that is guarded.
func (s *site) hello(w *web.ResponseWriter, r *web.Request) {
	s.served++
	s.events = append(s.events, "served "+r.User())
	fmt.Fprintf(w, "%s by %s\n", guard.Of[*account](r).owner, guard.Identity[*account](r).By)
}

// An answer is what a client got.
type answer struct {
	status     int
	body       string
	header     http.Header
	challenges []string
}

// connect opens a connection.
func (s *site) connect() *sim.Transport {
	if s.server == nil {
		s.server = &web.Server{Handler: s.guard.Handler(web.HandlerFunc(s.hello))}
	}
	tr := sim.NewTransport(s.clock)
	tr.SetAddrs(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, &net.TCPAddr{IP: net.ParseIP(s.from), Port: 4711})
	if !s.plain {
		tr.Secure(tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true})
	}
	tr.Build(s.server)
	return tr
}

// ask sends a request with the given fields, and waits a moment.
func (s *site) ask(line string, fields ...string) answer {
	s.t.Helper()
	tr := s.connect()
	tr.Receive(line + " HTTP/1.1\r\nHost: site.example\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n")
	s.clock.Pump(0, 0, 0, 0, 0, 0)
	a := s.read(tr)
	tr.End()
	s.clock.Pump(0, 0)
	return a
}

func (s *site) read(tr *sim.Transport) answer {
	s.t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(tr.Written())), nil)
	if err != nil {
		s.t.Fatalf("no answer in %q: %v", tr.Written(), err)
	}
	body, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(body), resp.Header, resp.Header.Values("WWW-Authenticate")}
}

func basic(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func memory(pairs ...string) *cred.Memory {
	m := &cred.Memory{Users: map[string]passwd.Record{}}
	for i := 0; i < len(pairs); i += 2 {
		m.Users[pairs[i]] = passwd.Plain(pairs[i+1])
	}
	return m
}

// counted counts how often a Checker is asked.
type counted struct {
	cred.Checker
	n int
}

func (c *counted) Check(co *deferred.Co, a *cred.Attempt) (cred.Identity, error) {
	c.n++
	return c.Checker.Check(co, a)
}
