package web_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// TestF15Callbacks: a panic in any callback of an answer ends that answer and no other: its
// connection is served again, or closed, After is told, and a request on another connection is
// answered.
func TestF15Callbacks(t *testing.T) {
	type answer = func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error
	boom := func() { panic("boom") }
	kinds := map[string]answer{
		"Handler": func(*deferred.Co, *web.ResponseWriter, *web.Request) error { boom(); return nil },
		"Handler, flushed": func(_ *deferred.Co, w *web.ResponseWriter, _ *web.Request) error {
			w.WriteString("x")
			w.Flush()
			boom()
			return nil
		},
		"Handler, later": func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error { co.Sleep(1); boom(); return nil },
		"Before": func(_ *deferred.Co, w *web.ResponseWriter, _ *web.Request) error {
			w.Before(func(int, *web.Header) { boom() })
			return nil
		},
		"After": func(_ *deferred.Co, w *web.ResponseWriter, _ *web.Request) error {
			w.After(func(int, int64, error) { boom() })
			return nil
		},
		"Filter.Begin": func(_ *deferred.Co, w *web.ResponseWriter, _ *web.Request) error {
			w.Use(bomb{"Begin"})
			w.WriteString("x")
			return nil
		},
		"Filter.Append": func(_ *deferred.Co, w *web.ResponseWriter, _ *web.Request) error {
			w.Use(bomb{"Append"})
			w.WriteString("x")
			return nil
		},
		"Filter.Append, flushed": func(_ *deferred.Co, w *web.ResponseWriter, _ *web.Request) error {
			w.Use(bomb{"last"})
			w.WriteString("x")
			w.Flush()
			return nil
		},
		"Each": func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			_, err := r.Body.Each(func([]byte) { boom() }).Await(co)
			return err
		},
		"Each, later": func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			co.Sleep(1)
			_, err := r.Body.Each(func([]byte) { boom() }).Await(co)
			return err
		},
		"Ready": func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			_, err := deferred.Then(w.Ready(), func(struct{}) (struct{}, error) { boom(); return struct{}{}, nil }).Await(co)
			return err
		},
		"Factory": func(_ *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			return w.Switch(101, twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { boom(); return nil }))
		},
		"AccessLog": func(_ *deferred.Co, w *web.ResponseWriter, r *web.Request) error { w.WriteHeader(299); return nil },
		"ErrorPage": func(*deferred.Co, *web.ResponseWriter, *web.Request) error { return &web.Error{Status: 418} },
	}
	for kind, f := range kinds {
		for _, wire := range []string{
			"GET /bad HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
			"POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
		} {
			t.Run(kind+wire[:4], func(t *testing.T) {
				body := strings.HasPrefix(wire, "POST")
				if strings.HasPrefix(kind, "Each") && !body || kind == "Factory" && body {
					t.Skip("nothing to panic in")
				}
				var log strings.Builder
				begun, told := 0, 0
				s := &web.Server{Log: slog.New(slog.NewTextHandler(&log, nil)), Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
					if r.Path() != "/bad" {
						_, err := w.WriteString("good")
						return err
					}
					begun++
					w.After(func(int, int64, error) { told++ })
					return f(co, w, r)
				})}
				s.AccessLog = logs(func(_ *web.Request, w *web.ResponseWriter, err error) {
					if w.Status() == 299 {
						boom()
					}
				})
				s.ErrorPage = func(w *web.ResponseWriter, r *web.Request, status int, public, id string) {
					if status == 418 {
						boom()
					}
					web.WriteError(w, r, status, public, id)
				}
				clock := sim.NewClock(t)
				other, tr := sim.Connect(clock, s), sim.Connect(clock, s)
				other.Receive(getRoot[:9])
				tr.Receive(wire + getRoot)
				clock.Advance(time.Second)
				other.Receive(getRoot[9:])
				if got := readAnswer(t, other.Written(), "GET"); got.Body != "good" {
					t.Errorf("another connection: got %q", got.Wire)
				}
				got := tr.Written()
				if !over(tr) && !strings.HasSuffix(got, "\r\n\r\ngood") {
					t.Errorf("neither closed nor served again: %q", got)
				}
				if strings.Contains(got, "boom") || strings.Contains(got, "_test.go") {
					t.Errorf("told to the client: %q", got)
				}
				if !strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), "faults_test.go") {
					t.Errorf("not logged with its stack: %s", log.String())
				}
				tr.Reset()
				clock.Advance(time.Hour)
				if begun != 1 || told != 1 {
					t.Errorf("%d begun, After told %d times: want 1 of each", begun, told)
				}
			})
		}
	}
}

