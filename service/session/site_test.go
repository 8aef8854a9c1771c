package session

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// visitor is what the site of these tests remembers.
type visitor struct {
	User string
	Hits int
}

// A site is a web server with sessions, on a loop that stands still.
type site struct {
	t       *testing.T
	clock   *sim.Clock
	all     *Sessions[visitor]
	server  *web.Server
	secure  bool
	expired []string // users of sessions that were over
	failure error    // of the last request's Save and its like
}

func newSite(t *testing.T, set func(*Sessions[visitor])) *site {
	s := &site{t: t, clock: sim.NewClock(t)}
	s.all = &Sessions[visitor]{OnExpire: func(v visitor) { s.expired = append(s.expired, fmt.Sprint(v.User, v.Hits)) }}
	if set != nil {
		set(s.all)
	}
	s.server = &web.Server{Handler: s.all.Handler(s.all.Protect(serve(&s.failure)))}
	return s
}

func (s *site) start() *site {
	s.t.Helper()
	if err := s.do(func(co *deferred.Co) error { return s.all.Start(co, service.On(s.clock)) }); err != nil {
		s.t.Fatal(err)
	}
	return s
}

func (s *site) do(body func(*deferred.Co) error) error {
	err := fmt.Errorf("it is still running")
	deferred.Inline(twistor.Loop(s.clock), func(co *deferred.Co) (struct{}, error) { return struct{}{}, body(co) }).
		Done(func(_ struct{}, e error) { err = e })
	s.clock.Advance(time.Second)
	return err
}

// serve is a site that does with sessions what its paths say.
func serve(failure *error) web.Handler {
	return web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		s := Of[visitor](r)
		var done *deferred.Signal
		switch r.Path() {
		case "/hit":
			s.Value.Hits++
			done = s.Save()
		case "/login":
			s.Value.User = r.RawQuery()
			done = s.Rotate()
		case "/both":
			s.Value.User = r.RawQuery()
			if _, err := s.Save().Await(co); err != nil {
				return err
			}
			done = s.Rotate()
		case "/logout":
			done = s.End()
		case "/token":
			text, err := s.Token()
			*failure = err
			fmt.Fprint(w, text)
			return err
		case "/form":
			form, err := Form(r, web.FormLimits{}).Await(co)
			if err != nil {
				return err
			}
			fmt.Fprint(w, form.Get("text"))
			return nil
		case "/late":
			w.Flush()
			done = s.Rotate()
		}
		*failure = nil
		if done != nil {
			if _, *failure = done.Await(co); *failure != nil {
				return *failure
			}
		}
		fmt.Fprintf(w, "%s%d %v", s.Value.User, s.Value.Hits, s.Exists())
		return nil
	})
}

// An answer is what a visitor got.
type answer struct {
	status  int
	body    string
	header  http.Header
	cookies []*http.Cookie
}

// id is the cookie that the answer sets; "": none.
func (a answer) id() string {
	if len(a.cookies) == 0 {
		return ""
	}
	return a.cookies[0].Value
}

// ask sends a request: its first line, and fields.
func (s *site) ask(line string, fields ...string) answer {
	s.t.Helper()
	return s.post(line, "", fields...)
}

// post is ask with a body.
func (s *site) post(line, body string, fields ...string) answer {
	s.t.Helper()
	tr := sim.NewTransport(s.clock)
	if s.secure {
		tr.Secure(tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true})
	}
	tr.Build(s.server)
	tr.Receive(line + " HTTP/1.1\r\nHost: site.example\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n" + body)
	s.clock.Pump(0, 0, 0, 0)
	a := read(s.t, tr.Written())
	tr.End()
	s.clock.Pump(0, 0)
	return a
}

// as asks with the id of a session.
func (s *site) as(id, line string, fields ...string) answer {
	s.t.Helper()
	name := "session"
	if s.secure {
		name = "__Host-session"
	}
	return s.ask(line, append(fields, "Cookie: "+name+"="+id)...)
}

func read(t *testing.T, wire string) answer {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(wire)), nil)
	if err != nil {
		t.Fatalf("no answer in %q: %v", wire, err)
	}
	body, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(body), resp.Header, resp.Cookies()}
}
