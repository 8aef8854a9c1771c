package tlslayer_test

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/sim"
)

// TestT08PauseHoldsBack: after Pause nothing more is received, also of bytes
// that are decrypted or here already; below is paused; Resume delivers the rest
// in order, the end last, and not before it returns.
func TestT08PauseHoldsBack(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		said := strings.Repeat("0123456789", 10_000) // several blocks
		var s halfTalker
		s.received = func([]byte) { s.Pause() }
		c := sim.NewClock(t)
		f := tlslayer.Factory(at(v, ca.Server("a.test")), twistor.AsServer, s.factory(), nil)
		_, pipe := newPeer(c, f, func(conn net.Conn) error {
			tc := tls.Client(conn, ca.Client("a.test"))
			tc.Write([]byte(said))
			return tc.Close()
		})
		c.Advance(0)
		if s.parts != 1 || len(s.heard) >= len(said) {
			t.Fatalf("Received %d times, %d bytes; want once, and not all", s.parts, len(s.heard))
		}
		if !pipe.A.Paused() {
			t.Error("below is not paused")
		}
		for range 100 {
			before := s.parts
			s.Resume()
			if s.parts != before {
				t.Fatal("Received inside of Resume")
			}
			c.Advance(0)
			if len(s.heard) < len(said) && s.parts != before+1 {
				t.Fatalf("Received %d times after one Resume, want once", s.parts-before)
			}
		}
		wantString(t, "heard", s.heard, said)
		if len(s.events) < 2 || s.events[1] != "read closed" {
			t.Errorf("events: got %q, want the end after Resume", s.events)
		}
	})
}

// TestT08PausedBelow: an idle connection that is paused does not read, and one
// that was resumed does.
func TestT08PausedBelow(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	s.Pause()
	s.Pause()
	if !l.pipe.A.Paused() {
		t.Error("below is not paused")
	}
	c.Write([]byte("later"))
	if l.Advance(0); len(s.heard) != 0 {
		t.Errorf("heard %q while paused", s.heard)
	}
	s.Resume()
	if l.Advance(0); l.pipe.A.Paused() {
		t.Error("below is still paused")
	}
	wantString(t, "heard", s.heard, "later")
}

// TestT09FullAndDrained: Full begins above Limits.High, counting plaintext of
// this event and what below has; Drained comes once for it.
func TestT09FullAndDrained(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	l.pipe.A.Hold()
	s.SetLimits(twistor.Limits{High: 1000, Low: 100})
	s.Write(make([]byte, 1000))
	if s.Buffered() != 1000 || s.Full() {
		t.Errorf("got %d buffered, full %v; want 1000, not full", s.Buffered(), s.Full())
	}
	s.Write(make([]byte, 1))
	if s.Buffered() != 1001 || !s.Full() {
		t.Errorf("got %d buffered, full %v; want 1001, full", s.Buffered(), s.Full())
	}
	l.Advance(0)
	if got := s.Buffered(); got <= 1001 || !s.Full() {
		t.Errorf("got %d buffered, full %v; want 1001 and TLS's own", got, s.Full())
	}
	if len(s.events) != 1 {
		t.Errorf("events: %q, want no Drained yet", s.events)
	}
	l.pipe.A.Drain(-1)
	l.Advance(0)
	if s.Buffered() != 0 || s.Full() || len(s.events) != 2 || s.events[1] != "drained" {
		t.Errorf("got %d buffered, full %v, events %q; want 0, not full, drained once", s.Buffered(), s.Full(), s.events)
	}
}

// TestT09DrainedWithoutBelow: a connection that was Full before its plaintext was
// encrypted hears Drained also if below took it all at once.
func TestT09DrainedWithoutBelow(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	s.SetLimits(twistor.Limits{High: 1000})
	if s.Write(make([]byte, 2000)); !s.Full() {
		t.Fatal("not full")
	}
	l.Advance(0)
	if s.Full() || len(s.events) != 2 || s.events[1] != "drained" {
		t.Errorf("full %v, events %q; want drained", s.Full(), s.events)
	}
}

// TestT09Producer writes a megabyte as back-pressure allows: no more than High
// and one write is ever buffered.
func TestT09Producer(t *testing.T) {
	var s, c talker
	left, most := 1<<20, 0
	produce := func() {
		for left > 0 && !s.Full() {
			s.Write(make([]byte, 4096))
			left -= 4096
			most = max(most, s.Buffered())
		}
	}
	s.connected, s.drained = produce, produce
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	l.pipe.A.Hold()
	for range 10_000 {
		l.pipe.A.Drain(10_000)
		l.Advance(0)
	}
	l.pipe.A.Drain(-1)
	l.Advance(0)
	if len(c.heard) != 1<<20 {
		t.Errorf("client heard %d bytes, want 1 MiB; %q", len(c.heard), s.events)
	}
	if most > 64<<10+8192 {
		t.Errorf("%d bytes were buffered, want no more than High and a write", most)
	}
}

// TestT09Overflow: a write beyond Limits.Max is refused and ends the connection;
// one within does not.
func TestT09Overflow(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	l.pipe.A.Hold()
	s.SetLimits(twistor.Limits{Max: 10_000})
	if _, err := s.Write(make([]byte, 9000)); err != nil {
		t.Errorf("9,000 bytes: %v", err)
	}
	n, err := s.Write(make([]byte, 2000))
	if n != 0 || err != twistor.ErrOverflow || s.err != nil {
		t.Errorf("beyond Max: got %d, %v, and Disconnected %v; want ErrOverflow, and Disconnected later", n, err, s.err)
	}
	if l.Advance(0); s.err != twistor.ErrOverflow {
		t.Errorf("ended with %v, want ErrOverflow", s.err)
	}
}
