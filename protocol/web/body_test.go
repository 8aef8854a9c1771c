package web_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// takings are the ways to take a body, each of which answers it.
var takings = map[string]web.Handler{
	"Bytes": web.Later(echoed),
	"Each": web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		return r.Body.Each(func(p []byte) { w.Write(p) })
	}),
	"Each, later": web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		return deferred.Chain(after(r.Loop(), time.Second), func(struct{}) *deferred.Signal {
			return r.Body.Each(func(p []byte) { w.Write(p) })
		})
	}),
	"Each, in fits": web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		return r.Body.Each(func(p []byte) {
			w.Write(p)
			r.Body.Pause()
			r.Loop().CallLater(time.Millisecond, r.Body.Resume)
		})
	}),
	"Read": web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		p := make([]byte, 7)
		for {
			n, err := r.Body.Read(co, p)
			w.Write(p[:n])
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}),
	"Reader, later": web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		co.Sleep(time.Second)
		_, err := io.Copy(w, r.Body.Reader(co))
		return err
	}),
}

// TestUC09Taken: however a body is taken, and however it comes, all of it is there, in
// order, and the next request is served.
// (V05, V07.)
func TestUC09Taken(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 1000)
	var chunks strings.Builder
	for i := 0; i < len(body); i += 999 {
		piece := body[i:min(i+999, len(body))]
		fmt.Fprintf(&chunks, "%x\r\n%s\r\n", len(piece), piece)
	}
	framings := map[string]string{
		"length": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body),
		"chunks": "Transfer-Encoding: chunked\r\n\r\n" + chunks.String() + "0\r\n\r\n",
	}
	for taking, h := range takings {
		for framing, rest := range framings {
			for _, size := range []int{1 << 20, 5000, 13} {
				t.Run(fmt.Sprintf("%s %s %d", taking, framing, size), func(t *testing.T) {
					clock := sim.NewClock(t)
					tr := sim.Connect(clock, &web.Server{Handler: h})
					wire := "POST / HTTP/1.1\r\nHost: a\r\n" + rest + getRoot
					for len(wire) > 0 {
						n := min(size, len(wire))
						tr.Receive(wire[:n])
						wire = wire[n:]
						clock.Advance(100 * time.Microsecond)
					}
					clock.Advance(time.Hour / 100)
					got := readAnswer(t, tr.Written(), "POST")
					if got.Body != body {
						t.Errorf("got %d bytes, want %d", len(got.Body), len(body))
					}
					if n := len(statuses(tr.Written())); n != 2 {
						t.Errorf("got %d answers, want that of the next request too", n)
					}
				})
			}
		}
	}
}

// TestUC09Limit: a body beyond its limit is refused as soon as that is known: by its
// length before any of it is asked for, in chunks when it comes.
func TestUC09Limit(t *testing.T) {
	limited := func(n int64) web.Handler {
		return web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			if n != 0 {
				r.Body.Limit(n)
			}
			return echoed(w, r)
		})
	}
	const length, chunked = "Content-Length: 10\r\n", "Transfer-Encoding: chunked\r\n"
	for _, c := range []struct {
		name, fields, body string
		server             int64 // MaxBodyBytes
		limit              int64 // the Handler's
		want               string
	}{
		{"control: at it, by length", length, "0123456789", 0, 10, "200"},
		{"control: at it, in chunks", chunked, "a\r\n0123456789\r\n0\r\n\r\n", 0, 10, "200"},
		{"control: the Handler allows more", length, "0123456789", 5, 10, "200"},
		{"control: none", length, "0123456789", 5, -1, "200"},
		{"by length", length, "", 0, 9, "413"},
		{"by length, and waiting", length + "Expect: 100-continue\r\n", "", 0, 9, "413"},
		{"in chunks", chunked, "5\r\n01234\r\n5\r\n56789\r\n", 0, 9, "413"},
		{"the Server's, by length", length, "", 9, 0, "413"},
		{"the Server's, in chunks", chunked, "a\r\n0123456789\r\n", 9, 0, "413"},
		{"the default", "Content-Length: 10485761\r\n", "", 0, 0, "413"},
	} {
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, &web.Server{MaxBodyBytes: c.server, Handler: limited(c.limit)})
		tr.Receive("POST / HTTP/1.1\r\nHost: a\r\n" + c.fields + "\r\n" + c.body)
		got := tr.Written()
		if all := statuses(got); !slices.Equal(all, []string{c.want}) || strings.Contains(got, "100 Continue") {
			t.Errorf("%s: got %v, want %s alone", c.name, all, c.want)
		}
		if over(tr) != (c.want == "413") {
			t.Errorf("%s: closed %v", c.name, over(tr))
		}
	}
}

