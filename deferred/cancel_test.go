package deferred

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"
)

// TestD06Cancel is what Cancel means for a producer and its consumers. Each case
// begins with a pending Deferred.
func TestD06Cancel(t *testing.T) {
	tests := []struct {
		name string
		f    func(t *testing.T, j *journal, l *testLoop, d *Deferred[int])
		want []string
	}{
		{"fails with ErrCanceled", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.Cancel()
			failed(t, d, ErrCanceled)
			failed(t, d, context.Canceled)
		}, []string{"0 deferred: canceled"}},
		{"suppresses the late value", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.Cancel()
			j.note("late: %t", d.Succeed(1))
			failed(t, d, ErrCanceled)
		}, []string{"0 deferred: canceled", "late: false"}},
		{"suppresses the late failure", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.Cancel()
			j.note("late: %t", d.Fail(errTest))
			failed(t, d, ErrCanceled)
		}, []string{"0 deferred: canceled", "late: false"}},
		{"twice is once", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.OnCancel(func() { j.note("canceller") })
			d.Cancel()
			d.Cancel()
		}, []string{"canceller", "0 deferred: canceled"}},
		{"after a value: nothing", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.OnCancel(func() { j.note("canceller") })
			d.Succeed(1)
			d.Cancel()
			holds(t, d, 1)
		}, []string{"1 <nil>"}},
		{"after a failure: nothing, and it is not reported", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			e := Failed[int](l, errTest)
			e.Cancel()
			d.Succeed(1)
		}, []string{"1 <nil>"}},
		{"canceller gives a value", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.OnCancel(func() { d.Succeed(9) })
			d.Cancel()
		}, []string{"9 <nil>"}},
		{"canceller gives an error", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.OnCancel(func() { d.Fail(errTest) })
			d.Cancel()
		}, []string{"0 test"}},
		{"canceller cancels again", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.OnCancel(func() { j.note("canceller"); d.Cancel() })
			d.Cancel()
		}, []string{"canceller", "0 deferred: canceled"}},
		{"canceller set after the value", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.Succeed(1)
			d.OnCancel(func() { j.note("canceller") }).Cancel()
		}, []string{"1 <nil>"}},
		{"within a callback: nothing", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.Done(func(int, error) { d.Cancel() })
			d.Done(func(v int, err error) { j.note("next %d %v", v, err) })
			d.Succeed(1)
		}, []string{"1 <nil>", "next 1 <nil>"}},
		{"of a derived one within an earlier callback", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			var e *Deferred[int]
			d.Done(func(int, error) { e.Cancel() })
			e = Then(d, func(int) (int, error) { j.note("not called"); return 0, nil })
			e.Done(func(v int, err error) { j.note("derived %d %v", v, err) })
			d.Succeed(1)
			holds(t, d, 1)
		}, []string{"1 <nil>", "derived 0 deferred: canceled"}},
		{"of a chained one within an earlier callback", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			var e *Deferred[int]
			d.Done(func(int, error) { e.Cancel() })
			e = Chain(d, func(int) *Deferred[int] { j.note("not called"); return nil })
			d.Succeed(1)
			failed(t, e, ErrCanceled)
		}, []string{"1 <nil>"}},
		{"of a derived one within its own callback", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			var e *Deferred[int]
			e = Then(d, func(int) (int, error) { e.Cancel(); return 5, nil })
			d.Succeed(1)
			failed(t, e, ErrCanceled)
		}, []string{"1 <nil>"}},
		{"of a chained one within its own callback cancels what that made", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			inner := New[int](l).OnCancel(func() { j.note("inner") })
			var e *Deferred[int]
			e = Chain(d, func(int) *Deferred[int] { e.Cancel(); return inner })
			d.Succeed(1)
			failed(t, e, ErrCanceled)
			failed(t, inner, ErrCanceled)
		}, []string{"1 <nil>", "inner"}},
		{"of a derived one reaches the producer", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.OnCancel(func() { j.note("canceller") })
			e := Then(Then(d, func(v int) (int, error) { return v, nil }), func(v int) (string, error) { return "", nil })
			e.Cancel()
			failed(t, e, ErrCanceled)
		}, []string{"canceller", "0 deferred: canceled"}},
		{"a Catch on the way recovers", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.Catch(func(err error) (int, error) { return 6, nil })
			e := Then(d, func(v int) (int, error) { return v + 1, nil })
			e.Cancel()
			holds(t, e, 7)
		}, []string{"0 deferred: canceled"}},
		{"of a chained one cancels the inner one", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			inner := New[int](l).OnCancel(func() { j.note("inner") })
			e := Chain(d, func(int) *Deferred[int] { return inner })
			d.Succeed(1)
			e.Cancel()
			failed(t, e, ErrCanceled)
			holds(t, d, 1)
		}, []string{"1 <nil>", "inner"}},
		{"of a chained one, two levels down", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			inner := New[int](l).OnCancel(func() { j.note("inner") })
			e := Chain(d, func(int) *Deferred[int] {
				return Chain(Succeeded(1), func(int) *Deferred[int] { return inner })
			})
			d.Succeed(1)
			e.Cancel()
			failed(t, e, ErrCanceled)
		}, []string{"1 <nil>", "inner"}},
		{"of a chained one before its turn", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			e := Chain(d, func(int) *Deferred[int] { j.note("not called"); return nil })
			e.Cancel()
			failed(t, e, ErrCanceled)
		}, []string{"0 deferred: canceled"}},
		{"a producer's own canceller on a derived one", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			e := Then(d, func(v int) (int, error) { return v, nil }).OnCancel(func() { j.note("mine") })
			e.Cancel()
			failed(t, e, ErrCanceled)
		}, []string{"mine", "0 deferred: canceled"}},
		{"a Shield keeps it off", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			s := d.Shield()
			s.Cancel()
			failed(t, s, ErrCanceled)
			d.Succeed(1)
			holds(t, d.Shield(), 1)
		}, []string{"1 <nil>"}},
		{"one of two consumers cancels for both", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			a := Then(d, func(v int) (int, error) { return v, nil })
			b := Then(d, func(v int) (int, error) { return v, nil })
			a.Cancel()
			failed(t, b, ErrCanceled)
		}, []string{"0 deferred: canceled"}},
		{"of nil", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			(*Deferred[int])(nil).Cancel()
			d.Succeed(1)
		}, []string{"1 <nil>"}},
		{"a panic of the canceller is reported", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			d.OnCancel(func() { panic("canceller") })
			d.Cancel()
			for _, err := range l.taken() {
				j.note("%v", err)
			}
		}, []string{"0 deferred: canceled", "deferred: unhandled: panic: canceller"}},
		{"without a loop it goes to who cancels", func(t *testing.T, j *journal, l *testLoop, d *Deferred[int]) {
			e := New[int](nil).OnCancel(func() { panic("canceller") })
			panics(t, "canceller", e.Cancel)
			d.Cancel()
		}, []string{"0 deferred: canceled"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLoop(t)
			var j journal
			d := New[int](l)
			d.Done(func(v int, err error) { j.note("%d %v", v, err) })
			tt.f(t, &j, l, d)
			j.want(t, tt.want...)
		})
	}
}

