package deferred

import (
	"errors"
	"runtime/debug"
	"testing"
)

// TestD03Chain: a Deferred from a callback holds up what follows until it fires.
func TestD03Chain(t *testing.T) {
	l := newLoop(t)
	d, inner := New[int](l), New[string](l)
	c := Chain(d, func(v int) *Deferred[string] { return inner })
	d.Succeed(1)
	if _, ok := c.Result(); ok {
		t.Error("fired before the inner one")
	}
	inner.Succeed("in")
	holds(t, c, "in")
	holds(t, inner, "in")

	failed(t, Chain(Succeeded(1), func(int) *Deferred[int] { return Failed[int](l, errTest) }), errTest)
	failed(t, Chain(Failed[int](l, errTest), func(int) *Deferred[int] { t.Error("called"); return nil }), errTest)
	failed(t, Chain(Succeeded(1), func(int) *Deferred[int] { return nil }), errNilChained)
	failed(t, Chain(Succeeded(1), func(int) *Deferred[int] { panic(errTest) }), errTest)
}

// TestD04PassesOn: who derives from a Deferred takes its failure over.
func TestD04PassesOn(t *testing.T) {
	l := newLoop(t)
	d := Failed[int](l, errTest)
	e := Then(d, func(v int) (int, error) { return v, nil })
	l.core.Close()
	reports := l.taken()
	if len(reports) != 1 {
		t.Errorf("got %v, want one report, of the derived Deferred", reports)
	}
	failed(t, e, errTest)
}

// TestChainLearnsItsLoop: a Deferred without a loop reports on the loop of the
// one that it came to wait for.
func TestChainLearnsItsLoop(t *testing.T) {
	l := newLoop(t)
	inner := New[int](l)
	Chain(Succeeded(1), func(int) *Deferred[int] { return inner }).Timeout(1)
	l.advance(10)
	failed(t, inner, ErrTimeout)
	l.core.Close()
	if reports := l.taken(); len(reports) != 1 || !errors.Is(reports[0], ErrTimeout) {
		t.Errorf("got %v, want the timeout reported", reports)
	}
}

// onSmallStack runs f where no goroutine's stack may pass 1 MiB: beyond, the
// program dies.
func onSmallStack(f func()) {
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 20))
	f()
}

const deep = 100_000