// bomb is a Filter that panics.
type bomb struct{ where string }

func (b bomb) Begin(int, *web.Header, int64) bool {
	if b.where == "Begin" {
		panic("boom")
	}
	return true
}

func (b bomb) Append(dst, p []byte, flush, last bool) ([]byte, error) {
	if b.where == "Append" || last {
		panic("boom")
	}
	return append(dst, p...), nil
}

// TestF04Havoc: over networks that break, every request that began ends, once, every wait of
// its Handler is over, and nothing is left: no connection, timer, failure or error of ours.
func TestF04Havoc(t *testing.T) {
	seeds := 60
	if testing.Short() || raceEnabled {
		seeds = 10
	}
	for seed := range uint64(seeds) {
		w := sim.New(t, seed)
		w.Net = sim.Havoc(seed)
		begun, ended, waits := 0, 0, 0
		s := &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			begun++
			waits++
			defer func() { waits-- }()
			w.After(func(int, int64, error) { ended++ })
			switch r.Path() {
			case "/echo":
				_, err := io.Copy(w, r.Body.Reader(co))
				return err
			case "/long":
				for range 12 {
					if _, err := w.Ready().Await(co); err != nil {
						return err
					}
					if _, err := w.Write(make([]byte, 10_000)); err != nil {
						return err
					}
				}
			case "/slow":
				return co.Sleep(2 * time.Second)
			}
			return nil
		})}
		w.Host("server").Listen("tcp", ":80", s)
		body := strings.Repeat("x", 8_000)
		wire := "GET /long HTTP/1.1\r\nHost: a\r\n\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8000\r\n\r\n" + body + "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + getRoot
		draw := w.Split("clients")
		var peers []*sim.Peer
		for range 3 {
			p, err := w.Host("client").TryDial("server:80")
			if err != nil {
				continue
			}
			p.Send(wire[:1+draw.IntN(len(wire))])
			peers = append(peers, p)
		}
		for _, p := range peers {
			switch draw.IntN(4) {
			case 0:
				p.Reset()
			case 1:
				p.CloseWrite()
			case 2:
				p.Stall()
			}
			w.Advance(time.Duration(draw.IntN(3000)) * time.Millisecond)
		}
		w.Advance(3 * time.Minute)
		for _, p := range peers {
			p.Close()
		}
		w.Advance(3 * time.Minute)
		if begun != ended || waits != 0 || s.Stats().Connections != 0 {
			t.Errorf("seed %d: %d begun, %d ended, %d Handlers wait, %d connections", seed, begun, ended, waits, s.Stats().Connections)
		}
		for _, err := range w.Errors() {
			t.Errorf("seed %d: %v", seed, err)
		}
		w.Close()
		if t.Failed() {
			return
		}
	}
}

// TestF09Networks: whole conversations over networks that cut, delay and lie, but break
// nothing, are whole.
func TestF09Networks(t *testing.T) {
	seeds := 30
	if testing.Short() || raceEnabled {
		seeds = 8
	}
	sim.Seeds(t, seeds, func(t *testing.T, w *sim.World) {
		w.Host("server").Listen("tcp", ":80", &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			_, err := io.Copy(w, r.Body.Reader(co))
			return err
		})})
		body := strings.Repeat("0123456789", 500)
		p := w.Host("client").Dial("server:80")
		for range 3 {
			p.Send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		}
		p.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		w.Run(func() bool { return p.Gone() })
		got := p.Take()
		if n := len(statuses(got)); n != 4 {
			t.Errorf("got %d answers, want 4", n)
		}
		if n := strings.Count(dechunked(got), body); n != 3 {
			t.Errorf("got %d echoes, want 3", n)
		}
	})
}

// dechunked is a stream of answers without what stands between chunks.
func dechunked(wire string) string {
	var out strings.Builder
	for rest := wire; rest != ""; {
		line, after, ok := strings.Cut(rest, "\r\n")
		if !ok {
			out.WriteString(line)
			break
		}
		var n int
		if _, err := fmt.Sscanf(line, "%x", &n); err == nil && !strings.Contains(line, " ") && n > 0 && len(after) >= n+2 && after[n:n+2] == "\r\n" {
			out.WriteString(after[:n])
			rest = after[n+2:]
			continue
		}
		out.WriteString(line + "\n")
		rest = after
	}
	return out.String()
}