// TestD07Timeout: what expires, when, and who sees what.
func TestD07Timeout(t *testing.T) {
	l := newLoop(t)
	var j journal
	begin := l.now
	note := func(name string) func(int, error) {
		return func(_ int, err error) { j.note("%s at %v: %v", name, l.now.Sub(begin), err) }
	}
	d := New[int](l).OnCancel(func() { j.note("canceller") })
	d.Done(note("before"))
	d.Timeout(3 * time.Second).Done(note("after"))
	l.advance(2999 * time.Millisecond)
	j.want(t)
	l.advance(time.Hour)
	j.want(t, "canceller", "before at 3s: deferred: timeout", "after at 3s: deferred: timeout")
	if !errors.Is(ErrTimeout, context.DeadlineExceeded) || errors.Is(ErrTimeout, ErrCanceled) {
		t.Error("ErrTimeout is not a DeadlineExceeded, or is an ErrCanceled")
	}
	var n net.Error
	if e, ok := ErrTimeout.(interface{ Timeout() bool }); !ok || !e.Timeout() || errors.As(ErrCanceled, &n) {
		t.Error("ErrTimeout does not say Timeout() true")
	}

	d = New[int](l)
	d.OnCancel(func() { d.Fail(fmt.Errorf("my own: %w", ErrCanceled)) }).Timeout(0).Done(note("converted"))
	l.advance(1)
	j.want(t, "converted at 1h0m2.999s: deferred: timeout")

	d = New[int](l).Timeout(time.Second)
	d.Succeed(1)
	if len(l.alarms) != 0 {
		t.Error("the timer of a fired Deferred is still set")
	}
	l.advance(2 * time.Second)
	holds(t, d.Timeout(time.Second), 1)

	inner := New[int](l)
	slow := Chain(Succeeded(1), func(int) *Deferred[int] { return inner }).Timeout(time.Second)
	l.advance(time.Second)
	failed(t, slow, ErrTimeout)
	failed(t, inner, ErrTimeout)
	panics(t, "without a loop", func() { new(Deferred[int]).Timeout(1) })
}

