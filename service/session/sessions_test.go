package session

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// TestT_26: an id is 256 bits, its cookie is safe by default, and safer over TLS.
func TestT_26(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := newSite(t, nil).start()
		s.secure = secure
		seen := map[string]bool{}
		for range 20 {
			a := s.ask("GET /hit")
			if len(a.cookies) != 1 {
				t.Fatalf("got cookies %v, want one", a.cookies)
			}
			id, err := base64.RawURLEncoding.DecodeString(a.id())
			if err != nil || len(id) != 32 || seen[a.id()] {
				t.Errorf("got id %q, want a new one of 32 bytes", a.id())
			}
			seen[a.id()] = true
			got := a.header.Get("Set-Cookie")
			want := "session=" + a.id() + "; Path=/; SameSite=Lax; HttpOnly"
			if secure {
				want = "__Host-session=" + a.id() + "; Path=/; SameSite=Lax; Secure; HttpOnly"
			}
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if got := a.header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("got Cache-Control %q, want no-store", got)
			}
		}
		for _, e := range s.all.table.entries {
			if seen[e.Key] {
				t.Error("the table has an id, want its hash")
			}
		}
	}
}

// TestT_26Rotated: login gives another id, the one before is of no use, and an
// id that somebody made up is not adopted.
func TestT_26Rotated(t *testing.T) {
	s := newSite(t, nil).start()
	before := s.ask("GET /hit").id()
	if a := s.as(before, "GET /see"); a.body != "1 true" || a.id() != "" {
		t.Errorf("before login: got %q and cookie %q, want 1 and none", a.body, a.id())
	}
	a := s.as(before, "GET /login?jo")
	after := a.id()
	if a.body != "jo1 true" || after == before || after == "" {
		t.Errorf("login: got %q and cookie %q, want another id", a.body, after)
	}
	if a := s.as(before, "GET /see"); a.body != "0 false" {
		t.Errorf("the id before: got %q, want no session", a.body)
	}
	if a := s.as(after, "GET /see"); a.body != "jo1 true" {
		t.Errorf("the id after: got %q, want jo's session", a.body)
	}
	if got := len(s.expired); got != 0 {
		t.Errorf("got %d sessions over, want none", got)
	}

	planted := strings.Repeat("A", idText)
	a = s.as(planted, "GET /login?eve")
	if a.id() == planted || s.as(planted, "GET /see").body != "0 false" {
		t.Error("an id that somebody made up was adopted")
	}
	a = s.as(planted, "GET /hit")
	if a.id() == planted || a.id() == "" || s.as(planted, "GET /see").body != "0 false" {
		t.Error("an id that somebody made up was adopted by Save")
	}
	// A save and a rotation in one answer: one cookie, the last.
	a = s.ask("GET /both?amy")
	if len(a.cookies) != 1 || s.as(a.id(), "GET /see").body != "amy0 true" {
		t.Errorf("got cookies %v, want the one that counts", a.cookies)
	}
}

// TestPrefix: over TLS a cookie that any host below could have set does not
// count, and without TLS one that only TLS may carry is not expected.
func TestPrefix(t *testing.T) {
	s := newSite(t, nil).start()
	plain := s.ask("GET /hit").id()
	s.secure = true
	if a := s.ask("GET /see", "Cookie: session="+plain); a.body != "0 false" {
		t.Errorf("got %q, want no session by the plain cookie", a.body)
	}
	if a := s.as(plain, "GET /see"); a.body != "1 true" { // the control
		t.Errorf("got %q, want the session", a.body)
	}
}

// TestNoCookie: who is not remembered gets no cookie and costs nothing.
func TestNoCookie(t *testing.T) {
	s := newSite(t, nil).start()
	for range 100 {
		if a := s.ask("GET /see"); a.header.Get("Set-Cookie") != "" || a.header.Get("Cache-Control") != "" || a.body != "0 false" {
			t.Fatalf("got %v %q", a.header, a.body)
		}
	}
	if got := s.all.State(); got != "0 sessions, 0 of them rotated" {
		t.Errorf("got %q, want none", got)
	}
	if got := s.clock.Pending(); got != 0 {
		t.Errorf("got %d timers, want none", got)
	}
}

