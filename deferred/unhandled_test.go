package deferred

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestD08Unhandled: what counts as handled, and what is reported at Close.
func TestD08Unhandled(t *testing.T) {
	recover1 := func(error) (int, error) { return 1, nil }
	rethrow := func(err error) (int, error) { return 0, fmt.Errorf("again: %w", err) }
	tests := []struct {
		name string
		f    func(l *testLoop, d *Deferred[int])
		want int
	}{
		{"nothing", func(l *testLoop, d *Deferred[int]) {}, 1},
		{"Always", func(l *testLoop, d *Deferred[int]) { d.Always(func() {}) }, 1},
		{"Timeout", func(l *testLoop, d *Deferred[int]) { d.Timeout(1) }, 1},
		{"Catch that fails on", func(l *testLoop, d *Deferred[int]) { d.Catch(rethrow) }, 1},
		{"Done, then Catch that fails on", func(l *testLoop, d *Deferred[int]) { d.Done(nil); d.Catch(rethrow) }, 1},
		{"Then", func(l *testLoop, d *Deferred[int]) { Then(d, func(int) (int, error) { return 1, nil }) }, 1},
		{"Shield", func(l *testLoop, d *Deferred[int]) { d.Shield() }, 1},
		{"All", func(l *testLoop, d *Deferred[int]) { All(d, Succeeded(1)) }, 1},
		{"awaited by a coroutine that fails with it", func(l *testLoop, d *Deferred[int]) {
			Inline(l, func(co *Co) (int, error) { return d.Await(co) })
		}, 1},

		{"Done", func(l *testLoop, d *Deferred[int]) { d.Done(func(int, error) {}) }, 0},
		{"Done(nil)", func(l *testLoop, d *Deferred[int]) { d.Done(nil) }, 0},
		{"Catch", func(l *testLoop, d *Deferred[int]) { d.Catch(recover1) }, 0},
		{"Then, Done", func(l *testLoop, d *Deferred[int]) { Then(d, func(int) (int, error) { return 1, nil }).Done(nil) }, 0},
		{"Result", func(l *testLoop, d *Deferred[int]) { d.Always(func() { d.Result() }) }, 0},
		{"Cancel", func(l *testLoop, d *Deferred[int]) { d.Always(d.Cancel) }, 0},
		{"Settle", func(l *testLoop, d *Deferred[int]) { Settle(d) }, 0},
		{"First of two", func(l *testLoop, d *Deferred[int]) { First(d, Succeeded(1)) }, 0},
		{"awaited", func(l *testLoop, d *Deferred[int]) {
			Inline(l, func(co *Co) (int, error) { d.Await(co); return 1, nil })
		}, 0},
	}
	for _, tt := range tests {
		for _, when := range []string{"before", "after", "a turn after"} {
			t.Run(tt.name+", "+when+" it fails", func(t *testing.T) {
				l := newLoop(t)
				d := New[int](l)
				if when == "before" {
					tt.f(l, d)
				}
				l.do(func() {
					d.Fail(errTest)
					if when == "after" {
						tt.f(l, d)
					}
				})
				l.settle()
				if when == "a turn after" {
					l.do(func() { tt.f(l, d) })
				}
				if got := l.taken(); len(got) != 0 {
					t.Errorf("before Close: got %v, want nothing", got)
				}
				runtime.KeepAlive(d)
				l.core.Close()
				got := l.taken()
				if len(got) != tt.want || len(got) > 0 && !errors.Is(got[0], errTest) {
					t.Errorf("got %v, want %d reports of %v", got, tt.want, errTest)
				}
				if l.core.troubles.Len() != 0 {
					t.Error("troubles are left")
				}
			})
		}
	}
}

