package deferred

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestD11Inline: straight-line code waits, and goes on when the outermost
// callback has returned, in the order in which what it waited for came.
func TestD11Inline(t *testing.T) {
	l := newLoop(t)
	var j journal
	a, b := New[int](l), New[int](l)
	body := func(name string, first, second *Deferred[int]) *Deferred[int] {
		return Inline(l, func(co *Co) (int, error) {
			j.note("%s begins", name)
			v, err := first.Await(co)
			if err != nil {
				return 0, err
			}
			j.note("%s got %d", name, v)
			w, err := second.Await(co)
			j.note("%s got %d %v", name, w, err)
			return v + w, err
		})
	}
	x, y := body("x", a, b), body("y", b, a)
	j.note("waiting")
	l.do(func() {
		b.Fail(errTest)
		a.Succeed(1)
		j.note("fired")
	})
	j.want(t, "x begins", "y begins", "waiting", "fired", "x got 1", "x got 0 test")
	failed(t, x, errTest)
	failed(t, y, errTest)
	holds(t, Inline(l, func(co *Co) (int, error) { return a.Await(co) }), 1)
}

// TestD12Plain: a body that does not wait has ended when Inline returns, also
// within another coroutine, which then goes on.
func TestD12Plain(t *testing.T) {
	l := newLoop(t)
	d := Inline(l, func(co *Co) (string, error) {
		inner := Inline(l, func(in *Co) (string, error) {
			if l.core.Current() != in || in.Loop() != Loop(l) {
				t.Error("the inner coroutine is not the current one")
			}
			return "in", nil
		})
		o, _ := inner.Result()
		if l.core.Current() != co {
			t.Error("the outer coroutine is not the current one")
		}
		return o.Value + "out", nil
	})
	holds(t, d, "inout")
	if l.core.Current() != nil {
		t.Error("a coroutine is current outside of all")
	}
}

// TestInlineBeforeRun: a coroutine made before the loop turns starts with it.
func TestInlineBeforeRun(t *testing.T) {
	l := &testLoop{now: time.Unix(0, 0)}
	began := false
	d := Inline(l, func(co *Co) (int, error) { began = true; return 1, nil })
	gone := Inline(l, func(co *Co) (int, error) { t.Error("began although cancelled"); return 1, nil })
	gone.Cancel()
	if began || !l.core.Waiting() {
		t.Errorf("began: %t, waiting: %t; want false, true", began, l.core.Waiting())
	}
	l.core.Resume(10)
	holds(t, d, 1)
	failed(t, gone, ErrCanceled)
	if l.core.Waiting() {
		t.Error("still waiting")
	}
	never := &testLoop{}
	d = Inline(never, func(co *Co) (int, error) { t.Error("began although the loop closed"); return 1, nil })
	never.core.Close()
	failed(t, d, ErrStopped)
}

// TestResumeBudget: at most so many go on; the rest stays ready, in order.
func TestResumeBudget(t *testing.T) {
	l := newLoop(t)
	var j journal
	go1 := New[int](l)
	for i := range 5 {
		Inline(l, func(co *Co) (int, error) {
			defer j.note("%d", i)
			return go1.Await(co)
		})
	}
	go1.Succeed(1)
	if got := l.core.Resume(3); got != 3 || !l.core.Waiting() {
		t.Errorf("got %d, want 3 and more waiting", got)
	}
	j.want(t, "0", "1", "2")
	if got := l.core.Resume(3); got != 2 || l.core.Waiting() {
		t.Errorf("got %d, want 2 and none waiting", got)
	}
	j.want(t, "3", "4")
	Inline(l, func(co *Co) (int, error) {
		if got := l.core.Resume(3); got != 0 {
			t.Errorf("Resume within a coroutine: got %d, want 0", got)
		}
		return 0, nil
	})
}

// TestCancelInline: what a coroutine waits for is cancelled with it, and what
// it would wait for afterwards.
func TestCancelInline(t *testing.T) {
	l := newLoop(t)
	var j journal
	a, b := New[int](l).OnCancel(func() { j.note("a cancelled") }), New[int](l).OnCancel(func() { j.note("b cancelled") })
	d := Inline(l, func(co *Co) (int, error) {
		_, err := a.Await(co)
		j.note("a: %v, co: %v", err, co.Err())
		_, err = b.Await(co)
		j.note("b: %v", err)
		v, err := Succeeded(5).Await(co)
		j.note("fired: %d %v", v, err)
		j.note("sleep: %v", co.Sleep(time.Second))
		return v, nil
	})
	l.do(func() {
		d.Cancel()
		if _, ok := d.Result(); ok {
			t.Error("the Deferred fired before its body returned")
		}
	})
	j.want(t, "a cancelled", "a: deferred: canceled, co: deferred: canceled", "b cancelled", "b: deferred: canceled", "fired: 5 <nil>", "sleep: deferred: canceled")
	holds(t, d, 5)
	if len(l.alarms) != 0 {
		t.Error("a timer is left")
	}

	d = Inline(l, func(co *Co) (int, error) {
		inner := Inline(l, func(co *Co) (int, error) {
			err := co.Sleep(time.Hour)
			j.note("inner: %v", err)
			return 0, err
		})
		return inner.Await(co)
	}).Timeout(time.Second)
	l.advance(2 * time.Second)
	j.want(t, "inner: deferred: timeout")
	failed(t, d, ErrTimeout)
}

