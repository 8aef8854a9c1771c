package policy_test

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// A forwarded pair: a and b are the two connections that Pipe joins.
type forwarded struct {
	clock *sim.Clock
	a, b  *sim.Transport
	got   policy.Traffic
	done  bool
}

// nobody is a Protocol that hears nothing.
type nobody struct{}

func (nobody) Connected()         {}
func (nobody) Received([]byte)    {}
func (nobody) Disconnected(error) {}

func forward(t *testing.T) *forwarded {
	c := sim.NewClock(t)
	f := &forwarded{clock: c, a: sim.NewTransport(c), b: sim.NewTransport(c)}
	f.a.Start(nobody{})
	f.b.Start(nobody{})
	f.pipe(t)
	return f
}

func (f *forwarded) pipe(t *testing.T) {
	policy.Pipe(f.a, f.b).Done(func(got policy.Traffic, err error) {
		if err != nil {
			t.Errorf("Pipe failed: %v", err)
		}
		f.got, f.done = got, true
	})
	f.clock.Advance(0)
}

// TestF05PipeHalfClose: the end of one direction is passed on, and the other
// direction goes on.
func TestF05PipeHalfClose(t *testing.T) {
	f := forward(t)
	f.a.Receive("question")
	f.a.End()
	if got := f.b.Written(); got != "question" || !f.b.WriteClosed() {
		t.Fatalf("b got %q, write closed %v; want the question and its end", got, f.b.WriteClosed())
	}
	if f.a.Err() != nil || f.b.Err() != nil {
		t.Fatalf("over at the first half: %v, %v", f.a.Err(), f.b.Err())
	}
	f.b.Receive("answer")
	f.b.End()
	f.clock.Advance(0)
	if got := f.a.Written(); got != "answer" {
		t.Errorf("a got %q, want the answer", got)
	}
	if want := (policy.Traffic{AToB: 8, BToA: 6}); !f.done || f.got != want {
		t.Errorf("got %+v (done %v), want %+v", f.got, f.done, want)
	}
}

// TestL09BackPressure: who does not read slows down who writes, in both
// directions, and little waits in between.
func TestL09BackPressure(t *testing.T) {
	for _, swap := range []bool{false, true} {
		f := forward(t)
		from, to := f.a, f.b
		if swap {
			from, to = to, from
		}
		to.Hold()
		piece := strings.Repeat("x", 16<<10)
		for range 100 {
			from.Receive(piece)
		}
		if got := to.Buffered(); got > 64<<10+16<<10 || !from.Paused() {
			t.Errorf("%d bytes wait, paused %v; want the high mark and one read at most, paused", got, from.Paused())
		}
		for to.Buffered() > 0 {
			to.Drain(10_000)
		}
		if got := len(to.Written()); got != 100*len(piece) || from.Paused() {
			t.Errorf("%d bytes passed, paused %v; want all, and not paused", got, from.Paused())
		}
	}
}

// TestL09Ends: how one connection ends is how the other one is ended.
func TestL09Ends(t *testing.T) {
	for _, c := range []struct {
		name    string
		end     func(tr *sim.Transport)
		aborted bool
	}{
		{"reset", func(tr *sim.Transport) { tr.Reset() }, true},
		{"broken", func(tr *sim.Transport) { tr.Break(io.ErrUnexpectedEOF) }, true},
		{"aborted here", func(tr *sim.Transport) { tr.Abort() }, true},
		{"closed here", func(tr *sim.Transport) { tr.Close() }, false},
		{"end", func(tr *sim.Transport) { tr.Break(io.EOF); tr.Close() }, false},
	} {
		f := forward(t)
		f.a.Receive("data")
		f.b.Hold()
		f.a.Receive("more")
		c.end(f.a)
		f.clock.Advance(0)
		if f.b.Aborted() != c.aborted || !c.aborted && !f.b.Closed() {
			t.Errorf("%s: the other one aborted %v, closed %v; want aborted %v", c.name, f.b.Aborted(), f.b.Closed(), c.aborted)
		}
		f.b.Drain(-1)
		f.clock.Advance(0)
		if !f.done || (f.got.Err != nil) != c.aborted || f.got.AToB != 8 {
			t.Errorf("%s: done %v, %+v; want done, 8 bytes, an error only if it broke", c.name, f.done, f.got)
		}
	}
}

// TestL09GoneBefore: the connection that was to be piped ended while the other
// one was being dialed.
func TestL09GoneBefore(t *testing.T) {
	for _, swap := range []bool{false, true} {
		c := sim.NewClock(t)
		f := &forwarded{clock: c, a: sim.NewTransport(c), b: sim.NewTransport(c)}
		f.a.Start(nobody{})
		f.b.Start(nobody{})
		gone, left := f.a, f.b
		if swap {
			gone, left = left, gone
		}
		gone.Reset()
		c.Advance(0)
		f.pipe(t)
		if !left.Closed() || !f.done {
			t.Errorf("closed %v, done %v; want the connection that is left closed", left.Closed(), f.done)
		}
	}
	f := forward(t)
	f.a.Reset()
	f.clock.Advance(0)
	f.done = false
	f.pipe(t)
	if !f.done {
		t.Error("a Pipe of two that are over never fires")
	}
}

