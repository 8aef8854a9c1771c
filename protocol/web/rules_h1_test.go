package web_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1/http1test"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

const getRoot = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

// quiet is a Server of h for tests in which it logs errors, as it should.
func quiet(h web.Handler) *web.Server {
	return &web.Server{Handler: h, Log: slog.New(slog.DiscardHandler)}
}

// statuses are those of the final answers in wire, in order. No body
// may have the words that begin an answer.
func statuses(wire string) (all []string) {
	for i, rest := range strings.Split(wire, "HTTP/1.1 ") {
		if i > 0 && rest[0] != '1' {
			all = append(all, rest[:3])
		}
	}
	return all
}

// over says whether the server has ended the connection.
func over(tr *sim.Transport) bool { return tr.Closed() || tr.Aborted() }

// rules play the corpus' messages of each rule, cut in four ways, and then, to the
// same Server on another connection, the control: what is refused leaves
// nothing behind.
func TestRulesOfHeadsAndFraming(t *testing.T) {
	cases := map[string][]http1test.Case{}
	for _, c := range http1test.Corpus() {
		if rule, _, _ := strings.Cut(c.Name, " "); !c.Response && !strings.Contains(c.Name, "preface of HTTP/2") {
			cases[rule] = append(cases[rule], c)
		}
	}
	for _, rule := range []string{
		"T-01", "T-02", "T-03", "T-04", "T-05", "T-06", "T-07", "T-09", "T-11", "T-12", "T-22",
		"H1-01", "H1-02", "H1-03", "H1-04", "H1-05", "H1-06", "H1-07", "H1-08", "H1-09", "H1-10",
		"H1-11", "H1-12", "H1-13", "H1-14", "H1-16", "H1-19",
	} {
		t.Run(rule, func(t *testing.T) {
			if len(cases[rule]) == 0 {
				t.Fatal("the corpus has no message of this rule")
			}
			for _, c := range cases[rule] {
				for i, way := range deliveries(c.Bytes, len(c.Bytes) < 200) {
					if why := judge(c, play(t, append(way, nil))); why != "" {
						t.Errorf("%s, way %d: %s", c.Name, i, why)
					}
				}
				s := &web.Server{Handler: says("control"), MaxBodyBytes: -1}
				clock := sim.NewClock(t)
				sim.Connect(clock, s).Receive(string(c.Bytes))
				if got := askedOn(t, clock, sim.Connect(clock, s), "GET /control"); got.Body != "control" {
					t.Errorf("%s: the connection after it is answered %d %q", c.Name, got.Status, got.Body)
				}
			}
		})
	}
}

// TestH1_12OthersLeads: connections share a parser as long as it knows nothing, and half
// an empty line before a request is something.
func TestH1_12OthersLeads(t *testing.T) {
	for _, lead := range []string{"\r", "\r\n"} {
		clock := sim.NewClock(t)
		s := &web.Server{Handler: says("ok")}
		one, two := sim.Connect(clock, s), sim.Connect(clock, s)
		one.Receive(lead)
		two.Receive("\r\n" + getRoot) // control: an empty line of its own
		if got := statuses(two.Written()); !slices.Equal(got, []string{"200"}) {
			t.Errorf("after %q on another connection: got %v, want a 200", lead, got)
		}
		one.Receive(("\r\n" + getRoot)[len(lead):])
		if got := statuses(one.Written()); !slices.Equal(got, []string{"200"}) {
			t.Errorf("%q, then the rest: got %v, want a 200", lead, got)
		}
		two.Receive(lead)
		one.Receive(getRoot)
		if got := statuses(one.Written()); !slices.Equal(got, []string{"200", "200"}) {
			t.Errorf("after %q between requests of another: got %v, want 200", lead, got)
		}
		two.Receive(("\r\n\r\n")[len(lead):])
		if got := statuses(two.Written()); len(got) != 2 || got[1] != "400" || !over(two) {
			t.Errorf("two empty lines: got %v, want 400 and the end", got)
		}
		one.End()
		if got := statuses(one.Written()); len(got) != 2 || !over(one) {
			t.Errorf("end: got %v", got)
		}
	}
}