// TestUC09HeldBack: of a body that nobody takes, or not now, no more than 64 KiB and a read
// are kept; when it is taken the client may go on, and its leaving is seen.
func TestUC09HeldBack(t *testing.T) {
	var body *web.Body
	var got int
	var done *deferred.Signal
	left := false
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		body = r.Body
		return deferred.New[struct{}](r.Loop()).OnCancel(func() { left = true })
	})})
	tr.Receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
	piece := strings.Repeat("x", 20_000)
	sent := 0
	for !tr.Paused() && sent < 200_000 {
		tr.Receive(piece)
		sent += len(piece)
	}
	if sent != 80_000 {
		t.Errorf("nobody takes it: %d bytes were taken from the network, want 64 KiB and no more than the rest of a read", sent)
	}
	done = body.Each(func(p []byte) { got += len(p) })
	clock.Advance(0)
	if tr.Paused() {
		t.Error("it is taken: the client is still held back")
	}
	body.Pause()
	for !tr.Paused() && sent < 200_000 {
		tr.Receive(piece)
		sent += len(piece)
	}
	if sent != 160_000 || got != 80_000 {
		t.Errorf("paused: %d bytes of %d were given, want 80,000 of 160,000", got, sent)
	}
	// The last bytes come while it is held back, and are the last.
	tr.Receive(piece, piece)
	body.Resume()
	clock.Advance(0)
	if _, ok := done.Result(); !ok || got != 200_000 {
		t.Errorf("resumed: got %d bytes, want all, and the end", got)
	}
	if tr.Paused() {
		t.Error("all is taken: the client is still held back")
	}
	tr.End()
	if !left {
		t.Error("the client has left, and the Handler does not know")
	}
}

// TestUC09EndIsHeldBack: when even the last byte has come while the body was held back, taking
// it lets the connection hear of its client again.
func TestUC09EndIsHeldBack(t *testing.T) {
	var body *web.Body
	left := false
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		body = r.Body
		return deferred.New[struct{}](r.Loop()).OnCancel(func() { left = true })
	})})
	tr.Receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n", strings.Repeat("x", 70_000))
	if !tr.Paused() {
		t.Fatal("70,000 bytes that nobody takes do not hold the client back")
	}
	all := body.Bytes(-1)
	clock.Advance(0)
	if p := sim.Result(t, all); len(p) != 70_000 {
		t.Errorf("got %d bytes", len(p))
	}
	tr.End()
	if !left {
		t.Error("the client has left, and the Handler does not know")
	}
}

// TestUC09Dropped: what nobody took of a body is read, up to 256 KiB, so that the next
// request is served; beyond that the connection ends.
func TestUC09Dropped(t *testing.T) {
	post := func(fields, body string) string { return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body }
	chunk := "1000\r\n" + strings.Repeat("x", 0x1000) + "\r\n"
	for _, c := range []struct {
		name, wire string
		stays      bool
	}{
		{"control: none", post("", ""), true},
		{"a little", post("Content-Length: 5\r\n", "hello"), true},
		{"256 KiB", post("Content-Length: 262144\r\n", strings.Repeat("x", 262144)), true},
		{"256 KiB and one", post("Content-Length: 262145\r\n", strings.Repeat("x", 262145)), false},
		{"256 KiB in chunks", post("Transfer-Encoding: chunked\r\n", strings.Repeat(chunk, 64)+"0\r\n\r\n"), true},
		{"more in chunks", post("Transfer-Encoding: chunked\r\n", strings.Repeat(chunk, 65)+"0\r\n\r\n"), false},
		{"with a fault", post("Transfer-Encoding: chunked\r\n", "5\r\nhello!\r\n"), false},
	} {
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, &web.Server{Handler: says("ok")})
		for wire := c.wire + getRoot; len(wire) > 0; {
			n := min(len(wire), 16<<10)
			tr.Receive(wire[:n])
			wire = wire[n:]
		}
		want := []string{"200"}
		if c.stays {
			want = []string{"200", "200"}
		}
		if got := statuses(tr.Written()); !slices.Equal(got, want) || over(tr) == c.stays {
			t.Errorf("%s: got %v, closed %v; want %v", c.name, got, over(tr), want)
		}
	}
}