// TestL09Cancel aborts both.
func TestL09Cancel(t *testing.T) {
	c := sim.NewClock(t)
	a, b := sim.NewTransport(c), sim.NewTransport(c)
	a.Start(nobody{})
	b.Start(nobody{})
	d := policy.Pipe(a, b)
	c.Advance(0)
	d.Cancel()
	c.Advance(0)
	if !a.Aborted() || !b.Aborted() {
		t.Error("cancel did not abort both")
	}
}

func TestL09TwoLoops(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a Pipe of two loops does not panic")
		}
	}()
	policy.Pipe(sim.NewTransport(sim.NewClock(t)), sim.NewTransport(sim.NewClock(t)))
}

// A tunnel reads one line, the name of nobody in particular, and pipes the
// rest: what came behind the line must not be lost.
type tunnel struct {
	*framing.LineTransport
	to *sim.Transport
}

func (p tunnel) Connected()          {}
func (p tunnel) Disconnected(error)  {}
func (p tunnel) LineReceived([]byte) { policy.Pipe(p, p.to) }

func TestL09BehindAFraming(t *testing.T) {
	c := sim.NewClock(t)
	to := sim.NewTransport(c)
	to.Start(nobody{})
	tr := sim.Connect(c, framing.Lines{Build: func(t *framing.LineTransport) framing.LineProtocol {
		return tunnel{t, to}
	}}.Factory())
	tr.Receive("CONNECT\r\nfirst", " second")
	c.Advance(0)
	if got, want := to.Written(), "first second"; got != want {
		t.Errorf("forwarded %q, want %q", got, want)
	}
}

// A hashing end writes a stream and hashes the one that it gets; it ends its
// direction after the last byte, and closes when both have ended.
type hashing struct {
	twistor.Transport
	r       *rand.ChaCha8
	left    int
	out, in hash.Hash
	got     int
	ended   bool
	err     error
	done    func() // both directions have ended
}

func newHashing(seed byte, n int) *hashing {
	return &hashing{r: rand.NewChaCha8([32]byte{seed}), left: n, out: sha256.New(), in: sha256.New()}
}

func (h *hashing) build(t twistor.Transport) twistor.Protocol { h.Transport = t; return h }
func (h *hashing) Connected()                                 { h.write() }
func (h *hashing) Drained()                                   { h.write() }
func (h *hashing) Received(p []byte)                          { h.in.Write(p); h.got += len(p) }
func (h *hashing) ReadClosed()                                { h.ended = true; h.end() }
func (h *hashing) Disconnected(err error)                     { h.err = err }

func (h *hashing) write() {
	for h.left > 0 && !h.Full() {
		p := make([]byte, min(h.left, 10_000))
		h.r.Read(p)
		h.out.Write(p)
		h.Write(p)
		if h.left -= len(p); h.left == 0 {
			h.CloseWrite()
			h.end()
		}
	}
}

func (h *hashing) end() {
	if h.ended && h.left == 0 && h.done != nil {
		h.done()
	}
}

// TestF05PipeStreams forwards two streams of different length through all
// policies and a Pipe, over networks that cut at random: the hashes must be
// equal in both directions, and the shorter one's end must not end the other.
func TestF05PipeStreams(t *testing.T) {
	for seed := range uint64(5) {
		size := 4 << 20
		if testing.Short() || raceEnabled {
			size = 1 << 18
		}
		c := sim.NewClock(t)
		client, backend := newHashing(1, size), newHashing(2, size/3)
		var near, far *server
		in := sim.NewPipe(c, layers()["all"](serve(&near)), twistor.FactoryFunc(client.build))
		out := sim.NewPipe(c, twistor.FactoryFunc(backend.build), layers()["all"](serve(&far)))
		in.Cut(seed)
		out.Cut(seed + 100)
		var traffic policy.Traffic
		policy.Pipe(near.Transport, far.Transport).Done(func(got policy.Traffic, err error) { traffic = got })
		c.Advance(0)
		if string(client.out.Sum(nil)) != string(backend.in.Sum(nil)) || string(backend.out.Sum(nil)) != string(client.in.Sum(nil)) {
			t.Errorf("seed %d: the hashes differ: %d bytes of %d, %d of %d", seed, backend.got, size, client.got, size/3)
		}
		if want := (policy.Traffic{AToB: int64(size), BToA: int64(size / 3)}); traffic != want {
			t.Errorf("seed %d: %+v, want %+v", seed, traffic, want)
		}
		if !client.ended || !backend.ended || !errors.Is(client.err, io.EOF) && !errors.Is(client.err, net.ErrClosed) {
			t.Errorf("seed %d: ends %v, %v, %v", seed, client.ended, backend.ended, client.err)
		}
	}
}
