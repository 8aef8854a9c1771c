package policy_test

import (
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// A counter is a layer of this test: it counts what passes, as a foreign one
// would.
type counter struct {
	policy.Wrapper
	in, out int
}

func (w *counter) Received(p []byte) {
	w.in += len(p)
	w.Wrapper.Received(p)
}

func (w *counter) Write(p []byte) (int, error) {
	w.out += len(p)
	return w.Wrapper.Write(p)
}

// counted connects a server below a counter.
func counted(t *testing.T) (*sim.Clock, *sim.Transport, *counter, *server) {
	c := sim.NewClock(t)
	var s *server
	w := new(counter)
	tr := sim.Connect(c, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return policy.Wrap(w, t, serve(&s)) }))
	return c, tr, w, s
}

func TestL01ForeignLayer(t *testing.T) {
	_, tr, w, s := counted(t)
	tr.Receive("hello")
	s.Write([]byte("hi"))
	twistorShare(s.Transport, "shared")
	if w.in != 5 || w.out != 8 || tr.Written() != "hishared" {
		t.Errorf("counted %d in, %d out, wrote %q; want 5, 8: shared bytes too", w.in, w.out, tr.Written())
	}
}

func twistorShare(t twistor.Transport, s string) {
	sharer, _ := twistor.As[twistor.Sharer](t)
	sharer.WriteShared([]byte(s))
}

// TestL01PauseBits: the layer and the protocol each have a bit; bytes come only
// when neither pauses.
func TestL01PauseBits(t *testing.T) {
	c, tr, w, s := counted(t)
	for _, resume := range [][2]func(){{s.Resume, w.Release}, {w.Release, s.Resume}} {
		s.heard.Reset()
		s.Pause()
		w.Hold()
		tr.Receive("x")
		resume[0]()
		c.Advance(0)
		if s.heard.Len() != 0 {
			t.Error("bytes came while one of the two still paused")
		}
		resume[1]()
		c.Advance(0)
		if s.heard.String() != "x" {
			t.Errorf("heard %q after both resumed, want x", s.heard.String())
		}
	}
}

// A second protocol notes what it hears; it may do something first.
type second struct {
	strings.Builder
	connected func()
}

func (p *second) Connected() {
	p.WriteString("[")
	if p.connected != nil {
		p.connected()
	}
}
func (p *second) Received(b []byte)  { p.Write(b) }
func (p *second) Disconnected(error) { p.WriteString("]") }

// TestL01Switch changes the protocol above a layer: it stays, and counts what
// comes, but not what is handed over as unread, again.
func TestL01Switch(t *testing.T) {
	c, tr, w, s := counted(t)
	next := new(second)
	s.received = func(p []byte) {
		s.Switch(next, p[3:])
		if next.Len() != 0 {
			t.Error("the next protocol heard something before the callback returned")
		}
	}
	tr.Receive("oldnew", "er")
	tr.End()
	c.Advance(0)
	if next.String() != "[newer]" || s.heard.String() != "oldnew" || w.in != 8 || s.err != nil {
		t.Errorf("the next heard %q, the former %q and %v, the layer counted %d; want [newer], oldnew and nothing more, 8",
			next.String(), s.heard.String(), s.err, w.in)
	}
}

// TestL01SwitchLater switches outside of any event.
func TestL01SwitchLater(t *testing.T) {
	for _, what := range []string{"turn", "bytes", "end"} {
		c, tr, _, s := counted(t)
		next := new(second)
		s.Switch(next, []byte("un"))
		if next.Len() != 0 {
			t.Error("the next protocol heard something before Switch returned")
		}
		want := "[un"
		switch what {
		case "turn":
			c.Advance(0)
		case "bytes":
			tr.Receive("read")
			want = "[unread"
		case "end":
			tr.Reset()
			want = "[]"
		}
		if next.String() != want {
			t.Errorf("%s: the next protocol heard %q, want %q", what, next.String(), want)
		}
		c.Advance(0)
	}
}

// TestL01SwitchInBuild switches before the first protocol has begun: it never
// does, and the next one begins once.
func TestL01SwitchInBuild(t *testing.T) {
	c := sim.NewClock(t)
	next, former := new(second), new(second)
	tr := sim.Connect(c, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return policy.Wrap(new(policy.Wrapper), t, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			t.Switch(next, []byte("un"))
			return former
		}))
	}))
	tr.Receive("read")
	c.Advance(0)
	if next.String() != "[unread" || former.String() != "" {
		t.Errorf("the next protocol heard %q, the former %q; want [unread and nothing", next.String(), former.String())
	}
}

// TestL01SwitchPaused holds unread back while the next protocol pauses, and in
// order before what comes.
func TestL01SwitchPaused(t *testing.T) {
	c, tr, _, s := counted(t)
	next := &second{connected: s.Pause}
	s.received = func(p []byte) { s.Switch(next, []byte("un")) }
	tr.Receive("x", "read")
	c.Advance(0)
	if next.String() != "[" {
		t.Fatalf("heard %q while paused", next.String())
	}
	s.Resume()
	if next.String() != "[" {
		t.Errorf("heard %q from within Resume", next.String())
	}
	c.Advance(0)
	if next.String() != "[unread" {
		t.Errorf("heard %q, want [unread", next.String())
	}
	// Closed while unread waits: it is dropped.
	c, tr, _, s = counted(t)
	next = &second{connected: func() { s.Close() }}
	s.Switch(next, []byte("un"))
	c.Advance(0)
	if next.String() != "[]" || !tr.Closed() {
		t.Errorf("heard %q, want [] after Close", next.String())
	}
}

// TestL01SwitchTwice: a protocol that switches at once passes on all that was
// meant for it.
func TestL01SwitchTwice(t *testing.T) {
	c, tr, _, s := counted(t)
	last := new(second)
	middle := &second{connected: func() { s.Switch(last, []byte("a")) }}
	s.received = func(p []byte) { s.Switch(middle, []byte("b")) }
	tr.Receive("x", "c")
	c.Advance(0)
	if middle.String() != "[" || last.String() != "[abc" {
		t.Errorf("the middle heard %q, the last %q; want [ and [abc", middle.String(), last.String())
	}
}

// TestL01SwitchThroughAll switches on top of all policies.
func TestL01SwitchThroughAll(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, layers()["all"](serve(&s)))
	next := new(second)
	s.received = func(p []byte) { s.Switch(next, p) }
	tr.Receive("x", "y")
	tr.End()
	c.Advance(0)
	if next.String() != "[xy]" {
		t.Errorf("the next protocol heard %q, want [xy]", next.String())
	}
}