// TestUC09TakenTwice: only one can have it.
// (V05, V07.)
func TestUC09TakenTwice(t *testing.T) {
	var errs []error
	note := func(_ struct{}, err error) { errs = append(errs, err) }
	s := &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		done := r.Body.Each(func([]byte) {})
		r.Body.Each(func([]byte) {}).Done(note)
		_, err := r.Body.Read(co, make([]byte, 1))
		note(struct{}{}, err)
		_, err = done.Await(co)
		note(struct{}{}, err)
		return nil
	})}
	if got := asked(t, s, "POST /", "Content-Length: 2", "", "hi"); got.Status != 200 {
		t.Errorf("got %d", got.Status)
	}
	if want := []error{web.ErrBodyTaken, web.ErrBodyTaken, nil}; !slices.Equal(errs, want) {
		t.Errorf("got %v, want %v", errs, want)
	}
}

// TestV03Trailer: the fields after the body are there when it is over, and are no
// fields of the head.
func TestV03Trailer(t *testing.T) {
	for taking, h := range takings {
		var early *web.Header
		var late, head string
		s := &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			early = r.Body.Trailer()
			body := r.Body
			return deferred.Then(h.Serve(w, r), func(struct{}) (none struct{}, err error) {
				late, head = body.Trailer().Get("X-Sum"), r.Header.Get("X-Sum")
				return none, nil
			})
		})}
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, s)
		tr.Receive("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-S", "um: 42\r\n\r\n")
		clock.Advance(time.Minute)
		if early != nil || late != "42" || head != "" {
			t.Errorf("%s: got %v before, %q after, and %q in the head; want 42 after it", taking, early, late, head)
		}
	}
}

// TestV10Left: at whatever byte of a request its client leaves, by an end of its direction or
// by a reset, the Handler's wait is over, nothing is left behind, and nobody is blamed.
func TestV10Left(t *testing.T) {
	const wire = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789"
	for taking, h := range takings {
		for at := range len(wire) {
			for _, how := range []string{"end", "reset"} {
				clock := sim.NewClock(t)
				s := &web.Server{Handler: h}
				tr := sim.Connect(clock, s)
				tr.Receive(wire[:at])
				if how == "end" {
					tr.End()
				} else {
					tr.Reset()
				}
				clock.Advance(2 * time.Second)
				got := statuses(tr.Written())
				if !over(tr) && tr.Err() == nil {
					t.Errorf("%s, %s at %d: the connection is still open", taking, how, at)
				}
				if len(got) > 1 || len(got) == 1 && got[0] != "400" && !cut(t, tr.Written()) {
					t.Errorf("%s, %s at %d: got %q, want 400, nothing, or a part", taking, how, at, tr.Written())
				}
				if n := s.Stats().Connections; n != 0 {
					t.Errorf("%s, %s at %d: %d connections are counted", taking, how, at, n)
				}
				if n := clock.Pending(); n != 0 {
					t.Errorf("%s, %s at %d: %d timers are left", taking, how, at, n)
				}
			}
		}
	}
}

// cut says whether an answer has begun and not ended.
func cut(t *testing.T, wire string) bool {
	return strings.HasSuffix(readAnswer(t, wire, "GET").Body, "(unexpected EOF)")
}

// TestV10LeftBodyUntaken: a client that ends within a body that nobody reads has left, as one
// that ends behind its request has.
func TestV10LeftBodyUntaken(t *testing.T) {
	for name, wire := range map[string]string{
		"control: behind the request": getRoot,
		"within a body":               "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234",
		"within chunks":               "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n012",
	} {
		left := false
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			return deferred.New[struct{}](r.Loop()).OnCancel(func() { left = true })
		})})
		tr.Receive(wire)
		tr.End()
		if !left || !over(tr) {
			t.Errorf("%s: the Handler knows %v, closed %v", name, left, over(tr))
		}
	}
}