// TestF_17 builds chains of 100,000 in every way, and wants them to run on a
// stack of 1 MiB.
func TestF_17(t *testing.T) {
	plus := func(v int) (int, error) { return v + 1, nil }
	tests := []struct {
		name string
		f    func(l *testLoop) *Deferred[int]
	}{
		{"callbacks of one", func(l *testLoop) *Deferred[int] {
			d, n := New[int](l), 0
			for range deep {
				d.Always(func() { n++ })
			}
			d.Succeed(0)
			return Then(d, func(int) (int, error) { return n, nil })
		}},
		{"one derived from another", func(l *testLoop) *Deferred[int] {
			first := New[int](l)
			d := first
			for range deep {
				d = Then(d, plus)
			}
			first.Succeed(0)
			return d
		}},
		{"derived without a loop", func(l *testLoop) *Deferred[int] {
			first := New[int](nil)
			d := first
			for range deep {
				d = Then(d, plus)
			}
			first.Succeed(0)
			return d
		}},
		{"callback returns a fired Deferred", func(l *testLoop) *Deferred[int] {
			first := New[int](l)
			d := first
			for range deep {
				d = Chain(d, func(v int) *Deferred[int] { return Succeeded(v + 1) })
			}
			first.Succeed(0)
			return d
		}},
		{"already fired", func(l *testLoop) *Deferred[int] {
			d := Succeeded(0)
			for range deep {
				d = Chain(d, func(v int) *Deferred[int] { return Then(Succeeded(v), plus) })
			}
			return d
		}},
		{"nested, from the inside out", func(l *testLoop) *Deferred[int] {
			first := New[int](l)
			d := Then(first, func(int) (int, error) { return deep, nil })
			for range deep {
				inner := d
				d = Chain(Succeeded(0), func(int) *Deferred[int] { return inner })
			}
			first.Succeed(0)
			return d
		}},
		{"nested, from the outside in", func(l *testLoop) *Deferred[int] {
			var next *Deferred[struct{}]
			var down func(n int) *Deferred[int]
			down = func(n int) *Deferred[int] {
				if n == deep {
					return Succeeded(n)
				}
				next = New[struct{}](l)
				return Chain(next, func(struct{}) *Deferred[int] { return down(n + 1) })
			}
			d := down(0)
			for range deep {
				next.Succeed(struct{}{})
			}
			return d
		}},
		{"awaits of fired ones", func(l *testLoop) *Deferred[int] {
			return Inline(l, func(co *Co) (n int, err error) {
				for range deep {
					v, _ := Succeeded(1).Await(co)
					n += v
				}
				return n, nil
			})
		}},
		{"awaits of pending ones", func(l *testLoop) *Deferred[int] {
			var next *Deferred[int]
			d := Inline(l, func(co *Co) (n int, err error) {
				for range deep {
					next = New[int](l)
					v, _ := next.Await(co)
					n += v
				}
				return n, nil
			})
			for range deep {
				l.do(func() { next.Succeed(1) })
			}
			return d
		}},
		{"waiters of a lock that give it back at once", func(l *testLoop) *Deferred[int] {
			k := Lock{MaxWaiters: deep}
			n := 0
			first, _ := k.Acquire(l).Result()
			for range deep {
				k.Acquire(l).Done(func(release func(), err error) { n++; release() })
			}
			first.Value()
			return Succeeded(n)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLoop(t)
			var d *Deferred[int]
			onSmallStack(func() { d = tt.f(l) })
			holds(t, d, deep)
		})
	}
}

// TestF_17CancelOfAChain goes up 100,000 links.
func TestF_17CancelOfAChain(t *testing.T) {
	l := newLoop(t)
	first := New[int](l)
	d := first
	for range deep {
		d = Then(d, func(v int) (int, error) { return v, nil })
	}
	onSmallStack(d.Cancel)
	failed(t, d, ErrCanceled)
	failed(t, first, ErrCanceled)
}

// TestF_17Cycle: to wait for oneself is an error, however many stand between.
func TestF_17Cycle(t *testing.T) {
	l := newLoop(t)
	for _, between := range []int{0, 1, 2, 1000} {
		first := New[int](l)
		var last *Deferred[int]
		d := Chain(first, func(int) *Deferred[int] { return last })
		last = d
		for range between {
			last = Then(last, func(v int) (int, error) { return v, nil })
		}
		first.Succeed(1)
		failed(t, d, ErrCycle)
		failed(t, last, ErrCycle)
	}
	// A chain through two adoptions: a waits for b, which comes to wait for a.
	fa, fb := New[int](l), New[int](l)
	var a, b *Deferred[int]
	a = Chain(fa, func(int) *Deferred[int] { return b })
	b = Chain(fb, func(int) *Deferred[int] { return a })
	fa.Succeed(1)
	fb.Succeed(1)
	failed(t, a, ErrCycle)
	failed(t, b, ErrCycle)
}

// TestF_17AwaitCycle: so it is among coroutines.
func TestF_17AwaitCycle(t *testing.T) {
	l := newLoop(t)
	var a, b *Deferred[int]
	start := New[int](l)
	a = Inline(l, func(co *Co) (int, error) {
		start.Await(co)
		return b.Await(co)
	})
	b = Inline(l, func(co *Co) (int, error) { return a.Await(co) })
	l.do(func() { start.Succeed(0) })
	failed(t, a, ErrCycle)
	failed(t, b, ErrCycle)
	var self *Deferred[int]
	self = Inline(l, func(co *Co) (int, error) {
		co.Yield()
		return self.Await(co)
	})
	l.settle()
	failed(t, self, ErrCycle)
}
