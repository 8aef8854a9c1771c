package policy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// TestL02Read: what is received stays within the rate, and comes up to it.
func TestL02Read(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, &policy.Throttle{Factory: serve(&s), Read: policy.Rate{PerSecond: 1000, Burst: 2000}})
	for range 200 {
		tr.Receive(strings.Repeat("x", 100))
	}
	for sec := range 10 {
		// Up to the burst, and one read, may be ahead of the rate.
		if got, least, most := s.heard.Len(), 1000*sec, 1000*sec+2000+100; got < least || got > most {
			t.Errorf("after %d s received %d bytes, want %d to %d", sec, got, least, most)
		}
		c.Advance(time.Second)
	}
	c.Advance(10 * time.Second)
	if got := s.heard.Len(); got != 20_000 {
		t.Errorf("received %d bytes in the end, want all 20,000", got)
	}
}

// TestL02Write: what is written waits, within the rate, and nothing is lost or
// changed.
func TestL02Write(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, &policy.Throttle{Factory: serve(&s), Write: policy.Rate{PerSecond: 1000}})
	text := strings.Repeat("0123456789", 1000)
	if n, err := s.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	for sec := range 9 {
		if got, want := len(tr.Written()), 1000*(sec+1); got < want-125 || got > want {
			t.Errorf("after %d s %d bytes have left, want %d and at most a portion less", sec, got, want)
		}
		if got, want := s.Buffered(), len(text)-len(tr.Written()); got != want {
			t.Errorf("Buffered is %d, want %d", got, want)
		}
		c.Advance(time.Second)
	}
	c.Advance(2 * time.Second)
	if tr.Written() != text {
		t.Error("what has left is not what was written")
	}
}

// TestL02Shared: two connections that share a rate get half each, in both
// directions.
func TestL02Shared(t *testing.T) {
	c := sim.NewClock(t)
	rate := policy.Rate{PerSecond: 10_000, Burst: 1}
	var all []*server
	f := &policy.Throttle{Read: rate, Write: rate, Factory: twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		s := &server{Transport: t}
		all = append(all, s)
		return s
	})}
	a, b := sim.Connect(c, f), sim.Connect(c, f)
	for range 1000 {
		a.Receive(strings.Repeat("a", 100))
		b.Receive(strings.Repeat("b", 100))
	}
	for _, s := range all {
		s.Write(make([]byte, 100_000))
	}
	c.Advance(5 * time.Second)
	for i, tr := range []*sim.Transport{a, b} {
		if got := all[i].heard.Len(); got < 24_000 || got > 26_000 {
			t.Errorf("connection %d received %d bytes in 5 s, want 25,000", i, got)
		}
		if got := len(tr.Written()); got < 23_000 || got > 26_000 {
			t.Errorf("connection %d wrote %d bytes in 5 s, want 25,000", i, got)
		}
	}
}

// TestL02Each limits each connection, whatever the others do.
func TestL02Each(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	f := &policy.Throttle{Factory: serve(&s), Write: policy.Rate{PerSecond: 1 << 30}, EachWrite: policy.Rate{PerSecond: 1000, Burst: 1}}
	a := sim.Connect(c, f)
	s.Write(make([]byte, 5000))
	b := sim.Connect(c, f)
	s.Write(make([]byte, 5000))
	c.Advance(2 * time.Second)
	for _, tr := range []*sim.Transport{a, b} {
		if got := len(tr.Written()); got < 1800 || got > 2000 {
			t.Errorf("%d bytes have left in 2 s, want 2,000", got)
		}
	}
}

// TestL02SmallWrite pays for a small write once.
func TestL02SmallWrite(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, &policy.Throttle{Factory: serve(&s), Write: policy.Rate{PerSecond: 1000, Burst: 1}})
	for i := range 10 {
		s.Write(make([]byte, 100))
		c.Advance(100 * time.Millisecond)
		if got, want := len(tr.Written()), 100*(i+1); got != want {
			t.Errorf("after %d ms %d bytes have left, want %d", 100*(i+1), got, want)
		}
	}
}

