package web_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// dribble sends piece every d, until the server ends the connection, and returns when that
// was; but it does not go on for longer than most.
func dribble(clock *sim.Clock, tr *sim.Transport, piece string, d, most time.Duration) time.Duration {
	begun := clock.Elapsed()
	for clock.Elapsed()-begun < most && !over(tr) && tr.Err() == nil {
		if piece != "" {
			tr.Receive(piece)
		}
		clock.Advance(d)
	}
	return clock.Elapsed() - begun
}

// TestH1_25Heads: a head has its time from its first byte, or from the connection's, and no
// byte puts it off. F-01, V06.
func TestH1_25Heads(t *testing.T) {
	const second = time.Second
	for _, c := range []struct {
		name, before, piece string
		every               time.Duration
		want                time.Duration
		says                string
	}{
		{"nothing is sent", "", "", second, 10 * second, ""},
		{"half an empty line", "\r", "", second, 10 * second, ""},
		{"a byte a second", "GET / HTTP/1.1\r\nX: ", "x", second, 10 * second, "408"},
		{"a field a second", "GET / HTTP/1.1\r\n", "X: y\r\n", second, 10 * second, "408"},
		{"the first half of a preface", "PRI *", "", second, 10 * second, "408"},
		{"between requests", getRoot, "", second, 60 * second, "200"},
		{"half an empty line after a request", getRoot + "\r", "", second, 60 * second, "200"},
		{"a head after a request", getRoot, "x", second, 10 * second, "200 408"},
	} {
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, &web.Server{Handler: says("ok")})
		if c.before != "" {
			tr.Receive(c.before)
		}
		got := dribble(clock, tr, c.piece, c.every, time.Hour)
		if got < c.want || got > c.want+second {
			t.Errorf("%s: closed after %v, want %v", c.name, got, c.want)
		}
		if got := strings.Join(statuses(tr.Written()), " "); got != c.says {
			t.Errorf("%s: got %q, want %q", c.name, got, c.says)
		}
	}
	// Control: one that is just in time, again and again.
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, &web.Server{Handler: says("ok")})
	for range 10 {
		tr.Receive(getRoot[:5])
		clock.Advance(9 * second)
		tr.Receive(getRoot[5:])
		clock.Advance(59 * second)
	}
	if n := len(statuses(tr.Written())); n != 10 || over(tr) {
		t.Errorf("just in time: got %d answers, closed %v, want 10", n, over(tr))
	}
}

// TestH1_25Settings: the times can be others, and none.
func TestH1_25Settings(t *testing.T) {
	s := &web.Server{Handler: says("ok"), HeaderTimeout: 2 * time.Second, IdleTimeout: 3 * time.Second}
	clock := sim.NewClock(t)
	if got := dribble(clock, sim.Connect(clock, s), "x", time.Second/2, time.Hour); got != 2*time.Second {
		t.Errorf("a head: closed after %v, want 2 s", got)
	}
	tr := sim.Connect(clock, s)
	tr.Receive(getRoot)
	if got := dribble(clock, tr, "", time.Second/2, time.Hour); got != 3*time.Second {
		t.Errorf("idle: closed after %v, want 3 s", got)
	}
	forever := &web.Server{Handler: says("ok"), HeaderTimeout: -1, IdleTimeout: -1, MinBodyRate: -1, WriteTimeout: -1}
	for _, wire := range []string{"", "GET", getRoot, getRoot + "GET", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"} {
		tr := sim.Connect(clock, forever)
		if wire != "" {
			tr.Receive(wire)
		}
		if dribble(clock, tr, "", time.Hour, 100*time.Hour); over(tr) {
			t.Errorf("%q: closed, want for ever", wire)
		}
		tr.Reset()
	}
}

