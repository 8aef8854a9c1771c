package session_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/session"
	"github.com/twistor-go/twistor/sim"
)

// Visitor is what a site remembers of one.
type Visitor struct {
	User string
	Seen int
}

// A site counts how often a visitor has been here.
func Example() {
	visitors := &session.Sessions[Visitor]{OnExpire: func(v Visitor) { fmt.Println("gone after", v.Seen) }}
	hello := web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		s := session.Of[Visitor](r)
		s.Value.Seen++
		if _, err := s.Save().Await(co); err != nil {
			return err
		}
		fmt.Fprintln(w, "visit", s.Value.Seen)
		return nil
	})
	server := &web.Server{Handler: visitors.Handler(visitors.Protect(hello))}

	clock := sim.NewClock(nil)
	defer clock.Close()
	deferred.Inline(twistor.Loop(clock), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, visitors.Start(co, service.On(clock))
	}).Done(nil)

	cookie := ""
	for range 3 {
		t := sim.Connect(clock, server)
		t.Receive("GET / HTTP/1.1\r\nHost: example.com\r\n" + cookie + "\r\n")
		clock.Pump(0, 0, 0)
		for line := range strings.Lines(t.Written()) {
			if set, ok := strings.CutPrefix(line, "Set-Cookie: "); ok {
				pair, attributes, _ := strings.Cut(set, ";")
				cookie = "Cookie: " + pair + "\r\n"
				fmt.Println("cookie:" + strings.TrimSuffix(attributes, "\r\n"))
			}
			if strings.HasPrefix(line, "visit") {
				fmt.Print(line)
			}
		}
	}
	clock.Advance(20 * time.Minute)
	// Output:
	// cookie: Path=/; SameSite=Lax; HttpOnly
	// visit 1
	// visit 2
	// visit 3
	// gone after 3
}

// Login gives a visitor another id, and logout ends the session. A form of the
// site has a Token in it, or it is not taken.
func ExampleSession() {
	visitors := &session.Sessions[Visitor]{Store: &session.Journal{}}
	login := web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		form, err := session.Form(r, web.FormLimits{}).Await(co)
		if err != nil {
			return err
		}
		s := session.Of[Visitor](r)
		s.Value.User = form.Get("user") // whose password was checked
		_, err = s.Rotate().Await(co)
		return err
	})
	logout := web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		return session.Of[Visitor](r).End()
	})
	page := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		token, err := session.Of[Visitor](r).Token()
		if err != nil {
			web.WriteError(w, r, 503, "", "")
			return
		}
		w.SetHeader("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<form method="post" action="/login"><input type="hidden" name=%q value=%q><input name="user"></form>`, session.TokenField, token)
	})
	mux := &web.Mux{}
	mux.Handle("GET /login", page)
	mux.Handle("POST /login", login)
	mux.Handle("POST /logout", logout)
	server := &web.Server{Handler: visitors.Handler(visitors.Protect(mux))}

	all := new(service.Group)
	all.Add("sessions", visitors)
	all.Add("port", service.Listen("tcp:8080", server))
	for name := range all.All() {
		fmt.Println(name)
	}
	// Output:
	// sessions
	// port
}
