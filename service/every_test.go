package service

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// TestA07: an error and a panic are logged, and the next turn comes; Stop ends
// the turns, and Start begins them again.
func TestA07Every(t *testing.T) {
	c := sim.NewClock(t)
	d := &diary{clock: c}
	outcome := errBroken
	s := Every(10*time.Second, func(*deferred.Co) error {
		d.note("%v", c.Elapsed())
		if outcome == nil {
			panic("oh")
		}
		return outcome
	})
	if err := start(c, s); err != nil {
		t.Fatal(err)
	}
	if err := start(c, s); err != ErrRunning {
		t.Errorf("a second Start: got %v, want %v", err, ErrRunning)
	}
	c.Advance(10 * time.Second)
	if got := s.(Stater).State(); !strings.Contains(got, "broken") {
		t.Errorf("got the state %q, want the failure", got)
	}
	outcome = nil
	c.Advance(10 * time.Second)
	d.check(t, "10s, 20s")
	if got := fmt.Sprint(c.Errors()); strings.Count(got, "periodic call failed") != 2 || !strings.Contains(got, "broken") || !strings.Contains(got, "oh") {
		t.Errorf("got %s, want the error and the panic in the log", got)
	}
	c.Advance(5 * time.Second)
	if err := do(c, s.Stop).err; err != nil {
		t.Error(err)
	}
	c.Advance(time.Minute)
	d.check(t, "")

	outcome = errBroken
	if err := start(c, s); err != nil {
		t.Fatal(err)
	}
	c.Advance(10 * time.Second)
	d.check(t, "1m35s")
	do(c, s.Stop)
	c.Errors()
	if err := do(c, s.Stop).err; err != nil || c.Pending() != 0 {
		t.Errorf("a second Stop: %v, and %d timers", err, c.Pending())
	}
}

// Stop waits for the call in progress, and cancels it when it is cancelled.
func TestA07EveryStopWaits(t *testing.T) {
	for _, cancel := range []bool{false, true} {
		c := sim.NewClock(t)
		var ended error
		s := Every(time.Second, func(co *deferred.Co) error {
			ended = errBusy
			ended = co.Sleep(time.Minute)
			return ended
		})
		if err := start(c, s); err != nil {
			t.Fatal(err)
		}
		c.Advance(time.Second)
		stopped := do(c, s.Stop)
		c.Advance(time.Second)
		if stopped.err != errBusy || ended != errBusy {
			t.Fatalf("got %v, want Stop to wait", stopped.err)
		}
		if cancel {
			stopped.d.Cancel()
			c.Advance(0)
			if !errors.Is(ended, deferred.ErrCanceled) {
				t.Errorf("the call ended with %v, want it cancelled", ended)
			}
		} else if c.Advance(time.Minute); ended != nil || stopped.err != nil {
			t.Errorf("the call ended with %v, Stop with %v", ended, stopped.err)
		}
		if c.Pending() != 0 {
			t.Error("a timer is left")
		}
	}
}

func TestEveryRefuses(t *testing.T) {
	c := sim.NewClock(t)
	if err := start(c, Every(0, func(*deferred.Co) error { return nil })); err == nil || !strings.Contains(err.Error(), "want an interval above 0") {
		t.Errorf("got %v", err)
	}
	if err := start(c, Every(1, nil)); err == nil || !strings.Contains(err.Error(), "want a function") {
		t.Errorf("got %v", err)
	}
}

// count is n steps that write down how far they are; at the last one then is
// called, if it is not nil.
func count(n int, to *int, then func()) func(func(struct{}) bool) {
	return func(yield func(struct{}) bool) {
		for range n {
			*to++
			if then != nil && *to == n {
				then()
			}
			if !yield(struct{}{}) {
				return
			}
		}
	}
}

func TestA11Cooperator(t *testing.T) {
	c := sim.NewClock(t)
	var early, none, short, long, late int
	s := &Cooperator{MaxTasks: 2}
	waits, gone := s.Run(count(2, &early, nil)), s.Run(count(2, &none, nil))
	gone.Cancel()
	if early != 0 {
		t.Error("it runs before Start")
	}
	if err := start(c, s); err != nil {
		t.Fatal(err)
	}
	if err := start(c, s); err != ErrRunning {
		t.Errorf("a second Start: got %v, want %v", err, ErrRunning)
	}
	c.Advance(0)
	sim.Result(t, waits)
	if early != 2 || none != 0 {
		t.Errorf("got %d and %d steps, want 2, and none of the one that was cancelled", early, none)
	}

	// Two go on beside each other. The longer one has the Cooperator stop.
	var stopped *deferred.Signal
	done := s.Run(count(150, &short, nil))
	ends := s.Run(count(1000, &long, func() {
		stopped = deferred.Inline(c, func(co *deferred.Co) (struct{}, error) { return struct{}{}, s.Stop(co) })
	}))
	if err := sim.Failure(t, s.Run(count(1, new(int), nil))); err != deferred.ErrQueueFull {
		t.Errorf("a third of two: got %v, want %v", err, deferred.ErrQueueFull)
	}
	if short != 100 || long != 100 {
		t.Errorf("got %d and %d steps, want 100 of each in their first turn", short, long)
	}
	done.Done(func(struct{}, error) { late = long })
	c.Advance(0)
	sim.Result(t, done)
	sim.Result(t, stopped)
	if err := sim.Failure(t, ends); !errors.Is(err, deferred.ErrCanceled) || long != 1000 || late > 300 {
		t.Errorf("got %v after %d steps, and the short one after %d of them", err, long, late)
	}

	if err := sim.Failure(t, s.Run(count(1, new(int), nil))); err != ErrStopped {
		t.Errorf("after Stop: got %v, want %v", err, ErrStopped)
	}
	if err := start(c, s); err != nil {
		t.Fatal(err)
	}
	last := s.Run(count(1, new(int), nil))
	c.Advance(0)
	sim.Result(t, last)
	do(c, s.Stop)
}
