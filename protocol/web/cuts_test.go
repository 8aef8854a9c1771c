package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
	"github.com/twistor-go/twistor/sim/protocoltest"
)

// gathering reads a body piece by piece and answers all of it.
var gathering = web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
	p, err := io.ReadAll(r.Body.Reader(co))
	if err != nil {
		return err
	}
	_, err = w.Write(p)
	return err
})

// TestPromises: what every server of this project promises, X-01 to X-03, and that no answer
// depends on how its request was cut; with a Handler of each kind.
func TestPromises(t *testing.T) {
	for name, h := range map[string]web.Handler{
		"bytes": web.Later(echoed),
		"read":  gathering,
		"net/http": web.OnLoop(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p, _ := io.ReadAll(r.Body)
			w.Write(p)
		})),
		"takes none": says("ok"),
	} {
		t.Run(name, func(t *testing.T) {
			protocoltest.Run(t, protocoltest.Entry{
				Name: "web",
				Build: func(twistor.Loop) twistor.Factory {
					return &web.Server{Handler: h, Log: slog.New(slog.DiscardHandler)}
				},
				Talks: []string{
					getRoot + getRoot,
					"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + getRoot,
					"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n" + getRoot,
					"HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n" + getRoot,
					"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi!\r\n",
					"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + getRoot,
				},
			})
		})
	}
	// A body may be as long as its Handler allows, and must only be fast enough: X-02 asks for 30 s
	// from a peer that sends a byte a second.
	lead := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"
	protocoltest.Deadline(t, protocoltest.Entry{Name: "web's bodies", Lead: lead, Build: func(twistor.Loop) twistor.Factory {
		return &web.Server{MaxBodyBytes: -1, Handler: web.Later(echoed), Log: slog.New(slog.DiscardHandler)}
	}})
}

// TestT10OneAtATime: of requests that come together the next is not begun before the answer
// to the one before is complete; and each answer is that of its request (T-11), in order.
func TestT10OneAtATime(t *testing.T) {
	for name, wait := range map[string]time.Duration{"at once": -1, "in this turn": 0, "later": time.Millisecond} {
		for _, size := range []int{1 << 20, 1000, 7} {
			under, most, served := 0, 0, 0
			clock := sim.NewClock(t)
			tr := sim.Connect(clock, &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
				under++
				most = max(most, under)
				defer func() { under-- }()
				path := r.Path()
				body, err := r.Body.Bytes(-1).Await(co)
				if err != nil {
					return err
				}
				if wait >= 0 {
					co.Sleep(wait)
				}
				served++
				_, err = io.WriteString(w, "<"+path+" "+string(body)+">")
				return err
			})})
			var wire, want strings.Builder
			for i := range 200 {
				name := string(rune('a'+i%26)) + strings.Repeat("x", i%7)
				if i%2 == 0 {
					wire.WriteString("POST /" + name + " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET")
					want.WriteString("</" + name + " GET>")
				} else {
					wire.WriteString("POST /" + name + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nPOST\r\n0\r\n\r\n")
					want.WriteString("</" + name + " POST>")
				}
			}
			for rest := wire.String(); rest != ""; {
				n := min(size, len(rest))
				tr.Receive(rest[:n])
				rest = rest[n:]
			}
			clock.Advance(time.Second)
			var got strings.Builder
			for _, answer := range strings.Split(tr.Written(), "HTTP/1.1 ")[1:] {
				_, body, _ := strings.Cut(answer, "\r\n\r\n")
				got.WriteString(body)
			}
			if got.String() != want.String() || most != 1 || served != 200 {
				t.Errorf("%s, %d bytes at a time: %d served, at most %d at a time; the answers: %.300q", name, size, served, most, got.String())
			}
		}
	}
}

// TestT10Linear: answers that come later do not make what waits behind them be copied again and
// again.
func TestT10Linear(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	cost := func(n int) float64 {
		clock := sim.NewClock(t)
		served := 0
		tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			served++
			return after(r.Loop(), 0)
		})})
		wire := strings.Repeat(getRoot, n)
		bytes := bytesAllocated(func() {
			tr.Receive(wire)
			for served < n {
				clock.Advance(0)
				tr.Clear()
			}
		})
		return float64(bytes)
	}
	cost(10)
	if once, twice := cost(1000), cost(2000); twice/once > 2.3 {
		t.Errorf("1,000 requests cost %.0f bytes, 2,000 %.0f: want at most 2.3 times as much", once, twice)
	}
}

// TestT08OneByteAtATime: a body of chunks that comes byte by byte costs in proportion.
func TestT08OneByteAtATime(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	cost := func(n int) float64 {
		clock := sim.NewClock(t)
		got := 0
		tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			return r.Body.Each(func(p []byte) { got += len(p) })
		})})
		tr.Receive("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
		wire := strings.Repeat("1\r\nx\r\n", n) + "0\r\n\r\n"
		bytes := bytesAllocated(func() {
			for i := range len(wire) {
				tr.Receive(wire[i : i+1])
			}
		})
		if got != n {
			t.Fatalf("got %d bytes, want %d", got, n)
		}
		return float64(bytes)
	}
	n := 64 << 10
	if testing.Short() {
		n = 4 << 10
	}
	if once, twice := cost(n), cost(2*n); twice/once > 2.3 {
		t.Errorf("%d bytes cost %.0f, twice as many %.0f: want at most 2.3 times as much", n, once, twice)
	}
}