// TestCancelDoesNotLoseValue: what came before the cancellation is given to the
// coroutine, else a lock that it had been granted would be lost for ever.
func TestCancelDoesNotLoseValue(t *testing.T) {
	l := newLoop(t)
	var k Lock
	first, _ := k.Acquire(l).Result()
	d := Inline(l, func(co *Co) (int, error) {
		release, err := k.Acquire(l).Await(co)
		if err != nil {
			t.Errorf("got %v, want the lock", err)
			return 0, err
		}
		defer release()
		return 0, co.Err()
	})
	l.do(func() {
		first.Value()
		d.Cancel() // the lock is granted, the coroutine not yet resumed
	})
	failed(t, d, ErrCanceled)
	if k.Held() {
		t.Error("the lock is lost")
	}
}

// TestAwaitTakesLast: Await gives what the Deferred holds when the coroutine
// goes on.
func TestAwaitTakesLast(t *testing.T) {
	l := newLoop(t)
	d := New[int](l)
	got := Inline(l, func(co *Co) (int, error) { return d.Await(co) })
	d.Catch(func(error) (int, error) { return 4, nil })
	l.do(func() { d.Fail(errTest) })
	holds(t, got, 4)
}

// TestAwaitWithinCallback: a coroutine started by a callback of a Deferred gets
// the rest of its callbacks run first.
func TestAwaitWithinCallback(t *testing.T) {
	l := newLoop(t)
	d := New[int](l)
	var got *Deferred[int]
	d.Done(func(int, error) {
		got = Inline(l, func(co *Co) (int, error) { return d.Await(co) })
	})
	d.Catch(func(error) (int, error) { return 4, nil })
	l.do(func() { d.Fail(errTest) })
	holds(t, got, 4)
}

// TestD23PanicOfBody: a panic fails the Deferred, with the body in its stack, and
// the runner serves on.
func TestD23PanicOfBody(t *testing.T) {
	l := newLoop(t)
	for range 3 {
		d := Inline(l, func(co *Co) (int, error) {
			co.Yield()
			panic(errTest)
		})
		l.settle()
		failed(t, d, errTest)
		o, _ := d.Result()
		p, ok := errors.AsType[*PanicError](o.Err)
		if !ok || !strings.Contains(string(p.Stack), "TestD23PanicOfBody") {
			t.Errorf("got %v, want a PanicError with the body in its stack", o.Err)
		}
	}
	if l.core.nIdle != 1 {
		t.Errorf("got %d runners, want 1", l.core.nIdle)
	}
}

// TestGoexitOfBody: runtime.Goexit, which t.FailNow calls, fails the Deferred,
// is reported, and ends neither the loop nor the runner.
func TestGoexitOfBody(t *testing.T) {
	l := newLoop(t)
	for range 3 {
		cleaned := false
		d := Inline(l, func(co *Co) (int, error) {
			defer func() { cleaned = true }()
			co.Yield()
			runtime.Goexit()
			return 1, nil
		})
		l.settle()
		failed(t, d, ErrGoexit)
		if !cleaned {
			t.Error("deferred calls of the body did not run")
		}
		if got := l.taken(); len(got) != 1 || !errors.Is(got[0], ErrGoexit) {
			t.Errorf("got reports %v, want ErrGoexit", got)
		}
		holds(t, Inline(l, func(co *Co) (int, error) { return 2, co.Yield() }).awaitTurn(l), 2)
	}
	closed := make(chan bool)
	go func() {
		returned := false
		defer func() { closed <- returned }()
		l.core.Close()
		returned = true
	}()
	if !<-closed {
		t.Error("Close ended its own goroutine")
	}
}

// awaitTurn lets the loop settle.
func (d *Deferred[T]) awaitTurn(l *testLoop) *Deferred[T] {
	l.settle()
	return d
}

// TestWrongCo: to wait with another's Co would reorder silently; it panics.
func TestWrongCo(t *testing.T) {
	l := newLoop(t)
	var foreign, over *Co
	Inline(l, func(co *Co) (int, error) {
		foreign = co
		return 0, co.Sleep(time.Hour)
	})
	Inline(l, func(co *Co) (int, error) {
		over = co
		return 0, nil
	})
	d := New[int](l)
	Inline(l, func(co *Co) (int, error) {
		panics(t, "another coroutine", func() { d.Await(foreign) })
		panics(t, "has ended", func() { d.Await(over) })
		panics(t, "nil Co", func() { d.Await(nil) })
		panics(t, "another loop", func() { New[int](newLoop(t)).Await(co) })
		panics(t, "from within a coroutine", l.core.Close)
		return 0, nil
	})
	panics(t, "another coroutine", func() { d.Await(foreign) })
	l.advance(2 * time.Hour)
}