// TestH1_16Expect: 100 (Continue) is said at the first wish for the body and not
// before; without one the connection ends, since nobody knows what comes.
func TestH1_16Expect(t *testing.T) {
	const head = "POST /%s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
	clock := sim.NewClock(t)
	s := &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		switch r.Path() {
		case "/refuse":
			w.WriteHeader(403)
			return nil
		case "/slow":
			return deferred.Chain(after(r.Loop(), time.Second), func(struct{}) *deferred.Signal { return echoed(w, r) })
		}
		return echoed(w, r)
	})}
	tr := sim.Connect(clock, s)
	for _, path := range []string{"take", "slow"} { // controls
		tr.Clear()
		tr.Receive(fmt.Sprintf(head, path))
		if path == "slow" {
			if got := tr.Written(); got != "" {
				t.Errorf("before the Handler wants the body: got %q, want nothing", got)
			}
			clock.Advance(time.Second)
		}
		if got, want := tr.Take(), "HTTP/1.1 100 Continue\r\n\r\n"; got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
		tr.Receive("hello")
		if got := tr.Written(); !strings.HasSuffix(got, "\r\n\r\nhello") || over(tr) {
			t.Errorf("%s: got %q, want the echo, and more to come", path, got)
		}
	}
	tr.Clear()
	tr.Receive(fmt.Sprintf(head, "refuse"))
	got := tr.Take()
	if !strings.HasPrefix(got, "HTTP/1.1 403 ") || !strings.Contains(got, "Connection: close\r\n") || !over(tr) {
		t.Errorf("refused: got %q, want 403 and the end", got)
	}
	tr.Receive("hello" + getRoot)
	if got := tr.Take(); got != "" {
		t.Errorf("after the refusal: got %q, want nothing", got)
	}

	// The body that comes without having waited is no surprise, and 100 is not said then.
	tr = sim.Connect(clock, s)
	tr.Receive(fmt.Sprintf(head, "slow") + "hello")
	clock.Advance(time.Second)
	if got := statuses(tr.Written()); !slices.Equal(got, []string{"200"}) {
		t.Errorf("a client that does not wait: got %v in %q", got, tr.Written())
	}
	// HTTP/1.0 has no 100.
	tr = sim.Connect(clock, s)
	tr.Receive(strings.Replace(fmt.Sprintf(head, "take"), "HTTP/1.1", "HTTP/1.0", 1))
	if got := tr.Written(); got != "" {
		t.Errorf("HTTP/1.0: got %q, want nothing", got)
	}
}

// after fires when d has passed.
func after(l twistor.Loop, d time.Duration) *deferred.Signal {
	done := deferred.New[struct{}](l)
	timer := l.CallLater(d, func() { done.Succeed(struct{}{}) })
	return done.OnCancel(func() { timer.Stop() })
}

// echoed answers the body.
func echoed(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	return deferred.Then(r.Body.Bytes(-1), func(p []byte) (none struct{}, err error) {
		w.Write(p)
		return none, nil
	})
}