// TestF_19 is the table of races between a result, a cancellation and a timeout:
// whoever is first decides, and the second is told that it was late.
func TestF_19(t *testing.T) {
	type step struct {
		name string
		f    func(l *testLoop, d *Deferred[int]) bool // false: it was late
	}
	value := step{"value", func(l *testLoop, d *Deferred[int]) bool { return d.Succeed(1) }}
	failure := step{"failure", func(l *testLoop, d *Deferred[int]) bool { return d.Fail(errTest) }}
	cancel := step{"cancel", func(l *testLoop, d *Deferred[int]) bool { d.Cancel(); return true }}
	expire := step{"timeout", func(l *testLoop, d *Deferred[int]) bool { l.advance(time.Second); return true }}
	want := map[string]string{"value": "1 <nil>", "failure": "0 test", "cancel": "0 deferred: canceled", "timeout": "0 deferred: timeout"}
	for _, first := range []step{value, failure, cancel, expire} {
		for _, second := range []step{value, failure, cancel, expire} {
			t.Run(first.name+" then "+second.name, func(t *testing.T) {
				l := newLoop(t)
				l.core.ReportFiredTwice = true
				var j journal
				d := New[int](l).Timeout(time.Second)
				d.Done(func(v int, err error) { j.note("%d %v", v, err) })
				if !first.f(l, d) {
					t.Error("the first was late")
				}
				late := !second.f(l, d)
				j.want(t, want[first.name])
				produces := second.name == "value" || second.name == "failure"
				if late != produces {
					t.Errorf("the second was told that it is late: %t, want %t", late, produces)
				}
				// If asked for a double firing is reported, but for the one late
				// result after a cancellation, which nobody can avoid.
				cancelled := first.name == "cancel" || first.name == "timeout"
				if got, want := len(l.taken()), map[bool]int{true: 1}[produces && !cancelled]; got != want {
					t.Errorf("got %d reports, want %d", got, want)
				}
				d.Succeed(3) // a third is reported in any case
				if got, want := len(l.taken()), map[bool]int{true: 1}[produces || !cancelled]; got != want {
					t.Errorf("third: got %d reports, want %d", got, want)
				}
			})
		}
	}
}

// TestK06After fires in time, and not when cancelled.
func TestK06After(t *testing.T) {
	l := newLoop(t)
	var j journal
	begin := l.now
	for _, d := range []time.Duration{3, 1, 2, 0, -1} {
		After(l, d*time.Second).Done(func(_ struct{}, err error) { j.note("%ds at %v", d, l.now.Sub(begin)) })
	}
	gone := After(l, time.Second)
	gone.Cancel()
	failed(t, gone, ErrCanceled)
	if len(l.alarms) != 5 {
		t.Errorf("got %d alarms, want 5: Cancel stops the timer", len(l.alarms))
	}
	j.want(t)
	l.advance(time.Minute)
	j.want(t, "0s at 0s", "-1s at 0s", "1s at 1s", "2s at 2s", "3s at 3s")
}