// TestL02BackPressure: the queue of a Throttle is a transport's queue: Full,
// Drained, ErrOverflow.
func TestL02BackPressure(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, &policy.Throttle{Factory: serve(&s), Write: policy.Rate{PerSecond: 1000, Burst: 1}})
	s.SetLimits(twistor.Limits{High: 1000, Low: 400, Max: 3000})
	s.Write(make([]byte, 1000))
	if s.Full() {
		t.Error("Full at the high mark, want above it")
	}
	s.Write(make([]byte, 10))
	if !s.Full() {
		t.Error("not Full above the high mark")
	}
	for s.drained == 0 && c.Elapsed() < time.Minute {
		c.Advance(10 * time.Millisecond)
	}
	if got := s.Buffered(); got > 400 || got < 200 {
		t.Errorf("Drained with %d bytes left, want the low mark of 400 less a portion at most", got)
	}
	c.Advance(time.Minute)
	if s.drained != 1 {
		t.Errorf("Drained %d times, want once for once Full", s.drained)
	}
	s.Write(make([]byte, 3000))
	if _, err := s.Write(make([]byte, 500)); !errors.Is(err, twistor.ErrOverflow) {
		t.Errorf("beyond Max Write gives %v, want ErrOverflow", err)
	}
	c.Advance(0)
	if !tr.Aborted() || !errors.Is(s.err, twistor.ErrOverflow) {
		t.Errorf("aborted %v, Disconnected(%v); want aborted with ErrOverflow", tr.Aborted(), s.err)
	}
}

// TestL02SlowPeer: what leave was taken for does not pile up below when the
// peer is slower than the rate.
func TestL02SlowPeer(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, &policy.Throttle{Factory: serve(&s), Write: policy.Rate{PerSecond: 1 << 20}})
	tr.Hold()
	s.Write(make([]byte, 900_000))
	c.Advance(10 * time.Second)
	if got := tr.Buffered(); got > 64<<10+16<<10 {
		t.Errorf("%d bytes wait below, want its high mark and a portion at most", got)
	}
	if !s.Full() {
		t.Error("not Full")
	}
	for len(tr.Written()) < 900_000 && c.Elapsed() < time.Hour {
		tr.Drain(-1)
		tr.Hold()
		c.Advance(time.Second)
	}
	tr.Drain(-1)
	c.Advance(time.Second)
	if s.drained == 0 || s.Buffered() != 0 {
		t.Errorf("Drained %d times, %d bytes left; want at least once, none", s.drained, s.Buffered())
	}
}

// TestL02Close: Close, CloseWrite and StartTLS come behind what waits; Close
// not beyond Limits.Linger.
func TestL02Close(t *testing.T) {
	rate := policy.Rate{PerSecond: 1000, Burst: 1}
	connect := func() (*sim.Clock, *server, *sim.Transport) {
		c := sim.NewClock(t)
		var s *server
		tr := sim.Connect(c, &policy.Throttle{Factory: serve(&s), Write: rate})
		return c, s, tr
	}
	t.Run("Close", func(t *testing.T) {
		c, s, tr := connect()
		s.Write(make([]byte, 5000))
		s.Close()
		if n, err := s.Write([]byte("late")); n != 0 || err == nil {
			t.Error("Write after Close succeeded")
		}
		tr.Receive("late")
		c.Advance(4 * time.Second)
		if tr.Closed() || s.heard.Len() != 0 {
			t.Errorf("closed %v, heard %q; want open until all has left, and nothing heard", tr.Closed(), s.heard.String())
		}
		c.Advance(2 * time.Second)
		if !tr.Closed() || len(tr.Written()) != 5000 {
			t.Errorf("closed %v, %d bytes have left; want closed behind 5,000", tr.Closed(), len(tr.Written()))
		}
	})
	t.Run("Linger", func(t *testing.T) {
		c, s, tr := connect()
		s.SetLimits(twistor.Limits{Linger: 2 * time.Second})
		s.Write(make([]byte, 5000))
		s.Close()
		c.Advance(3 * time.Second)
		if !tr.Aborted() || s.err == nil {
			t.Error("not aborted after Linger")
		}
		if n := c.Pending(); n != 0 {
			t.Errorf("%d timers stay, want none", n)
		}
	})
	t.Run("CloseWrite", func(t *testing.T) {
		c, s, tr := connect()
		s.Write(make([]byte, 5000))
		s.CloseWrite()
		c.Advance(4 * time.Second)
		if tr.WriteClosed() {
			t.Error("our direction ended before all had left")
		}
		c.Advance(2 * time.Second)
		if !tr.WriteClosed() || len(tr.Written()) != 5000 || tr.Closed() {
			t.Error("our direction, and only that, did not end behind what was written")
		}
	})
	t.Run("StartTLS", func(t *testing.T) {
		_, s, tr := connect()
		s.SendFile(io.NewSectionReader(strings.NewReader(strings.Repeat("f", 3000)), 0, 3000))
		s.Write(make([]byte, 2000))
		s.StartTLS(someConfig, twistor.AsServer, nil)
		if tr.TLSRequest() == nil || len(tr.Written()) != 5000 {
			t.Errorf("%d bytes left before the handshake, want all 5,000", len(tr.Written()))
		}
	})
	t.Run("refused", func(t *testing.T) {
		c := sim.NewClock(t)
		tr := sim.Connect(c, &policy.Throttle{Write: rate, Factory: twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			t.Write(make([]byte, 5000))
			return nil
		})})
		if len(tr.Written()) != 5000 || !tr.Closed() {
			t.Error("the last words of a refusal were lost")
		}
	})
}

