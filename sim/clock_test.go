package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
)

// TestK08Order proves K08: due calls run in order of time, then of their
// making, also those made meanwhile, each at its own time.
func TestK08Order(t *testing.T) {
	c := NewClock(t)
	var got []string
	note := func(name string) func() {
		return func() { got = append(got, fmt.Sprint(name, "@", c.Elapsed())) }
	}
	c.CallLater(3*time.Second, note("c"))
	c.CallLater(time.Second, func() {
		note("a")()
		c.CallLater(time.Second, note("b1"))
		c.CallLater(0, note("a2"))
	})
	c.CallLater(2*time.Second, note("b0"))
	c.CallLater(4*time.Second, note("late"))
	stopped := c.CallLater(time.Second, note("stopped"))
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop: want true, then false")
	}
	c.Advance(3 * time.Second)
	want := []string{"a@1s", "a2@1s", "b0@2s", "b1@2s", "c@3s"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := c.Pending(); got != 1 {
		t.Errorf("Pending: got %d, want 1", got)
	}
	c.Pump(500*time.Millisecond, 500*time.Millisecond)
	if got := got[len(got)-1]; got != "late@4s" {
		t.Errorf("got %s last, want late@4s", got)
	}
}

func TestClockTimerReset(t *testing.T) {
	c := NewClock(t)
	n := 0
	timer := c.CallLater(time.Second, func() { n++ })
	c.Advance(900 * time.Millisecond)
	timer.Reset(time.Second)
	if got, want := timer.When(), c.Now().Add(time.Second); !got.Equal(want) {
		t.Errorf("When: got %v, want %v", got, want)
	}
	c.Advance(999 * time.Millisecond)
	if n != 0 {
		t.Error("a reset timer fired early")
	}
	c.Advance(time.Millisecond)
	timer.Reset(time.Second) // also after it fired
	c.Advance(time.Second)
	if n != 2 || !timer.When().IsZero() {
		t.Errorf("got %d calls, When %v; want 2, zero", n, timer.When())
	}
}

func TestClockPostAndWork(t *testing.T) {
	c := NewClock(t)
	c.WorkTime = time.Minute
	var got []string
	c.Post(func() {
		got = append(got, "one")
		c.Post(func() { got = append(got, "two") })
	})
	_, err := c.Work(func(ctx context.Context) func() {
		got = append(got, fmt.Sprint("job ", ctx.Err()))
		return func() { got = append(got, "result") }
	})
	if err != nil {
		t.Fatal(err)
	}
	cancel, _ := c.Work(func(ctx context.Context) func() {
		got = append(got, fmt.Sprint("job ", ctx.Err()))
		return nil
	})
	cancel()
	if got != nil {
		t.Fatalf("%v happened before Advance", got)
	}
	c.Advance(0)
	c.Advance(time.Minute)
	want := []string{"one", "two", "job <nil>", "result"} // the cancelled one never ran
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A fakeT notes what a test would have failed with.
type fakeT struct {
	failures []string
	cleanups []func()
	logs     []string
}

func (f *fakeT) Helper()                      {}
func (f *fakeT) Name() string                 { return "TestFake" }
func (f *fakeT) Logf(format string, a ...any) { f.logs = append(f.logs, fmt.Sprintf(format, a...)) }
func (f *fakeT) Errorf(format string, a ...any) {
	f.failures = append(f.failures, fmt.Sprintf(format, a...))
}
func (f *fakeT) Fatalf(format string, a ...any) {
	f.Errorf(format, a...)
	panic(f)
}
func (f *fakeT) Cleanup(c func()) { f.cleanups = append(f.cleanups, c) }
func (f *fakeT) Failed() bool     { return len(f.failures) > 0 }

// try runs body with f as its T, and then the cleanups.
func (f *fakeT) try(body func(T)) {
	func() {
		defer func() {
			if r := recover(); r != nil && r != any(f) {
				panic(r)
			}
		}()
		body(f)
	}()
	for _, c := range slices.Backward(f.cleanups) {
		c()
	}
}

// TestTR03ClockErrors proves TR03: errors reported or logged fail the test
// that did not take them, and only that.
func TestTR03ClockErrors(t *testing.T) {
	broken := errors.New("broken pipe organ")
	var f fakeT
	f.try(func(t T) {
		c := NewClock(t)
		c.Report(broken)
		c.Log().Error("lost", "err", "no space")
		c.Log().With("peer", "x").Warn("rude")
	})
	if got := strings.Join(f.failures, "\n"); len(f.failures) != 2 ||
		!strings.Contains(got, "broken pipe organ") || !strings.Contains(got, "lost err=") {
		t.Errorf("got %q, want the report and the logged error", got)
	}
	f = fakeT{}
	f.try(func(ft T) {
		c := NewClock(ft)
		c.Report(broken)
		if got := c.Errors(); len(got) != 1 || got[0] != broken {
			t.Errorf("Errors: got %v", got)
		}
	})
	if f.Failed() {
		t.Errorf("failed for an error that was taken: %q", f.failures)
	}
}

func TestClockRandIsTheSame(t *testing.T) {
	a, b := make([]byte, 16), make([]byte, 16)
	io.ReadFull(NewClock(t).Rand(), a)
	io.ReadFull(NewClock(t).Rand(), b)
	if string(a) != string(b) || string(a) == string(make([]byte, 16)) {
		t.Errorf("got %x and %x, want the same", a, b)
	}
}

func TestClockStopsEndlessLoops(t *testing.T) {
	var f fakeT
	f.try(func(t T) {
		c := NewClock(t)
		var again func()
		again = func() { c.CallLater(0, again) }
		again()
		c.Advance(time.Second)
	})
	if !f.Failed() {
		t.Error("a timer that is due again at once did not end the test")
	}
}

// TestClockLoop uses a Clock where a Loop is wanted.
func TestClockLoop(t *testing.T) {
	var l twistor.Loop = NewClock(t)
	if s := l.Siblings(); len(s) != 1 || s[0] != l {
		t.Errorf("Siblings: got %v", s)
	}
}
