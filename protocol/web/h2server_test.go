package web_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/internal/h2"
	"github.com/twistor-go/twistor/sim"
)

// An h2asker is a client of HTTP/2 that asks by hand: a Server sees all that it
// says, faults too.
type h2asker struct {
	t       twistor.Transport
	h2      *h2.Conn
	answers []*h2answer
	over    bool
	ended   *h2.Error
	gone    *h2.Error // GOAWAY
}

type h2answer struct {
	stream  *h2.Stream
	informs []int
	status  int
	body    int
	text    string // the first bytes of the body
	whole   bool
	reset   *h2.Cause
}

func (a *h2asker) Connected() {
	a.h2 = h2.NewConn(h2.Client, h2.Config{IdleTimeout: time.Hour}, new(h2.Pool), a.t, a.t.Loop(), a)
	a.h2.Start()
}
func (a *h2asker) Received(p []byte)            { a.h2.Receive(p) }
func (a *h2asker) Drained()                     { a.h2.Drained() }
func (a *h2asker) Disconnected(error)           { a.h2.Disconnected() }
func (a *h2asker) Ended(why *h2.Error)          { a.over, a.ended = true, why; a.t.Close() }
func (a *h2asker) Relieved()                    {}
func (a *h2asker) PongReceived([8]byte)         {}
func (a *h2asker) SettingsReceived()            {}
func (a *h2asker) GoAwayReceived(why *h2.Error) { a.gone = why }
func (a *h2asker) StreamDrained(*h2.Stream)     {}
func (a *h2asker) of(s *h2.Stream) *h2answer    { return s.Owner.(*h2answer) }
func (a *h2asker) finish(s *h2.Stream, end bool) {
	if x := a.of(s); end {
		x.whole, x.stream = true, nil
		a.h2.Release(s)
	}
}

func (a *h2asker) HeaderReceived(s *h2.Stream, h *h2.Head, end bool) {
	x := a.of(s)
	if h.Status < 200 {
		x.informs = append(x.informs, h.Status)
		return
	}
	x.status = h.Status
	a.finish(s, end)
}

func (a *h2asker) DataReceived(s *h2.Stream, p []byte, end bool) {
	x := a.of(s)
	x.body += len(p)
	x.text += string(p[:min(len(p), max(0, 100-len(x.text)))])
	a.h2.Consume(s, len(p))
	a.finish(s, end)
}

func (a *h2asker) TrailerReceived(s *h2.Stream, _ *http1.Header) { a.finish(s, true) }

func (a *h2asker) StreamReset(s *h2.Stream, why h2.Cause) {
	x := a.of(s)
	x.reset, x.stream = &why, nil
	a.h2.Release(s)
}

// ask sends a request with the fields; body nil: it ends with its head.
func (a *h2asker) ask(method, path string, end bool, fields ...string) *h2answer {
	h := new(http1.Header)
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	x := new(h2answer)
	var err error
	x.stream, err = a.h2.Open(h2.Question{Method: method, Scheme: "http", Authority: "server", Path: path, Length: -1, Header: h, End: end}, x)
	if err != nil {
		panic(err)
	}
	a.answers = append(a.answers, x)
	return x
}

// h2Asking has a host serve s, and another ask it.
func h2Asking(t *testing.T, s *web.Server) (*sim.World, *h2asker) {
	t.Helper()
	w := sim.New(t, 1)
	w.Host("server").Listen("tcp", ":80", s)
	var a *h2asker
	w.Host("client").Do(func(co *deferred.Co) (err error) {
		a, err = twistor.Dial(w.Host("client").Loop(), "tcp", "server:80", func(tr twistor.Transport) *h2asker { return &h2asker{t: tr} }).Await(co)
		return err
	})
	t.Cleanup(func() { on(w, func() { a.t.Close() }) })
	return w, a
}

// H2-08: a client that begins HTTP/2's preface, and stops, has the time of a
// head and no more.
func TestH2_08PriKnowledgeDeadline(t *testing.T) {
	for _, began := range []string{"PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x0c\x04"} {
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, &web.Server{})
		tr.Receive(began)
		clock.Advance(9 * time.Second)
		if tr.Closed() {
			t.Errorf("%q: it was closed too early", began)
		}
		clock.Advance(12 * time.Second)
		if !tr.Closed() {
			t.Errorf("%q and silence: it is open after 20 s", began)
		}
	}
}

// H2-09: an Upgrade to h2c is not taken: its body is a body.
func TestH2_09NoUpgradeToH2c(t *testing.T) {
	clock := sim.NewClock(t)
	seen := ""
	tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		return deferred.Then(r.Body.Bytes(-1), func(p []byte) (struct{}, error) { seen = string(p); return struct{}{}, nil })
	})})
	body := h2.Preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	tr.Receive(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	clock.Advance(0)
	if seen != body {
		t.Errorf("the Handler saw a body of %q, want %q", seen, body)
	}
	if got := tr.Written(); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("the answer is %q, want HTTP/1.1", got)
	}
}

