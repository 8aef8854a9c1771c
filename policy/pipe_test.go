package policy_test

import (
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// A forwarded connection: a and b are the two that Pipe joins.
type forwarded struct {
	clock *sim.Clock
	a, b  *sim.Transport
	got   policy.Traffic
	done  bool
}

type nobody struct{}

func (nobody) Connected()         {}
func (nobody) Received([]byte)    {}
func (nobody) Disconnected(error) {}

func forward(t *testing.T) *forwarded {
	c := sim.NewClock(t)
	f := &forwarded{clock: c, a: sim.NewTransport(c), b: sim.NewTransport(c)}
	f.a.Start(nobody{})
	f.b.Start(nobody{})
	policy.Pipe(f.a, f.b).Done(func(got policy.Traffic, err error) {
		if err != nil {
			t.Errorf("Pipe failed: %v", err)
		}
		f.got, f.done = got, true
	})
	c.Advance(0)
	return f
}

var _ twistor.Protocol = nobody{}

// F-05: the end of one direction is passed on, and the other goes on.
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