// TestD08Cancelled: nobody minds what was cancelled or stopped, on the way down
// neither; but a Timeout counts.
func TestD08Cancelled(t *testing.T) {
	l := newLoop(t)
	Then(New[int](l), func(v int) (int, error) { return v, nil }).Cancel()
	Inline(l, func(co *Co) (int, error) { return New[int](l).Await(co) }).Cancel()
	d := New[int](l).OnCancel(func() {})
	Then(d, func(v int) (int, error) { return v, nil })
	d.Cancel()
	f := New[int](l)
	f.OnCancel(func() { f.Fail(errTest) })
	f.Cancel()
	Inline(l, func(co *Co) (int, error) { return New[int](l).Await(co) }) // ends by Close
	New[int](l).Timeout(1)
	l.advance(1)
	l.core.Close()
	if got := l.taken(); len(got) != 1 || !errors.Is(got[0], ErrTimeout) {
		t.Errorf("got %v, want the timeout only", got)
	}
}

// TestD09Debug: with Debug a report names where the Deferred was made, and a
// second firing where the first was.
func TestD09Debug(t *testing.T) {
	l := newLoop(t)
	l.core.Debug, l.core.ReportFiredTwice = true, true
	d := makeHere(l)
	failHere(d)
	d.Succeed(1)
	got := l.taken()
	if len(got) != 1 {
		t.Fatalf("got %v, want one report", got)
	}
	twice, ok := errors.AsType[*FiredTwiceError](got[0])
	if !ok || !strings.Contains(twice.Made, "makeHere") || !strings.Contains(twice.First, "failHere") || !strings.Contains(twice.Second, "TestD09Debug") {
		t.Errorf("got %v, want made in makeHere, fired in failHere and here", got[0])
	}
	l.core.Close()
	got = l.taken()
	if len(got) != 1 {
		t.Fatalf("got %v, want one report", got)
	}
	u, ok := errors.AsType[*UnhandledError](got[0])
	if !ok || !strings.Contains(u.Origin, "failed at unhandled_test.go:") || !strings.Contains(u.Origin, "failHere") || !strings.Contains(u.Origin, "makeHere") {
		t.Errorf("got %v, want failed in failHere, made in makeHere", got[0])
	}
	for _, d := range []*Deferred[int]{
		Then(New[int](l), func(v int) (int, error) { return v, nil }),
		Chain(New[int](l), func(v int) *Deferred[int] { return nil }),
		Inline(l, func(co *Co) (int, error) { return 0, nil }),
	} {
		if got := d.more.made.String(); !strings.Contains(got, "TestD09Debug") {
			t.Errorf("made at %s, want here", got)
		}
	}
}

func makeHere(l Loop) *Deferred[int] { return New[int](l) }
func failHere(d *Deferred[int])      { d.Fail(errTest) }

// TestD08Origin: without Debug a report names where it failed.
func TestD08Origin(t *testing.T) {
	l := newLoop(t)
	d := New[int](l)
	l.do(func() { failHere(d) })
	d.Always(func() {}) // changes nothing
	l.core.Close()
	if got := fmt.Sprint(l.taken()); !strings.Contains(got, "deferred: unhandled: test (failed at unhandled_test.go:") || !strings.Contains(got, "failHere") {
		t.Errorf("got %s, want the place", got)
	}
	// An error that came out of a function is blamed on that function.
	l = newLoop(t)
	start := New[int](l)
	Then(start, failingThen)
	Chain(start, failingChain)
	start.Succeed(1)
	Failed[int](l, errTest).Catch(failingCatch)
	Inline(l, failingBody)
	Go(l, failingJob)
	l.settle()
	l.core.Close()
	got := l.taken()
	want := []string{"failingThen", "failingChain", "failingCatch", "failingBody", "failingJob"}
	if len(got) != len(want) {
		t.Fatalf("got %d reports, want %d: %v", len(got), len(want), got)
	}
	for i, want := range want {
		if got := got[i].Error(); !strings.Contains(got, "(failed at unhandled_test.go:") || !strings.Contains(got, want) {
			t.Errorf("got %s, want failed in %s", got, want)
		}
	}
}

func failingThen(int) (int, error)            { return 0, errTest }
func failingChain(int) *Deferred[int]         { panic(errTest) }
func failingCatch(error) (int, error)         { return 0, errTest }
func failingBody(co *Co) (int, error)         { return 0, errors.Join(errTest, co.Yield()) }
func failingJob(context.Context) (int, error) { return 0, errTest }

