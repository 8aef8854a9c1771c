package session

import (
	"fmt"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
	"github.com/twistor-go/twistor/sim"
)

// A life is one of a site whose program is killed now and then.
type life struct {
	w       *sim.World
	host    *sim.Host
	all     *Sessions[visitor]
	failure error
}

// begin starts the program.
func (l *life) begin(set func(*Sessions[visitor])) {
	l.all = &Sessions[visitor]{Store: &Journal{}}
	if set != nil {
		set(l.all)
	}
	l.host.Do(func(co *deferred.Co) error {
		store, err := persist.Open(co, l.host.Loop(), persist.Config{Dir: "/var/lib/site", Name: "site"})
		if err != nil {
			return err
		}
		return l.all.Start(co, service.With(l.host.Loop(), store))
	})
	l.host.Listen("tcp", ":80", &web.Server{Handler: l.all.Handler(serve(&l.failure))})
}

// ask asks, as the visitor with an id.
func (l *life) ask(t *testing.T, id, line string) answer {
	t.Helper()
	p := l.w.Host("visitor").Dial("server:80")
	cookie := ""
	if id != "" {
		cookie = "Cookie: session=" + id + "\r\n"
	}
	p.Send(line + " HTTP/1.1\r\nHost: server\r\nConnection: close\r\n" + cookie + "\r\n")
	wire := ""
	for !p.Gone() {
		l.w.Advance(time.Millisecond)
		wire += p.Take()
	}
	wire += p.Take()
	p.Close()
	return read(t, wire)
}

// TestUC30Kill: what a visitor was told is remembered after kill -9, and a
// session that has ended, or an id that was rotated, does not come back.
func TestUC30Kill(t *testing.T) {
	for seed := range uint64(10) {
		w := sim.New(t, seed)
		w.Net = sim.Net{}
		l := &life{w: w, host: w.Host("server")}
		l.begin(nil)
		jo := l.ask(t, "", "GET /login?jo").id()
		amy := l.ask(t, "", "GET /login?amy").id()
		guest := l.ask(t, "", "GET /hit").id()
		for range 3 {
			l.ask(t, jo, "GET /hit")
		}
		l.ask(t, amy, "GET /logout")
		after := l.ask(t, guest, "GET /login?bob").id()

		l.host.Crash()
		l.host.Restart()
		l.begin(nil)
		for id, want := range map[string]string{jo: "jo3 true", amy: "0 false", guest: "0 false", after: "bob1 true"} {
			if a := l.ask(t, id, "GET /see"); a.body != want {
				t.Errorf("seed %d: got %q, want %q", seed, a.body, want)
			}
		}
		// Its order and its ends are as before.
		l.host.Crash()
		l.host.Restart()
		var over []string
		l.begin(func(p *Sessions[visitor]) {
			p.OnExpire = func(v visitor) { over = append(over, fmt.Sprint(v.User, v.Hits)) }
		})
		w.Advance(17 * time.Minute)
		if got := len(over); got != 2 {
			t.Errorf("seed %d: got %v over, want jo's and bob's", seed, over)
		}
		l.host.Do(l.all.Stop)
	}
}

// TestTouched: a session that was used is young after a crash, too, though it
// was not saved.
func TestTouched(t *testing.T) {
	w := sim.New(t, 0)
	l := &life{w: w, host: w.Host("server")}
	l.begin(nil)
	id := l.ask(t, "", "GET /login?jo").id()
	for range 6 {
		w.Advance(10 * time.Minute)
		l.ask(t, id, "GET /see")
	}
	l.host.Crash()
	l.host.Restart()
	l.begin(nil)
	if a := l.ask(t, id, "GET /see"); a.body != "jo0 true" {
		t.Errorf("got %q, want jo's session", a.body)
	}
	l.host.Do(l.all.Stop)
}

// TestLoops: two loops serve, and know the same sessions.
func TestLoops(t *testing.T) {
	w := sim.New(t, 0)
	host := w.Host("server")
	host.LoopCount = 2
	all := &Sessions[visitor]{}
	var failure error
	host.Do(func(co *deferred.Co) error { return all.Start(co, service.On(host.Loop())) })
	for i, loop := range host.Loops() {
		_, err := twistor.Listen(loop, "tcp", fmt.Sprintf(":%d", 8080+i), &web.Server{Handler: all.Handler(all.Protect(serve(&failure)))})
		if err != nil {
			t.Fatal(err)
		}
	}
	ask := func(port int, id, line string) answer {
		t.Helper()
		p := w.Host("visitor").Dial(fmt.Sprintf("server:%d", port))
		p.Send(line + " HTTP/1.1\r\nHost: server\r\nConnection: close\r\nCookie: session=" + id + "\r\n\r\n")
		wire := ""
		for !p.Gone() {
			w.Advance(time.Millisecond)
			wire += p.Take()
		}
		wire += p.Take()
		p.Close()
		return read(t, wire)
	}
	id := ask(8080, "x", "GET /login?jo").id()
	for i := range 6 {
		if a := ask(8080+i%2, id, "GET /hit"); a.body != fmt.Sprintf("jo%d true", i+1) {
			t.Errorf("got %q, want jo%d", a.body, i+1)
		}
	}
	id = ask(8081, id, "GET /login?amy").id()
	if a := ask(8080, id, "GET /see"); a.body != "amy6 true" {
		t.Errorf("got %q, want amy's session", a.body)
	}
	token := ask(8081, "x", "GET /token")
	if a := ask(8080, token.id(), "POST /see HTTP/1.1\r\nX-CSRF-Token: "+token.body+"\r\nX:"); a.status != 200 {
		t.Errorf("a token of the other loop: got %d, want 200", a.status)
	}
	ask(8081, id, "GET /logout")
	if a := ask(8080, id, "GET /see"); a.body != "0 false" {
		t.Errorf("got %q, want no session", a.body)
	}
	host.Do(all.Stop)
}