// TestH1_17NoBody: answers that have no body have none, whatever their Handler
// writes and by whichever way, and the next answer is read as the next.
func TestH1_17NoBody(t *testing.T) {
	name := filepath.Join(t.TempDir(), "page")
	if err := os.WriteFile(name, bytes.Repeat([]byte("f"), 6000), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	long := bytes.Repeat([]byte("x"), 50_000)
	ways := map[string]func(w *web.ResponseWriter){
		"Write":         func(w *web.ResponseWriter) { w.Write([]byte("body")) },
		"WriteString":   func(w *web.ResponseWriter) { w.WriteString("body") },
		"long":          func(w *web.ResponseWriter) { w.Write(long) },
		"WriteShared":   func(w *web.ResponseWriter) { w.WriteShared(long) },
		"SendFile":      func(w *web.ResponseWriter) { w.SendFile(io.NewSectionReader(file, 0, 6000)) },
		"after Flush":   func(w *web.ResponseWriter) { w.Flush(); w.Write([]byte("body")) },
		"shared, later": func(w *web.ResponseWriter) { w.Flush(); w.WriteShared(long); w.WriteShared(long) },
		"with trailer":  func(w *web.ResponseWriter) { w.WriteString("body"); w.Trailer().Set("X-Sum", "1") },
		"with length": func(w *web.ResponseWriter) {
			w.SetHeader("Content-Length", "4")
			w.WriteString("body")
		},
		"filtered": func(w *web.ResponseWriter) { w.Use(shouting{}); w.WriteString("body"); w.Flush() },
	}
	for _, c := range []struct {
		method string
		status int
	}{{"HEAD", 200}, {"HEAD", 404}, {"GET", 204}, {"GET", 304}, {"HEAD", 204}, {"HEAD", 304}} {
		for how, write := range ways {
			for _, later := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %d %s later=%v", c.method, c.status, how, later), func(t *testing.T) {
					clock := sim.NewClock(t)
					tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
						if r.Path() == "/next" {
							w.WriteString("next")
							return nil
						}
						if !later {
							w.WriteHeader(c.status)
							write(w)
							return nil
						}
						return deferred.Then(after(r.Loop(), 1), func(struct{}) (none struct{}, err error) {
							w.WriteHeader(c.status)
							write(w)
							return none, nil
						})
					})})
					tr.Receive(c.method + " / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n")
					clock.Advance(1)
					first, rest, _ := strings.Cut(tr.Written(), "\r\n\r\n")
					if !strings.HasPrefix(first, fmt.Sprintf("HTTP/1.1 %d ", c.status)) {
						t.Errorf("got %q, want %d", first, c.status)
					}
					if !strings.HasPrefix(rest, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(rest, "\r\n\r\nnext") {
						t.Errorf("after the head: got %.100q, want the next answer", rest)
					}
					// https://www.rfc-editor.org/rfc/rfc9110#section-8.6: "A server MUST NOT send a
					// Content-Length header field in any response with a status code of 1xx or 204."
					if c.status == 204 && strings.Contains(first, "Content-Length") {
						t.Errorf("a 204 with a length: %q", first)
					}
					if strings.Contains(first, "chunked") && c.status != 200 && c.status != 404 {
						t.Errorf("chunks of no body: %q", first)
					}
				})
			}
		}
	}
}

// shouting is a Filter that makes bodies longer.
type shouting struct{}

func (shouting) Begin(int, *web.Header, int64) bool { return true }
func (shouting) Append(dst, p []byte, flush, last bool) ([]byte, error) {
	dst = append(dst, bytes.ToUpper(p)...)
	if last {
		dst = append(dst, '!')
	}
	return dst, nil
}

// TestH1_18Length: an answer whose body differs from its Content-Length is an error
// to its Handler, a 500 where its head has not left and else a cut connection;
// what follows it is never read as part of it.
func TestH1_18Length(t *testing.T) {
	long := strings.Repeat("x", 40_000)
	for _, c := range []struct {
		name, declared, body string
		flush                bool
		want                 string // "200", "500", or "cut"
	}{
		{"control: equal", "4", "body", false, "200"},
		{"control: equal and flushed", "4", "body", true, "200"},
		{"control: not declared", "", "body", false, "200"},
		{"control: no number is not declared", "4x", "body", false, "200"},
		{"more", "3", "body", false, "500"},
		{"less", "5", "body", false, "500"},
		{"none of it", "5", "", false, "500"},
		{"more, flushed", "3", "body", true, "cut"},
		{"less, flushed", "5", "body", true, "cut"},
		{"more than is kept back", "39999", long, false, "500"},
		{"less than is kept back", "40001", long, false, "cut"},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := sim.NewClock(t)
			var wrote error
			tr := sim.Connect(clock, quiet(web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
				if c.declared != "" {
					w.SetHeader("Content-Length", c.declared)
				}
				w.SetHeader("Transfer-Encoding", "chunked") // nobody's but the server's
				if c.flush {
					w.Flush()
				}
				_, wrote = w.WriteString(c.body)
			})))
			tr.Receive(getRoot + getRoot)
			got := tr.Written()
			head, body, _ := strings.Cut(got, "\r\n\r\n")
			chunked, length := strings.Contains(head, "Transfer-Encoding"), strings.Contains(head, "Content-Length")
			if chunked == length {
				t.Errorf("one framing is wanted: %q", head)
			}
			switch c.want {
			case "200":
				if all := statuses(got); !slices.Equal(all, []string{"200", "200"}) || over(tr) {
					t.Errorf("got %v, want two good answers", all)
				}
			case "500":
				if all := statuses(got); len(all) == 0 || all[0] != "500" || slices.Contains(all, "200") {
					t.Errorf("got %v, want 500", all)
				}
			case "cut":
				if all := statuses(got); !slices.Equal(all, []string{"200"}) || !over(tr) || len(body) > len(c.body) {
					t.Errorf("got %v, closed %v, a body of %d: want one, cut", all, over(tr), len(body))
				}
			}
			if more := strings.HasPrefix(c.name, "more"); more != (wrote == web.ErrLength) {
				t.Errorf("Write: got %v", wrote)
			}
		})
	}
}