// TestCloseEndsCoroutines: every coroutine that waits ends, in the order in
// which they were made; deferred calls run.
func TestCloseEndsCoroutines(t *testing.T) {
	l := newLoop(t)
	var j journal
	pending, ready := New[int](l), New[int](l)
	start := func(name string, d *Deferred[int]) *Deferred[int] {
		return Inline(l, func(co *Co) (int, error) {
			defer j.note("%s ends", name)
			v, err := d.Await(co)
			j.note("%s: %d %v", name, v, err)
			err = co.Sleep(time.Second)
			j.note("%s: %v", name, err)
			err = co.Yield()
			j.note("%s: %v, not reached", name, err)
			return v, err
		})
	}
	a, b := start("a", pending), start("b", ready)
	ready.Succeed(1)
	l.core.Close()
	j.want(t, "a: 0 deferred: loop stopped", "a ends",
		"b: 1 <nil>", "b: deferred: loop stopped", "b ends")
	failed(t, a, ErrStopped)
	failed(t, b, ErrStopped)
	pending.Succeed(1) // too late for anybody
	failed(t, Inline(l, func(co *Co) (int, error) { t.Error("began after Close"); return 0, nil }), ErrStopped)
	if l.core.first != nil || l.core.idle != nil || l.core.Waiting() {
		t.Error("coroutines or runners are left")
	}
}

// TestCloseGivesUpWaiting: a coroutine that ends by Close leaves no place in the
// queue of a lock, which would be granted to nobody.
func TestCloseGivesUpWaiting(t *testing.T) {
	l := newLoop(t)
	var k Lock
	first, _ := k.Acquire(l).Result()
	Inline(l, func(co *Co) (int, error) {
		_, err := k.Acquire(l).Await(co)
		return 0, err
	})
	Inline(l, func(co *Co) (int, error) {
		co.Yield()
		defer func() { recover() }()
		k.Acquire(l).Await(co)
		return 0, nil
	})
	l.core.Close()
	first.Value()
	if k.Held() {
		t.Error("the lock is held by a coroutine that has ended")
	}
}

// TestOpen: a loop may start again.
func TestOpen(t *testing.T) {
	l := newLoop(t)
	l.core.Close()
	failed(t, Inline(l, func(*Co) (int, error) { return 1, nil }), ErrStopped)
	failed(t, Go(l, func(context.Context) (int, error) { return 1, nil }), ErrStopped)
	l.core.Open()
	d := Inline(l, func(co *Co) (int, error) { return 1, nil })
	if _, ok := d.Result(); ok {
		t.Error("began before the first turn")
	}
	asked := Ask(newLoop(t), l, func() *Deferred[int] { return Succeeded(1) })
	if o, ok := asked.Result(); ok {
		t.Errorf("got %v, want a question on its way", o)
	}
	l.settle()
	holds(t, d, 1)
}

// TestAbandon: a body that swallows every end is reported and left.
func TestAbandon(t *testing.T) {
	l := newLoop(t)
	swallowed := 0
	d := Inline(l, func(co *Co) (int, error) {
		for {
			func() {
				defer func() {
					if recover() != nil {
						swallowed++
					}
				}()
				New[int](l).Await(co)
			}()
		}
	})
	l.core.Close()
	failed(t, d, ErrStopped)
	if swallowed != maxRefused-1 {
		t.Errorf("got %d Awaits swallowed, want %d", swallowed, maxRefused-1)
	}
	if got := l.taken(); len(got) != 1 || !errors.Is(got[0], errAbandoned) {
		t.Errorf("got %v, want one report of the abandoned coroutine", got)
	}
}

// TestRunnersAreReused: a thousand coroutines one after another need one stack,
// and a thousand at a time leave no more than the limit behind.
func TestRunnersAreReused(t *testing.T) {
	l := newLoop(t)
	for range 1000 {
		Inline(l, func(co *Co) (int, error) { return 0, nil })
	}
	if l.core.nIdle != 1 {
		t.Errorf("got %d runners, want 1", l.core.nIdle)
	}
	gate := New[int](l)
	for range 1000 {
		Inline(l, func(co *Co) (int, error) { return gate.Await(co) })
	}
	l.do(func() { gate.Succeed(1) })
	if l.core.nIdle != maxIdle {
		t.Errorf("got %d runners, want %d", l.core.nIdle, maxIdle)
	}
	var runners []*runner
	for r := l.core.idle; r != nil; r = r.below {
		runners = append(runners, r)
	}
	l.core.Close()
	for _, r := range runners {
		if _, ok := r.next(); ok {
			t.Fatal("Close left a runner's goroutine")
		}
	}
}

// TestYieldAndSleep take turns, and time.
func TestYieldAndSleep(t *testing.T) {
	l := newLoop(t)
	var j journal
	begin := l.now
	for _, name := range []string{"a", "b"} {
		Inline(l, func(co *Co) (int, error) {
			for i := range 2 {
				j.note("%s%d", name, i)
				co.Yield()
			}
			co.Sleep(time.Minute)
			j.note("%s at %v", name, l.now.Sub(begin))
			return 0, nil
		})
	}
	l.advance(time.Hour)
	j.want(t, "a0", "b0", "a1", "b1", "a at 1m0s", "b at 1m0s")
}