// TestH1_25Bodies: a body that somebody waits for brings 1 KiB a second after a grace of 10 s, or is
// refused; one that nobody wants yet, or that is held back, is not the client's fault.
func TestH1_25Bodies(t *testing.T) {
	const second = time.Second
	post := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n"
	taking := map[string]web.Handler{
		"Bytes": web.Later(echoed),
		"flushed": web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			w.Flush()
			return r.Body.Each(func([]byte) {})
		}),
		"nobody": web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal { return after(r.Loop(), 60*second) }),
		"late": web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			return deferred.Chain(after(r.Loop(), 9900*time.Millisecond), func(struct{}) *deferred.Signal { return echoed(w, r) })
		}),
		"slowly": web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			got := 0
			return r.Body.Each(func(p []byte) {
				if got += len(p); got < 200_000 {
					r.Body.Pause()
					r.Loop().CallLater(19*second, r.Body.Resume)
				}
			})
		}),
		"answered": says("no thanks"),
	}
	for _, c := range []struct {
		name, taking string
		fields       string
		rate         int // bytes a second
		want         time.Duration
		says         string
	}{
		{"control: fast enough", "Bytes", "", 1100, 182 * second, "200"},
		{"too slow", "Bytes", "", 900, 10 * second, "408"},
		{"nothing", "Bytes", "", 0, 10 * second, "408"},
		{"too slow, after the head", "flushed", "", 900, 10 * second, "200"},
		{"control: nobody wants it", "nobody", "", 900, 60 * second, "200"},
		{"control: wanted late, by Expect", "late", "Expect: 100-continue\r\n", 2000, 100 * second, "200"},
		{"control: taken slowly", "slowly", "", 20_000, 60 * second, "200"},
		{"only dropped", "answered", "", 900, 10 * second, "200"},
	} {
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, &web.Server{Handler: taking[c.taking]})
		tr.Receive(post + c.fields + "\r\n")
		left := 200_000
		if c.fields != "" {
			clock.Advance(9900 * time.Millisecond)
		}
		begun, open := clock.Elapsed(), true
		for open && clock.Elapsed()-begun < 10*time.Minute {
			if n := min(left, c.rate); n > 0 && !tr.Paused() {
				tr.Receive(strings.Repeat("x", n))
				left -= n
			}
			open = len(statuses(tr.Written())) == 0 && !over(tr) || c.taking == "answered" && !over(tr) || c.taking == "flushed" && !over(tr)
			if open {
				clock.Advance(second)
			}
		}
		got := clock.Elapsed() - begun
		if all := statuses(tr.Written()); !slices.Equal(all, []string{c.says}) {
			t.Errorf("%s: got %v after %v, want %s", c.name, all, got, c.says)
		}
		if got < c.want-5*second || got > c.want+20*second {
			t.Errorf("%s: it took %v, want %v", c.name, got, c.want)
		}
		tr.Reset()
	}
}

// TestF02WriteTimeout: a client that takes nothing of its answer for 30 s is given up; one that
// takes a little now and then is not, also when the answer is complete, and the last.
func TestF02WriteTimeout(t *testing.T) {
	for _, c := range []struct {
		name, wire string
		h          web.Handler
	}{
		{"goes on", getRoot, web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			w.Write(make([]byte, 200_000))
			return deferred.New[struct{}](r.Loop())
		})},
		{"complete", getRoot + getRoot, says(strings.Repeat("x", 100_000))},
		{"the last", "GET / HTTP/1.0\r\n\r\n", says(strings.Repeat("x", 200_000))},
	} {
		for _, takes := range []int{0, 100} {
			clock := sim.NewClock(t)
			tr := sim.Connect(clock, &web.Server{Handler: c.h})
			tr.Hold()
			tr.Receive(c.wire)
			for clock.Elapsed() < 5*time.Minute && tr.Err() == nil {
				clock.Advance(time.Second)
				tr.Drain(takes)
			}
			switch gone := clock.Elapsed() < 5*time.Minute; {
			case takes == 0 && (!gone || clock.Elapsed() < 30*time.Second || clock.Elapsed() > time.Minute):
				t.Errorf("%s: takes nothing: gone %v after %v, want 30 s", c.name, gone, clock.Elapsed())
			case takes > 0 && gone:
				t.Errorf("%s: takes a little: gone after %v: %v", c.name, clock.Elapsed(), tr.Err())
			}
			tr.Reset()
		}
	}
}

// TestF02WriteTimeoutPauses: it is 30 s without a byte, and not in all.
func TestF02WriteTimeoutPauses(t *testing.T) {
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		w.Write(make([]byte, 200_000))
		return deferred.New[struct{}](r.Loop())
	})})
	tr.Hold()
	tr.Receive(getRoot)
	for range 10 {
		clock.Advance(25 * time.Second)
		tr.Drain(100)
	}
	if tr.Err() != nil {
		t.Errorf("gone after %v: %v", clock.Elapsed(), tr.Err())
	}
	tr.Reset()
}

// TestV04MaxRequests: the last request that a connection may make is told so.
func TestV04MaxRequests(t *testing.T) {
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, &web.Server{Handler: says("ok"), MaxRequests: 3})
	tr.Receive(strings.Repeat(getRoot, 5))
	got := tr.Written()
	if n := len(statuses(got)); n != 3 || !over(tr) {
		t.Errorf("got %d answers, closed %v; want 3, and the end", n, over(tr))
	}
	if strings.Count(got, "Connection: close") != 1 || !strings.Contains(got[strings.LastIndex(got, "HTTP/1.1"):], "Connection: close") {
		t.Errorf("the last answer does not say so: %q", got)
	}
}