// TestF05Dismissed: a server that stops lets the answer under way be the last one, in every
// phase of a connection; and a request that is under way itself is answered (F-38), and told.
func TestF05Dismissed(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		want                string // statuses
	}{
		{"fresh", "", getRoot + getRoot, "200"},
		{"fresh, and quiet", "", "", ""},
		{"in a head", getRoot[:10], getRoot[10:], "200"},
		{"in a head, for good", getRoot[:10], getRoot[10:12], "408"},
		{"idle", getRoot, getRoot + getRoot, "200 200"},
		{"idle, and quiet", getRoot, "", "200"},
		{"idle, with a head for good", getRoot, getRoot[:10], "200 408"},
		{"idle, with an empty line", getRoot, "\r\n", "200"},
		{"in a body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n12", "34" + getRoot, "200"},
		{"in a dropped body", "POST /drop HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n12", "34" + getRoot, "200"},
		{"in an answer", "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", getRoot, "200"},
		{"in an answer, with another behind", "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + getRoot, "", "200"},
	} {
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			switch r.Path() {
			case "/slow":
				return co.Sleep(time.Second)
			case "/drop":
				return nil
			}
			_, err := r.Body.Bytes(-1).Await(co)
			return err
		})})
		tr.Receive(c.before)
		tr.Dismiss()
		tr.Receive(c.after)
		clock.Advance(time.Second)
		if got := strings.Join(statuses(tr.Written()), " "); got != c.want || !over(tr) {
			t.Errorf("%s: got %q, closed %v; want %q and the end", c.name, got, over(tr), c.want)
		}
		if answered := strings.Contains(c.before, "\r\n\r\n"); !answered && c.want == "200" && !strings.Contains(tr.Written(), "Connection: close\r\n") {
			t.Errorf("%s: got %q, want it to say that it is the last", c.name, tr.Written())
		}
	}
}

// TestX07Errors: what a server says by itself names nothing of it, whatever is wrong.
func TestX07Errors(t *testing.T) {
	said := map[string]bool{}
	for _, wire := range []string{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/3.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", "GET /" + strings.Repeat("x", 9000), getRoot[:20]} {
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, &web.Server{})
		tr.Receive(wire)
		clock.Advance(time.Minute)
		got := tr.Written()
		_, body, _ := strings.Cut(got, "\r\n\r\n")
		if strings.Count(body, "\n") != 1 || len(body) > 60 || !over(tr) {
			t.Errorf("%.20q: got %q, want one line, and the end", wire, got)
		}
		said[got[9:12]] = true
	}
	for _, status := range []string{"400", "505", "417", "414", "408"} {
		if !said[status] {
			t.Errorf("none was answered %s: %v", status, said)
		}
	}
}

var errBackend = errors.New("back end: gone")

// TestX07Blame: what a client does wrong is no error in the log, what a Handler does is.
func TestX07Blame(t *testing.T) {
	reads := web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		w.WriteString("begun")
		w.Flush()
		return r.Body.Each(func([]byte) {})
	})
	for _, c := range []struct {
		name, wire string
		h          web.Handler
		ours       int
	}{
		{"control: a Handler fails", getRoot, web.Inline(func(*deferred.Co, *web.ResponseWriter, *web.Request) error { return errBackend }), 1},
		{"control: after the head", getRoot, web.Inline(func(_ *deferred.Co, w *web.ResponseWriter, _ *web.Request) error { w.Flush(); return errBackend }), 1},
		{"no request", "\x00\r\n\r\n", says(""), 0},
		{"a malformed body", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", web.Later(echoed), 0},
		{"and after the head", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", reads, 0},
		{"a cut body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx", web.Later(echoed), 0},
		{"and after the head", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx", reads, 0},
		{"a body too large", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\nx", web.Later(echoed), 0},
	} {
		for _, how := range []func(*sim.Transport){(*sim.Transport).End, (*sim.Transport).Reset} {
			clock := sim.NewClock(t)
			tr := sim.Connect(clock, &web.Server{Handler: c.h})
			tr.Receive(c.wire)
			how(tr)
			clock.Advance(time.Minute)
			if got := len(clock.Errors()); got != c.ours {
				t.Errorf("%s: %d errors were logged, want %d:\n%s", c.name, got, c.ours, clock.Logged())
			}
		}
	}
}