// TestL02CloseDrops: what was to be handed to a successor is dropped when the
// protocol closes, although its last words still wait.
func TestL02CloseDrops(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	sim.Connect(c, &policy.Throttle{Factory: serve(&s), Write: policy.Rate{PerSecond: 1000, Burst: 1}})
	next := &second{connected: func() { s.Write(make([]byte, 2000)); s.Close() }}
	s.Switch(next, []byte("unread"))
	c.Advance(0)
	if next.String() != "[" {
		t.Errorf("heard %q after Close, want nothing", next.String())
	}
	c.Advance(time.Minute)
}

// TestL02File shapes SendFile too, keeps its place among the writes, and fires
// its Deferred after the last byte.
func TestL02File(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, &policy.Throttle{Factory: serve(&s), Write: policy.Rate{PerSecond: 1000, Burst: 1}})
	file := strings.Repeat("f", 3000)
	s.Write([]byte("before"))
	var sent int64
	s.SendFile(io.NewSectionReader(strings.NewReader(file), 0, 3000)).Done(func(n int64, err error) { sent = n })
	s.Write([]byte("behind"))
	c.Advance(2 * time.Second)
	if n := len(tr.Written()); n > 2000 || n < 1800 || sent != 0 {
		t.Errorf("%d bytes have left after 2 s, sent %d; want 2,000, 0", n, sent)
	}
	c.Advance(2 * time.Second)
	if tr.Written() != "before"+file+"behind" || sent != 3000 {
		t.Errorf("%d bytes have left, sent %d; want the file between the writes, 3,000", len(tr.Written()), sent)
	}
	// A connection that ends fails the files that wait.
	var failed []error
	for range 2 {
		s.SendFile(io.NewSectionReader(strings.NewReader(file), 0, 3000)).Done(func(_ int64, err error) { failed = append(failed, err) })
	}
	c.Advance(time.Second)
	tr.Reset()
	c.Advance(time.Minute)
	if len(failed) != 2 || failed[0] == nil || failed[1] == nil {
		t.Errorf("files of a connection that was reset: %v, want two failures", failed)
	}
}

// TestL02ShortFile sends a file that is shorter than its section says: the
// Deferred tells how much there was, and what was written behind it follows.
func TestL02ShortFile(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, &policy.Throttle{Factory: serve(&s), Write: policy.Rate{PerSecond: 1000, Burst: 1}})
	var sent int64
	s.SendFile(io.NewSectionReader(shorter{strings.Repeat("f", 300)}, 0, 3000)).Done(func(n int64, err error) { sent = n })
	s.Write([]byte("behind"))
	c.Advance(2 * time.Second)
	if want := strings.Repeat("f", 300) + "behind"; tr.Written() != want || sent != 300 {
		t.Errorf("wrote %d bytes, sent %d; want %d, 300", len(tr.Written()), sent, len(want))
	}
}

// shorter is a file that somebody cut.
type shorter struct{ text string }