// TestV10HalfLeft: one that ends its direction behind the request, and still reads, gets
// what has begun.
func TestV10HalfLeft(t *testing.T) {
	for name, wire := range map[string]string{
		"behind the request":             getRoot,
		"within a body that is not read": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234",
	} {
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			w.WriteString("one ")
			w.Flush()
			if err := co.Sleep(time.Second); err != nil {
				return err
			}
			_, err := w.WriteString("two")
			return err
		})})
		tr.Receive(wire)
		tr.End()
		clock.Advance(time.Second)
		if got := readAnswer(t, tr.Written(), "GET"); got.Body != "one two" || !over(tr) {
			t.Errorf("%s: got %q, closed %v; want all of it, and the end", name, got.Body, over(tr))
		}
	}
	// One that ends where the rest of its body is only dropped.
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, &web.Server{Handler: says("ok")})
	tr.Receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234")
	tr.End()
	if got := statuses(tr.Written()); !slices.Equal(got, []string{"200"}) || !over(tr) {
		t.Errorf("a body to drop: got %v, closed %v", got, over(tr))
	}
}

// TestUC09Errors: who takes a body learns why it ended.
func TestUC09Errors(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct {
		name string
		play func(clock *sim.Clock, tr *sim.Transport)
		want error
		is   string
	}{
		{"control: whole", func(_ *sim.Clock, tr *sim.Transport) { tr.Receive("0\r\n\r\n") }, nil, ""},
		{"cut", func(_ *sim.Clock, tr *sim.Transport) { tr.End() }, io.ErrUnexpectedEOF, ""},
		{"reset", func(_ *sim.Clock, tr *sim.Transport) { tr.Reset() }, nil, "connection reset"},
		{"malformed", func(_ *sim.Clock, tr *sim.Transport) { tr.Receive("x\r\n") }, nil, "chunk size"},
		{"too large", func(_ *sim.Clock, tr *sim.Transport) { tr.Receive("20\r\n" + strings.Repeat("x", 32) + "\r\n") }, web.ErrTooLarge, ""},
		{"the answer was first", func(clock *sim.Clock, tr *sim.Transport) { clock.Advance(time.Second) }, web.ErrEnded, ""},
		{"the server stops", func(_ *sim.Clock, tr *sim.Transport) { tr.Break(twistor.ErrStopped) }, twistor.ErrStopped, ""},
	} {
		clock := sim.NewClock(t)
		var got error
		fired := 0
		tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			r.Body.Limit(16)
			r.Body.Each(func([]byte) {}).Done(func(_ struct{}, err error) { got, fired = err, fired+1 })
			return after(r.Loop(), time.Second)
		})})
		tr.Receive(head)
		c.play(clock, tr)
		if fired != 1 || c.want != nil && !errors.Is(got, c.want) || c.want == nil && c.is == "" && got != nil || !strings.Contains(fmt.Sprint(got), c.is) {
			t.Errorf("%s: got %v, %d times; want %v %s", c.name, got, fired, c.want, c.is)
		}
		tr.Reset()
		clock.Advance(time.Minute)
	}
}

// TestUC09LimitLate: what came before somebody wanted it counts too.
func TestUC09LimitLate(t *testing.T) {
	for limit, want := range map[int64]string{100: "200", 99: "413"} {
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			return deferred.Chain(after(r.Loop(), time.Second), func(struct{}) *deferred.Signal {
				r.Body.Limit(limit)
				return echoed(w, r)
			})
		})})
		tr.Receive("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" + strings.Repeat("x", 100) + "\r\n0\r\n\r\n")
		clock.Pump(time.Second, 0, 0)
		if got := statuses(tr.Written()); !slices.Equal(got, []string{want}) {
			t.Errorf("limit %d: got %v, want %s", limit, got, want)
		}
	}
}