// Heads that no Handler sees are answered in their own streams.
func TestV27Refusals(t *testing.T) {
	served := 0
	w, a := h2Asking(t, &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { served++ })})
	var large, expect, fine *h2answer
	on(w, func() {
		large = a.ask("GET", "/", true, "x", strings.Repeat("v", 5000), "y", strings.Repeat("v", 5000), "z", strings.Repeat("v", 8000))
		expect = a.ask("POST", "/", false, "expect", "something")
		fine = a.ask("GET", "/", true)
	})
	if large.status != 431 || expect.status != 417 || fine.status != 200 || served != 1 {
		t.Errorf("got %d, %d, %d, and %d served; want 431, 417, 200 and 1", large.status, expect.status, fine.status, served)
	}
}

// UC09: a client that waits for 100 (Continue) hears it when the body is wanted.
func TestV27Continue(t *testing.T) {
	w, a := h2Asking(t, &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		if r.Path() == "/no" {
			w.WriteHeader(403)
			return nil
		}
		return spoken(co, w, r)
	})})
	var yes, no *h2answer
	on(w, func() {
		yes = a.ask("POST", "/", false, "expect", "100-continue")
		no = a.ask("POST", "/no", false, "expect", "100-continue")
	})
	if fmt.Sprint(yes.informs) != "[100]" || len(no.informs) != 0 || no.status != 403 {
		t.Errorf("informed %v and %v, status %d; want 100, nothing, 403", yes.informs, no.informs, no.status)
	}
	on(w, func() { a.h2.SendData(yes.stream, []byte("abc"), true) })
	if yes.text != "HTTP/2 POST server / 3" {
		t.Errorf("got %q", yes.text)
	}
}

// A client that resets its stream cancels the answer, and the others go on.
func TestV27ResetCancels(t *testing.T) {
	var ended error
	cancelled := false
	w, a := h2Asking(t, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		if r.Path() != "/slow" {
			return nil
		}
		w.After(func(_ int, _ int64, err error) { ended = err })
		return deferred.New[struct{}](r.Loop()).OnCancel(func() { cancelled = true })
	})})
	var slow, other *h2answer
	on(w, func() { slow = a.ask("GET", "/slow", true) })
	on(w, func() {
		a.h2.Reset(slow.stream, h2.Cancel)
		other = a.ask("GET", "/", true)
	})
	if !cancelled || !errors.As(ended, new(h2.Cause)) {
		t.Errorf("cancelled %v, After heard %v", cancelled, ended)
	}
	if other.status != 200 {
		t.Errorf("another stream got %d, want 200", other.status)
	}
}

// A failure after the head resets the stream, so that nobody takes it for whole.
func TestV27AbortIsSeen(t *testing.T) {
	w, a := h2Asking(t, &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		w.Write([]byte("half"))
		w.Flush()
		co.Sleep(time.Millisecond)
		w.Abort()
		return nil
	})})
	var x *h2answer
	on(w, func() { x = a.ask("GET", "/", true) })
	if n := len(w.Errors()); n != 1 {
		t.Errorf("%d failures were logged, want 1", n)
	}
	if x.whole || x.reset == nil || x.reset.Code != h2.InternalError || x.text != "half" {
		t.Errorf("whole %v, reset %v, body %q", x.whole, x.reset, x.text)
	}
}

// T-03: a body that comes too slowly is given up, and the connection goes on.
func TestV27SlowBody(t *testing.T) {
	w, a := h2Asking(t, &web.Server{Handler: web.Inline(spoken)})
	var slow, fast *h2answer
	on(w, func() { slow = a.ask("POST", "/", false) })
	for range 30 {
		on(w, func() {
			if slow.stream != nil {
				a.h2.SendData(slow.stream, []byte("x"), false)
			}
		})
	}
	if slow.status != 408 {
		t.Errorf("a byte a second got %d, want 408", slow.status)
	}
	on(w, func() { fast = a.ask("POST", "/", false) })
	for range 30 {
		on(w, func() { a.h2.SendData(fast.stream, make([]byte, 2000), false) })
	}
	on(w, func() { a.h2.SendData(fast.stream, nil, true) })
	if fast.text != "HTTP/2 POST server / 60000" {
		t.Errorf("control: 2,000 bytes a second got %d %q", fast.status, fast.text)
	}
}

// Many large answers at once wait for each other, and none is lost.
func TestV27Congestion(t *testing.T) {
	running, most := 0, 0
	w, a := h2Asking(t, &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		running++
		most = max(most, w.Buffered())
		w.Write(make([]byte, 200_000))
	})})
	on(w, func() {
		for range 60 {
			a.ask("GET", "/", true)
		}
	})
	w.Advance(20 * time.Second)
	for i, x := range a.answers {
		if !x.whole || x.body != 200_000 {
			t.Fatalf("answer %d: whole %v, %d bytes, reset %v", i, x.whole, x.body, x.reset)
		}
	}
	if running != 60 || most > 1<<20 {
		t.Errorf("%d were served, %d bytes waited; want 60 and at most 1 MiB", running, most)
	}
}