// TestV20: a session lasts 15 minutes from its last request, and OnExpire hears
// of its end; touching is by any request.
func TestV20(t *testing.T) {
	s := newSite(t, nil).start()
	id := s.ask("GET /login?jo").id()
	other := s.ask("GET /login?amy").id()
	for range 10 {
		s.clock.Advance(14 * time.Minute)
		if a := s.as(id, "GET /see"); a.body != "jo0 true" {
			t.Fatalf("got %q, want jo's session", a.body)
		}
	}
	if got := fmt.Sprint(s.expired); got != "[amy0]" {
		t.Errorf("got %s over, want amy's", got)
	}
	if a := s.as(other, "GET /see"); a.body != "0 false" {
		t.Errorf("got %q, want no session", a.body)
	}
	s.clock.Advance(15*time.Minute - time.Second)
	if got := len(s.expired); got != 1 {
		t.Errorf("a second before: got %d over, want amy's alone", got)
	}
	s.clock.Advance(time.Minute + time.Second)
	if got := fmt.Sprint(s.expired); got != "[amy0 jo0]" {
		t.Errorf("a minute after: got %s over, want jo's too", got)
	}
	if got := s.clock.Pending(); got != 0 {
		t.Errorf("got %d timers, want none: there are no sessions", got)
	}
}

// TestLifetime: a session that is used all day ends all the same.
func TestLifetime(t *testing.T) {
	s := newSite(t, nil).start()
	id := s.ask("GET /login?jo").id()
	var lasted time.Duration
	for ; lasted < 48*time.Hour && s.as(id, "GET /see").body == "jo0 true"; lasted += 10 * time.Minute {
		s.clock.Advance(10 * time.Minute)
	}
	if lasted != 24*time.Hour {
		t.Errorf("lasted %v, want 24 h", lasted)
	}
	if got := fmt.Sprint(s.expired); got != "[jo0]" {
		t.Errorf("got %s over, want jo's", got)
	}
}

// TestEnd: logout ends the session for all who have the id, and takes the
// cookie away.
func TestEnd(t *testing.T) {
	s := newSite(t, nil).start()
	id := s.ask("GET /login?jo").id()
	a := s.as(id, "GET /logout")
	if got := a.header.Get("Set-Cookie"); !strings.HasPrefix(got, "session=; ") || !strings.Contains(got, "Max-Age=0") {
		t.Errorf("got %q, want a cookie that is over", got)
	}
	if a := s.as(id, "GET /see"); a.body != "0 false" {
		t.Errorf("got %q, want no session", a.body)
	}
	if got := fmt.Sprint(s.expired); got != "[jo0]" {
		t.Errorf("got %s over, want jo's", got)
	}
	s.as(id, "GET /logout")
	if got := len(s.expired); got != 1 {
		t.Errorf("got %d over, want 1", got)
	}
}

// TestEndAll: a user is logged out everywhere, and nobody else.
func TestEndAll(t *testing.T) {
	s := newSite(t, nil)
	if n, done := s.all.EndAll(func(visitor) bool { return true }); n != 0 || done == nil {
		t.Errorf("before Start: got %d, want none", n)
	}
	s.start()
	jo, too, amy := s.ask("GET /login?jo").id(), s.ask("GET /login?jo").id(), s.ask("GET /login?amy").id()
	n, done := s.all.EndAll(func(v visitor) bool { return v.User == "jo" })
	if sim.Result(t, done); n != 2 || fmt.Sprint(s.expired) != "[jo0 jo0]" {
		t.Errorf("got %d ended and %s over, want jo's two", n, s.expired)
	}
	for id, want := range map[string]string{jo: "0 false", too: "0 false", amy: "amy0 true"} {
		if a := s.as(id, "GET /see"); a.body != want {
			t.Errorf("got %q, want %q", a.body, want)
		}
	}
}