func (s shorter) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(s.text)) {
		return 0, io.EOF
	}
	n := copy(p, s.text[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// TestL02SameBytes compares what leaves through a Throttle with what was
// written, for many random ways to write.
func TestL02SameBytes(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		c := sim.NewClock(t)
		var s *server
		tr := sim.Connect(c, &policy.Throttle{
			Factory:   serve(&s),
			Write:     policy.Rate{PerSecond: 1 + r.Int64N(100_000), Burst: r.Int64N(50_000)},
			EachWrite: policy.Rate{PerSecond: r.Int64N(100_000)},
		})
		s.SetLimits(twistor.Limits{Max: -1, Linger: -1})
		var want bytes.Buffer
		for i := range 30 {
			p := bytes.Repeat([]byte{byte('a' + i)}, r.IntN(5000))
			switch r.IntN(5) {
			case 0:
				s.SendFile(io.NewSectionReader(bytes.NewReader(p), 0, int64(len(p))))
				want.Write(p)
			case 1:
				c.Advance(time.Duration(r.IntN(1000)) * time.Millisecond)
			case 2:
				tr.Hold()
			case 3:
				tr.Drain(-1)
			default:
				s.Write(p)
				want.Write(p)
			}
		}
		s.Close()
		for !tr.Closed() && c.Elapsed() < 1000*time.Hour {
			tr.Drain(-1)
			c.Advance(time.Hour)
		}
		if tr.Written() != want.String() || !tr.Closed() {
			t.Fatalf("seed %d: %d bytes have left, closed %v; want %d, closed", seed, len(tr.Written()), tr.Closed(), want.Len())
		}
	}
}

// TestL08Hierarchy: two services share the line, each host has its part over
// both, and hosts without connections are forgotten once their bucket is full.
func TestL08Hierarchy(t *testing.T) {
	c := sim.NewClock(t)
	line := &policy.Bucket{Rate: policy.Rate{PerSecond: 3000, Burst: 1}}
	hosts := &policy.Buckets{Rate: policy.Rate{PerSecond: 2000, Burst: 1}, Parent: line}
	var last *server
	web := &policy.Throttle{Factory: serve(&last), HostWrite: hosts}
	ftp := &policy.Throttle{Factory: serve(&last), HostWrite: hosts}
	join := func(f twistor.Factory, host string) *sim.Transport {
		tr, _ := from(c, f, host)
		last.Write(make([]byte, 100_000))
		return tr
	}
	sum := func(trs ...*sim.Transport) (n int) {
		for _, tr := range trs {
			n += len(tr.Written())
			tr.Clear()
		}
		return n
	}
	near := func(what string, got, want int) {
		t.Helper()
		if got < want*9/10 || got > want*11/10 {
			t.Errorf("%s: %d bytes, want %d", what, got, want)
		}
	}
	a, b := join(web, "10.0.0.1"), join(ftp, "10.0.0.1")
	c.Advance(10 * time.Second)
	near("one host by two services in 10 s", sum(a, b), 20_000)
	d := join(web, "10.0.0.2")
	c.Advance(10 * time.Second)
	near("two hosts in 10 s", sum(a, b, d), 30_000)
	if hosts.Len() != 2 {
		t.Errorf("%d hosts have a bucket, want 2", hosts.Len())
	}
	for _, tr := range []*sim.Transport{a, b, d} {
		tr.Reset()
	}
	c.Advance(time.Minute)
	for i := range 200 {
		tr, _ := from(c, web, fmt.Sprintf("10.0.1.%d", i))
		tr.Reset()
		c.Advance(0)
	}
	if n := hosts.Len(); n > 64 {
		t.Errorf("%d hosts have a bucket, want those of full ones swept", n)
	}
}

// TestL08NoFreshStart: who has used up his rate does not get a new one by
// connecting again, nor by waiting until others have made room for him.
func TestL08NoFreshStart(t *testing.T) {
	c := sim.NewClock(t)
	hosts := &policy.Buckets{Rate: policy.Rate{PerSecond: 1000, Burst: 5000}}
	var last *server
	f := &policy.Throttle{Factory: serve(&last), HostWrite: hosts}
	visit := func(host string, n int) (left int) {
		tr, _ := from(c, f, host)
		last.Write(make([]byte, n))
		tr.Reset()
		c.Advance(0)
		return len(tr.Written())
	}
	if got := visit("10.0.0.1", 20_000); got != 5000 {
		t.Fatalf("%d bytes left at once, want the burst of 5,000", got)
	}
	if got := visit("10.0.0.1", 20_000); got != 0 {
		t.Errorf("%d bytes left at once on the second visit, want none", got)
	}
	for i := range 200 {
		visit(fmt.Sprintf("10.0.1.%d", i), 1)
	}
	if got := visit("10.0.0.1", 20_000); got != 0 {
		t.Errorf("%d bytes left at once after many others came, want none", got)
	}
}

// TestL08MaxHosts: strangers beyond the limit share a bucket.
func TestL08MaxHosts(t *testing.T) {
	c := sim.NewClock(t)
	hosts := &policy.Buckets{Rate: policy.Rate{PerSecond: 1000, Burst: 1}, MaxHosts: 2}
	var last *server
	f := &policy.Throttle{Factory: serve(&last), HostWrite: hosts}
	var trs []*sim.Transport
	for i := range 4 {
		tr, _ := from(c, f, fmt.Sprintf("10.0.0.%d", i))
		last.Write(make([]byte, 50_000))
		trs = append(trs, tr)
	}
	c.Advance(10 * time.Second)
	for i, want := range []int{10_000, 10_000, 5000, 5000} {
		if got := len(trs[i].Written()); got < want*9/10 || got > want*11/10 {
			t.Errorf("host %d: %d bytes, want %d", i, got, want)
		}
	}
}

// TestBadRate: a mistake in the configuration is said at the first connection.
func TestBadRate(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a negative rate does not panic")
		}
	}()
	sim.Connect(sim.NewClock(t), &policy.Throttle{Factory: quiet, Read: policy.Rate{PerSecond: -1}})
}