// MaxRequests, and a service that stops: the answers under way are the last.
func TestV27GoAway(t *testing.T) {
	s := &web.Server{MaxRequests: 3, Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		return co.Sleep(time.Second)
	})}
	w, a := h2Asking(t, s)
	on(w, func() {
		for range 3 {
			a.ask("GET", "/", true)
		}
	})
	w.Advance(3 * time.Second)
	if a.gone == nil || a.gone.Code != h2.NoError || !a.over {
		t.Errorf("GOAWAY %v, over %v", a.gone, a.over)
	}
	for _, x := range a.answers {
		if x.status != 200 {
			t.Errorf("an answer under way: got %d, reset %v; want 200", x.status, x.reset)
		}
	}
	if n := s.Stats(); n.Connections != 0 || n.Requests != 3 || n.Accepted != 1 {
		t.Errorf("stats: got %+v", n)
	}
}

// A panic in what a Handler left behind ends its own stream only.
func TestV27PanicsAreContained(t *testing.T) {
	w, a := h2Asking(t, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		if r.Path() == "/panic" {
			return r.Body.Each(func(p []byte) { panic("no " + string(p)) })
		}
		return r.Body.Each(func(p []byte) { w.Write(p) })
	})})
	var bad, good *h2answer
	on(w, func() {
		bad, good = a.ask("POST", "/panic", false), a.ask("POST", "/", false)
	})
	on(w, func() {
		a.h2.SendData(bad.stream, []byte("cigar"), true)
		a.h2.SendData(good.stream, []byte("cigar"), true)
	})
	if bad.status != 500 || good.text != "cigar" {
		t.Errorf("got %d and %q, want 500 and the echo", bad.status, good.text)
	}
	if n := len(w.Errors()); n != 1 {
		t.Errorf("%d failures were logged, want 1", n)
	}
}

// RFC 8441: WebSockets are offered where they can be taken.
func TestRFC8441_Offered(t *testing.T) {
	native := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {})
	for _, c := range []struct {
		server *web.Server
		want   bool
	}{
		{&web.Server{Handler: native}, true},
		{&web.Server{}, true},
		{&web.Server{Handler: native, HTTP2: web.HTTP2Limits{WithoutConnect: true}}, false},
		{&web.Server{Handler: web.HTTP(http.NotFoundHandler())}, false},
		{&web.Server{Handler: web.OnLoop(http.NotFoundHandler())}, false},
	} {
		w, a := h2Asking(t, c.server)
		w.Advance(time.Second)
		if got := a.h2.OffersConnect(); got != c.want {
			t.Errorf("%T: offered %v, want %v", c.server.Handler, got, c.want)
		}
	}
}

// FuzzH2Cuts: what a Server answers does not depend on how its input was cut.
func FuzzH2Cuts(f *testing.F) {
	for _, requests := range []func(a *h2asker){
		func(a *h2asker) {
			a.ask("GET", "/", true, "cookie", "a=b", "accept", "*/*")
			a.ask("GET", "/", true, "cookie", "a=b", "accept", "*/*")
		},
		func(a *h2asker) {
			x := a.ask("POST", "/", false, "expect", "100-continue")
			a.h2.SendData(x.stream, []byte(strings.Repeat("abc", 10_000)), false)
			trailer := new(http1.Header)
			trailer.Add("x-sum", "7")
			a.h2.SendTrailer(x.stream, trailer)
			a.h2.Reset(a.ask("GET", "/large", true).stream, h2.Cancel)
			a.h2.Ping([8]byte{})
			a.h2.Shutdown()
		},
	} {
		clock := sim.NewClock(f)
		var a *h2asker
		tr := sim.Connect(clock, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			a = &h2asker{t: t}
			return a
		}))
		requests(a)
		clock.Advance(0)
		f.Add([]byte(tr.Written()), uint64(len(a.answers)))
	}
	f.Fuzz(func(t *testing.T, p []byte, seed uint64) {
		if len(p) > 1<<17 {
			return
		}
		play := func(cut func() int) string {
			clock := sim.NewClock(t)
			tr := sim.Connect(clock, &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
				if r.Path() == "/large" {
					w.Write(make([]byte, 100_000))
				}
				fmt.Fprintf(w, "%s %s %s %s", r.Method, r.Host(), r.Target(), r.Header.Get("cookie"))
			})})
			for rest := p; len(rest) > 0 && !tr.Closed(); {
				n := min(max(1, cut()), len(rest))
				tr.Receive(string(rest[:n]))
				rest = rest[n:]
			}
			clock.Errors()
			return tr.Written()
		}
		random := rand.New(rand.NewPCG(seed, 0))
		whole, cut := play(func() int { return len(p) }), play(func() int { return 1 + random.IntN(50) })
		if whole != cut {
			t.Fatalf("whole it answers %q, cut %q", whole, cut)
		}
	})
}
