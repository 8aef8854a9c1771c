package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// A Crowd serves so many at a time, lets so many wait, and refuses the rest.
func TestCrowd(t *testing.T) {
	c := sim.NewClock(t)
	var open []*deferred.Signal
	crowd := &web.Crowd{Max: 2, MaxWaiting: 3}
	s := &web.Server{Handler: crowd.Wrap(web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		d := deferred.New[struct{}](c)
		open = append(open, d)
		w.WriteString("ok")
		return d
	}))}
	var conns []*sim.Transport
	for range 6 {
		tr := sim.Connect(c, s)
		tr.Receive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		conns = append(conns, tr)
	}
	status := func(i int) string {
		c.Pump(0, 0)
		line, _, _ := strings.Cut(conns[i].Written(), "\r\n")
		return strings.TrimPrefix(line, "HTTP/1.1 ")
	}
	if len(open) != 2 || status(5) != "503 Service Unavailable" || !strings.Contains(conns[5].Written(), "Retry-After: 1\r\n") {
		t.Fatalf("got %d served, the sixth %q; want 2, and 503 with Retry-After", len(open), conns[5].Written())
	}
	conns[2].Reset() // the first in line leaves
	c.Pump(0)
	open[0].Succeed(struct{}{})
	if status(0) != "200 OK" || len(open) != 3 || status(3) != "200 OK" {
		t.Fatalf("got %d begun, the fourth %q; want it to have the place", len(open), conns[3].Written())
	}
	c.Advance(10 * time.Second)
	if got := status(4); got != "503 Service Unavailable" {
		t.Errorf("got %q for who waited 10 s, want 503", got)
	}
	open[1].Succeed(struct{}{})
	open[2].Succeed(struct{}{})
	for i := range 3 { // all places are free again: two are served, the third waits
		tr := sim.Connect(c, s)
		tr.Receive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.Pump(0)
		if got, want := len(open), 3+min(i+1, 2); got != want {
			t.Errorf("got %d begun, want %d", got, want)
		}
	}
	for len(open) > 0 {
		open[0].Succeed(struct{}{})
		open = open[1:]
		c.Pump(0)
	}
}

// One client cannot fill a Crowd.
func TestCrowdOfOneClient(t *testing.T) {
	c := sim.NewClock(t)
	var open []*deferred.Signal
	proxies := &web.Proxies{Trusted: trustAll}
	crowd := &web.Crowd{Max: 10, MaxClient: 1}
	s := &web.Server{Handler: proxies.Wrap(crowd.Wrap(web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		open = append(open, deferred.New[struct{}](c))
		return open[len(open)-1]
	})))}
	ask := func(client string) string {
		tr := sim.Connect(c, s)
		tr.Receive("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: " + client + "\r\n\r\n")
		c.Pump(0)
		return tr.Written()
	}
	ask("2001:db8::1")
	if got := ask("2001:db8::2"); !strings.HasPrefix(got, "HTTP/1.1 429 ") {
		t.Errorf("the same /64: got %q, want 429", got)
	}
	ask("2001:db8:0:1::1")
	if len(open) != 2 {
		t.Errorf("another client: got %d served, want 2", len(open))
	}
	open[0].Succeed(struct{}{})
	if ask("2001:db8::2"); len(open) != 3 {
		t.Errorf("after its end: got %d served, want 3", len(open))
	}
}

// A Pace lets a client make its burst, and then one request an interval.
func TestPace(t *testing.T) {
	c := sim.NewClock(t)
	proxies := &web.Proxies{Trusted: trustAll}
	pace := &web.Pace{PerSecond: 2, Burst: 3, MaxClients: 4}
	s := &web.Server{Handler: proxies.Wrap(pace.Wrap(says("ok")))}
	ask := func(client string) answered {
		return askedOn(t, c, sim.Connect(c, s), "GET /", "X-Forwarded-For: "+client)
	}
	served := func(client string, n int) (ok int) {
		for range n {
			if ask(client).Status == 200 {
				ok++
			}
		}
		return ok
	}
	if got := served("192.0.2.1", 10); got != 3 {
		t.Errorf("at once: got %d served, want 3", got)
	}
	if got := ask("192.0.2.1"); got.Status != 429 || got.Header.Get("Retry-After") != "1" {
		t.Errorf("beyond: got %q, want 429 and when to come again", got.Wire)
	}
	if got := served("192.0.2.2", 10); got != 3 {
		t.Errorf("another client: got %d served, want 3", got)
	}
	c.Advance(time.Second)
	if got := served("192.0.2.1", 10); got != 2 {
		t.Errorf("a second later: got %d served, want 2", got)
	}
	// Beyond MaxClients strangers share one account; when others have rested they
	// have their own again.
	served("192.0.2.3", 1)
	served("192.0.2.4", 1)
	if a, b := served("192.0.2.5", 2), served("192.0.2.6", 5); a+b != 3 {
		t.Errorf("strangers: got %d and %d served, want 3 together", a, b)
	}
	c.Advance(time.Minute)
	if a, b := served("192.0.2.7", 5), served("192.0.2.8", 5); a != 3 || b != 3 {
		t.Errorf("after a rest: got %d and %d served, want 3 each", a, b)
	}
}