// TestH1_19Close: what comes behind "Connection: close" is not served.
func TestH1_19Close(t *testing.T) {
	for _, c := range []struct {
		name, first string
		want        int
	}{
		{"control: it stays", getRoot, 2},
		{"close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 1},
		{"close among others", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", 1},
		{"HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", 1},
		{"control: HTTP/1.0 that stays", "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", 2},
		{"the Handler closes", "GET /close HTTP/1.1\r\nHost: a\r\n\r\n", 1},
	} {
		served := 0
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
			if served++; r.Path() == "/close" {
				w.SetHeader("Connection", "close")
			}
		})})
		tr.Receive(c.first + getRoot)
		tr.Receive(getRoot[:3])
		if served != c.want || over(tr) != (c.want == 1) {
			t.Errorf("%s: got %d served, closed %v, want %d", c.name, served, over(tr), c.want)
		}
		if got := strings.Contains(tr.Written(), "Connection: close\r\n"); got != (c.want == 1) {
			t.Errorf("%s: close is said: %v, in %q", c.name, got, tr.Written())
		}
	}
}

// TestT_10Order: of two requests in one segment the second is not dispatched until the
// first, which takes its time, is answered to the end.
func TestT_10Order(t *testing.T) {
	clock := sim.NewClock(t)
	var begun []string
	tr := sim.Connect(clock, &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		begun = append(begun, r.Path())
		if _, err := w.WriteString("begin " + r.Path()); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if r.Path() == "/slow" {
			if err := co.Sleep(time.Second); err != nil {
				return err
			}
		}
		_, err := w.WriteString(" end " + r.Path())
		return err
	})})
	tr.Receive("GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /fast HTTP/1.1\r\nHost: a\r\n\r\n")
	clock.Advance(time.Second - 1)
	if got := strings.Join(begun, " "); got != "/slow" || strings.Contains(tr.Written(), "/fast") {
		t.Errorf("before the first answer's end: got %q begun, and %q written", got, tr.Written())
	}
	clock.Advance(1)
	if got := strings.Join(begun, " "); got != "/slow /fast" {
		t.Errorf("after it: got %q begun, want both", got)
	}
	wire := tr.Written()
	if first, second := strings.Index(wire, "end /slow"), strings.Index(wire, "begin /fast"); first < 0 || second < first {
		t.Errorf("got %q, want the second answer behind the first", wire)
	}
}

// TestH1_26PipelineUnread: of a client that asks and asks, and reads nothing, reading
// stops when the answers fill the connection; it goes on when it reads.
func TestH1_26PipelineUnread(t *testing.T) {
	served := 0
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		served++
		w.WriteString(strings.Repeat("x", 1000))
	})})
	tr.Hold()
	for range 100 {
		tr.Receive(strings.Repeat(getRoot, 100))
	}
	if n := tr.Buffered(); n > 68<<10 || over(tr) {
		t.Errorf("got %d bytes of answers kept, and the end %v: want at most 64 KiB and one answer", n, over(tr))
	}
	if !tr.Paused() {
		t.Error("reading goes on")
	}
	for i := 0; i < 20_000 && served < 10_000; i++ {
		tr.Drain(8 << 10)
		clock.Advance(0)
	}
	tr.Drain(-1)
	clock.Advance(0)
	if served != 10_000 || len(statuses(tr.Written())) != 10_000 || over(tr) {
		t.Errorf("when it reads: got %d served and %d answers, want 10,000 of each", served, len(statuses(tr.Written())))
	}
}

// TestH1_26PipelineForgotten: one that goes on reading nothing is given up.
func TestH1_26PipelineForgotten(t *testing.T) {
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, &web.Server{Handler: says(strings.Repeat("x", 1000))})
	tr.Hold()
	tr.Receive(strings.Repeat(getRoot, 1000))
	clock.Advance(web.DefaultWriteTimeout + 20*time.Second)
	if tr.Err() == nil {
		t.Error("a client that takes nothing is still there")
	}
}