// TestF_18 drops 10,000 failed Deferreds, part of them in cycles of every kind,
// and as many handled ones: each of the former is reported once, when collected
// or at Close, and none of the latter.
func TestF_18(t *testing.T) {
	for _, atClose := range []bool{false, true} {
		t.Run(map[bool]string{false: "collected", true: "ReportAtClose"}[atClose], func(t *testing.T) {
			const n = 10_000
			l := newLoop(t)
			l.core.ReportAtClose = atClose
			l.do(func() { dropFailed(l, n) })
			l.do(func() { handleFailed(l, n) })
			for range 20 {
				runtime.GC()
				select {
				case <-l.wake:
				default:
				}
				runtime.Gosched()
				l.settle()
				if len(l.reports) >= n*9/10 {
					break
				}
			}
			collected := len(l.reports)
			if want := n / 2; !atClose && collected < want {
				t.Errorf("got %d reports after collections, want at least %d", collected, want)
			}
			if atClose && collected > 0 {
				t.Errorf("got %d reports before Close, want 0", collected)
			}
			l.core.Close()
			seen := make(map[string]int)
			for _, err := range l.taken() {
				u, ok := errors.AsType[*UnhandledError](err)
				if !ok {
					t.Fatalf("got %v, want an UnhandledError", err)
				}
				seen[u.Err.Error()]++
			}
			for i := range n {
				if got := seen[fmt.Sprint("lost ", i)]; got != 1 {
					t.Fatalf("failure %d: got %d reports, want 1", i, got)
				}
			}
			if len(seen) != n {
				t.Errorf("got %d different reports, want %d", len(seen), n)
			}
			t.Logf("%d reported by the collector, %d by Close", collected, n-collected)
		})
	}
}

type holder struct{ d *Deferred[*holder] }

// A holdingError refers to its own Deferred: only Close can report that.
type holdingError struct {
	text string
	d    *Deferred[*holder]
}

func (e *holdingError) Error() string { return e.text }

func dropFailed(l *testLoop, n int) {
	for i := range n {
		text := fmt.Sprint("lost ", i)
		err := errors.New(text)
		d := New[*holder](l)
		switch i % 5 {
		case 0, 1:
			d.Fail(err)
		case 2: // a cycle through the value
			d.Fail(errTest)
			d.Catch(func(error) (*holder, error) { return &holder{d}, err })
		case 3: // a cycle through a canceller and callbacks
			e := Then(d, func(h *holder) (*holder, error) { return h, nil })
			d.OnCancel(func() { e.Cancel() })
			e.Always(func() { d.Result() })
			d.Fail(err)
		case 4: // a cycle through the error
			if i%100 != 4 {
				d.Fail(err)
			} else {
				d.Fail(&holdingError{text, d})
			}
		}
	}
}

func handleFailed(l *testLoop, n int) {
	for range n {
		d := Failed[int](l, errors.New("handled"))
		d.Always(func() {})
		d.Done(nil)
	}
}

// TestF_18Limit: a loop does not remember more than its limit of failures.
func TestF_18Limit(t *testing.T) {
	l := newLoop(t)
	l.core.ReportAtClose = true
	for range maxTroubles + 10 {
		New[int](l).Fail(errTest)
	}
	if got := len(l.taken()); got != 10 {
		t.Errorf("got %d reports, want 10", got)
	}
	l.core.Close()
	if got := len(l.taken()); got != maxTroubles {
		t.Errorf("got %d reports at Close, want %d", got, maxTroubles)
	}
	Failed[int](l, errTest)
	l.core.Close()
	if got := len(l.taken()); got != 1 {
		t.Errorf("got %d reports at the second Close, want the one that came since", got)
	}
}

// TestF_18FullLoop: what the collector finds while the loop takes no calls waits
// for Close.
func TestF_18FullLoop(t *testing.T) {
	l := newLoop(t)
	l.do(func() { dropFailed(l, 10) })
	l.refuse(true)
	for range 5 {
		runtime.GC()
	}
	l.refuse(false)
	l.core.Close()
	if got := len(l.taken()); got != 10 {
		t.Errorf("got %d reports, want 10", got)
	}
}