// TestFull: strangers' sessions give way, the longest unused first; those of
// people who have logged in do not.
func TestFull(t *testing.T) {
	s := newSite(t, func(p *Sessions[visitor]) { p.MaxSessions = 3 }).start()
	jo := s.ask("GET /login?jo").id()
	first := s.ask("GET /hit").id()
	second := s.ask("GET /hit").id()
	s.as(first, "GET /see") // used last now
	third := s.ask("GET /hit").id()
	for id, want := range map[string]string{jo: "jo0 true", first: "1 true", second: "0 false", third: "1 true"} {
		if a := s.as(id, "GET /see"); a.body != want {
			t.Errorf("got %q, want %q", a.body, want)
		}
	}
	s.ask("GET /login?amy")
	s.ask("GET /login?bob")
	a := s.ask("GET /login?cas")
	if a.status != 500 || !errors.Is(s.failure, ErrFull) {
		t.Errorf("got %d, %v, want ErrFull", a.status, s.failure)
	}
	s.clock.Errors() // the server's, of the 500
	if got := s.all.State(); got != "3 sessions, 3 of them rotated" {
		t.Errorf("got %q, want 3", got)
	}
	s.clock.Advance(16 * time.Minute)
	if a := s.ask("GET /login?cas"); a.status != 200 {
		t.Errorf("later: got %d, want 200", a.status)
	}
}

// TestErrors: what cannot be is said.
func TestErrors(t *testing.T) {
	s := newSite(t, nil).start()
	for _, tc := range []struct {
		line string
		want error
	}{
		{"GET /login?" + strings.Repeat("x", 5000), ErrTooLarge},
		{"GET /late", ErrLate},
	} {
		tr := s.ask
		func() {
			defer func() { recover() }() // /late is cut: no answer to read
			tr(tc.line)
		}()
		if !errors.Is(s.failure, tc.want) {
			t.Errorf("%.20s: got %v, want %v", tc.line, s.failure, tc.want)
		}
	}
	s.clock.Errors()
}

// TestSettings: what is wrong is said at Start.
func TestSettings(t *testing.T) {
	for want, set := range map[string]func(*Sessions[visitor]){
		"want 0 or more": func(p *Sessions[visitor]) { p.MaxSessions = -1 },
		"MaxValueBytes":  func(p *Sessions[visitor]) { p.MaxValueBytes = -1 },
		"want http://":   func(p *Sessions[visitor]) { p.Origins = []string{"example.com"} },
		"SameSiteNone":   func(p *Sessions[visitor]) { p.SameSite = web.SameSiteNone },
		"has no memory":  func(p *Sessions[visitor]) { p.Store = &Journal{} },
	} {
		s := newSite(t, set)
		err := s.do(func(co *deferred.Co) error { return s.all.Start(co, service.On(s.clock)) })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	s := newSite(t, nil).start()
	if err := s.do(func(co *deferred.Co) error { return s.all.Start(co, service.On(s.clock)) }); !errors.Is(err, service.ErrRunning) {
		t.Errorf("got %v, want ErrRunning", err)
	}
	c := &Sessions[chan int]{}
	if err := s.do(func(co *deferred.Co) error { return c.Start(co, service.On(s.clock)) }); err == nil {
		t.Error("values that JSON cannot keep: got no error")
	}
}

// TestNotStarted: requests before Start, and after Stop, are told to come back.
func TestNotStarted(t *testing.T) {
	s := newSite(t, nil)
	if a := s.ask("GET /see"); a.status != 503 {
		t.Errorf("before Start: got %d, want 503", a.status)
	}
	s.start()
	id := s.ask("GET /hit").id()
	if err := s.do(s.all.Stop); err != nil {
		t.Error(err)
	}
	if got := s.clock.Pending(); got != 0 {
		t.Errorf("after Stop: got %d timers, want none", got)
	}
	if a := s.as(id, "GET /see"); a.status != 503 {
		t.Errorf("after Stop: got %d, want 503", a.status)
	}
	s.clock.Errors()
	s.start()
	if a := s.as(id, "GET /see"); a.body != "1 true" {
		t.Errorf("after another Start: got %q, want the session", a.body)
	}
}