// TestV18Kept: what a request has is there as long as its answer is not complete, though the
// bytes that it came in are gone; and it is not another's.
func TestV18Kept(t *testing.T) {
	clock := sim.NewClock(t)
	var got []string
	s := &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		return deferred.Then(after(r.Loop(), time.Second), func(struct{}) (none struct{}, err error) {
			got = append(got, fmt.Sprint(r.Method, r.Target(), r.Host(), r.Path(), r.RawQuery(), r.Header.Get("X-Name"), r.UpgradeTo(), r.Header.Len()))
			return none, nil
		})
	})}
	one, two := sim.Connect(clock, s), sim.Connect(clock, s)
	one.Receive("BREW /pot?a=b HTTP/1.1\r\nHost: one\r\nX-Name: first\r\nConnection: Upgrade\r\nUpgrade: Tea\r\n\r\n")
	two.Receive("STIR /cup HT", "TP/1.1\r\nHost: two\r\nX-Na", "me: second\r\n\r\n")
	clock.Advance(time.Second)
	want := []string{"BREW/pot?a=bone/pota=bfirsttea4", "STIR/cuptwo/cupsecond2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestUC09NotAnothers: who still has a body when its answer is complete gets nothing of the next
// one, and does not let the next one's client go on.
func TestUC09NotAnothers(t *testing.T) {
	var bodies []*web.Body
	clock := sim.NewClock(t)
	read := 0
	tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		body := r.Body
		if bodies = append(bodies, body); len(bodies) > 1 {
			return deferred.New[struct{}](r.Loop())
		}
		deferred.Inline(r.Loop(), func(co *deferred.Co) (none struct{}, err error) {
			for p := make([]byte, 100_000); err == nil; {
				for _, piece := range [][]byte{p[:1], p} {
					n, wrong := body.Read(co, piece)
					read, err = read+n, errors.Join(err, wrong)
					co.Sleep(time.Second)
				}
			}
			return none, nil
		}).Done(nil)
		return after(r.Loop(), 0)
	})})
	post := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n"
	tr.Receive(post + strings.Repeat("1", 70_000))
	clock.Advance(0)
	if got := statuses(tr.Written()); !slices.Equal(got, []string{"200"}) || tr.Paused() {
		t.Fatalf("the first: got %v, and the client is held back: %v", got, tr.Paused())
	}
	tr.Receive(post, strings.Repeat("2", 69_999))
	if len(bodies) != 2 || bodies[0] == bodies[1] {
		t.Fatalf("%d requests were begun, with bodies of their own: %v", len(bodies), bodies[0] != bodies[len(bodies)-1])
	}
	clock.Advance(5 * time.Second)
	if read != 70_000 || !tr.Paused() {
		t.Errorf("the first body had %d bytes, the second's client is held back: %v", read, tr.Paused())
	}
	tr.Reset()
}

// TestUC09HeldBackAndAnswered: a client that is held back because nobody takes its body is let go on by
// the answer.
func TestUC09HeldBackAndAnswered(t *testing.T) {
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		return after(r.Loop(), time.Second)
	})})
	tr.Receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n"+strings.Repeat("x", 70_000), getRoot)
	clock.Advance(2 * time.Second)
	if got := statuses(tr.Written()); !slices.Equal(got, []string{"200", "200"}) {
		t.Errorf("got %v, want both answers", got)
	}
}

// TestUC09TakenAndAnswered: who reads a body whose answer was complete at once hears that it has ended,
// and nothing of the request behind it, which might be somebody else's.
func TestUC09TakenAndAnswered(t *testing.T) {
	clock := sim.NewClock(t)
	var first string
	var failed error
	n := 0
	tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		if n++; n > 1 {
			return echoed(w, r)
		}
		body := r.Body
		deferred.Inline(r.Loop(), func(co *deferred.Co) (none struct{}, err error) {
			p := make([]byte, 100)
			for failed == nil {
				var k int
				k, failed = body.Read(co, p)
				first += string(p[:k])
			}
			return none, nil
		}).Done(nil)
		return nil
	})})
	post := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n"
	tr.Receive(post + "public" + post + "sec")
	tr.Receive("ret")
	clock.Advance(0)
	if !strings.HasSuffix(tr.Written(), "secret") {
		t.Errorf("the second is answered %q", tr.Written())
	}
	if n != 2 || strings.Contains(first, "sec") || !errors.Is(failed, web.ErrEnded) {
		t.Errorf("%d begun; the first body: %q, %v; want ErrEnded", n, first, failed)
	}
}
