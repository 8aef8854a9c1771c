package deferred

import (
	"iter"
	"testing"
	"time"
)

// TestK01EveryDoesNotDrift: calls come at the multiples of the interval, whatever
// they take, do not overlap, and miss ticks rather than bunch.
func TestK01EveryDoesNotDrift(t *testing.T) {
	l := newLoop(t)
	var j journal
	begin := l.now
	takes := []time.Duration{0, 300, 2500, 1000, 0}
	n := 0
	d := Every(l, time.Second, func(co *Co) error {
		i := n
		n++
		j.note("%v", l.now.Sub(begin))
		if i == len(takes) {
			return errTest
		}
		return co.Sleep(takes[i] * time.Millisecond)
	})
	l.advance(20 * time.Second)
	// The third ends at 5.5 s; the fourth, from 6 s, at 7 s exactly, when the
	// tick of 7 s has passed.
	j.want(t, "1s", "2s", "3s", "6s", "8s", "9s")
	failed(t, d, errTest)
	if len(l.alarms) != 0 {
		t.Error("the timer is still set")
	}
}

// TestK01LateLoop: a loop that was held up does not make a call twice.
func TestK01LateLoop(t *testing.T) {
	l := newLoop(t)
	var j journal
	begin := l.now
	d := Every(l, time.Second, func(co *Co) error { j.note("%v", l.now.Sub(begin)); return nil })
	l.now = l.now.Add(3700 * time.Millisecond)
	l.settle()
	l.advance(2 * time.Second)
	j.want(t, "3.7s", "4s", "5s")
	d.Cancel()
	l.advance(5 * time.Second)
	j.want(t)
	failed(t, d, ErrCanceled)
}

// TestK01Zero: an interval of 0 is every turn; a negative one is refused.
func TestK01Zero(t *testing.T) {
	l := newLoop(t)
	n := 0
	d := Every(l, 0, func(*Co) error { n++; return nil })
	for range 10 {
		l.turn()
	}
	if n != 10 {
		t.Errorf("got %d calls in 10 turns, want 10", n)
	}
	d.Cancel()
	failed(t, Every(l, -1, func(*Co) error { return nil }), errInterval)
}

// TestK02Ticks: Call hears how many ticks have passed; the sum is all of them.
func TestK02Ticks(t *testing.T) {
	l := newLoop(t)
	var j journal
	r := &Repeat{Interval: time.Second, AtOnce: true}
	r.Call = func(co *Co, ticks int) error {
		j.note("%d", ticks)
		if ticks == 1 {
			return nil
		}
		return co.Sleep(1500 * time.Millisecond)
	}
	r.Start(l)
	j.want(t, "1")
	l.advance(time.Second)
	l.now = l.now.Add(3 * time.Second)
	l.settle() // at 4 s: three ticks, then until 5.5 s
	l.advance(2 * time.Second)
	// At 6 s two ticks have passed since, those of 5 and 6; then until 7.5 s.
	j.want(t, "1", "3", "2")
	l.advance(2 * time.Second)
	j.want(t, "2")
}

// TestK03StopAndReset: Stop lets a call end and fires the Signal, Reset counts
// from now, and a stopped one can start again.
func TestK03StopAndReset(t *testing.T) {
	l := newLoop(t)
	var j journal
	begin := l.now
	r := &Repeat{Interval: 10 * time.Second, Call: func(co *Co, _ int) error {
		j.note("%v", l.now.Sub(begin))
		err := co.Sleep(time.Second)
		j.note("ends: %v", err)
		return err
	}}
	r.Stop()
	r.Reset()
	if r.Running() {
		t.Error("runs before Start")
	}
	d := r.Start(l)
	failed(t, r.Start(l), errRepeating)
	l.advance(4 * time.Second)
	r.Reset()
	l.advance(7 * time.Second)
	j.want(t)
	l.advance(3500 * time.Millisecond)
	j.want(t, "14s")
	r.Stop()
	r.Reset()
	if _, ok := d.Result(); ok || !r.Running() {
		t.Error("fired while a call is in progress")
	}
	l.advance(time.Hour)
	j.want(t, "ends: <nil>")
	holds(t, d, struct{}{})

	begin = l.now
	d = r.Start(l)
	l.advance(10500 * time.Millisecond)
	r.Reset() // during a call
	l.advance(10 * time.Second)
	j.want(t, "10s", "ends: <nil>", "20.5s")
	l.do(d.Cancel)
	j.want(t, "ends: deferred: canceled")
	failed(t, d, ErrCanceled)
	if r.Running() {
		t.Error("runs after Cancel")
	}

	d = r.Start(l)
	r.Stop()
	holds(t, d, struct{}{})
	if len(l.alarms) != 0 {
		t.Error("a timer is left")
	}
}

// steps are n steps that note themselves.
func steps(j *journal, name string, n int) iter.Seq[struct{}] {
	return func(yield func(struct{}) bool) {
		defer func() {
			if j != nil {
				j.note("%s is over", name)
			}
		}()
		for range n {
			if !yield(struct{}{}) {
				return
			}
		}
	}
}

// TestK04Cooperate: long computations share the loop with others and with timers.
func TestK04Cooperate(t *testing.T) {
	l := newLoop(t)
	var j journal
	l.CallLater(0, func() { j.note("timer") })
	a := Cooperate(l, 0, steps(&j, "a", 3*unmetered))
	b := Cooperate(l, 0, steps(&j, "b", unmetered/2))
	l.settle()
	j.want(t, "b is over", "timer", "a is over")
	holds(t, a, struct{}{})
	holds(t, b, struct{}{})

	n := 0
	endless := Cooperate(l, 0, func(yield func(struct{}) bool) {
		for yield(struct{}{}) {
			n++
		}
	})
	for turns := 1; turns <= 3; turns++ {
		if got, want := n, turns*unmetered-1; got != want { // the last one waits in its yield
			t.Errorf("after %d turns: got %d steps, want %d", turns, got, want)
		}
		l.turn()
	}
	l.do(endless.Cancel)
	c := Cooperate(l, 0, steps(&j, "c", 10*unmetered))
	l.turn()
	l.do(c.Cancel)
	j.want(t, "c is over")
	failed(t, c, ErrCanceled)
	failed(t, Cooperate(l, 0, func(func(struct{}) bool) { panic(errTest) }), errTest)
}

// A metered loop says that each look at its clock takes a millisecond.
type metered struct {
	*testLoop
	elapsed time.Duration
}

func (m *metered) TurnTime() time.Duration {
	m.elapsed += time.Millisecond
	return m.elapsed
}

// TestK04Slice: a turn takes as many steps as begin within the slice, and one in
// any case.
func TestK04Slice(t *testing.T) {
	for _, tt := range []struct{ slice, used, want int }{{5, 0, 5}, {0, 0, 10}, {5, 100, 1}} {
		m := &metered{testLoop: newLoop(t), elapsed: time.Duration(tt.used) * time.Millisecond}
		n := 0
		d := Cooperate(m, time.Duration(tt.slice)*time.Millisecond, func(yield func(struct{}) bool) {
			for {
				n++
				if !yield(struct{}{}) {
					return
				}
			}
		})
		if n != tt.want {
			t.Errorf("slice of %d ms, %d ms used: got %d steps, want %d", tt.slice, tt.used, n, tt.want)
		}
		m.do(d.Cancel)
	}
}
