package deferred

import (
	"fmt"
	"iter"
)

// Gather runs f for each element of seq, each in a coroutine of its own and at
// most so many of them at a time as workers, and returns a Deferred for what they return, in
// the order of seq. The next element is taken when there is room for it.
//
// The first failure, as a *MemberError with the place in seq, cancels the
// others; the Deferred fails when all have ended. To cancel it does the same.
func Gather[A, T any](l Loop, workers int, seq iter.Seq[A], f func(*Co, A) (T, error)) *Deferred[[]T] {
	if workers < 1 {
		panic(fmt.Sprintf("deferred: Gather by %d: want at least 1", workers))
	}
	g := &gathering[A, T]{loop: l, workers: workers, f: f}
	g.next, g.stop = iter.Pull(seq)
	g.waitFor(coreOf(l), &g.part)
	g.part.stop = g.fail
	g.pump()
	return &g.Deferred
}

type gathering[A, T any] struct {
	Deferred[[]T]
	part    part
	loop    Loop
	workers int
	f       func(*Co, A) (T, error)
	next    func() (A, bool)
	stop    func()
	values  []T
	running []*Deferred[T] // one for each value; nil: ended
	n       int            // running
	err     error
	dry     bool // no more elements
	pumping bool
}

// pump starts as many as there is room for, and fires when all has ended. It
// is called when one ends, which may be while it starts another.
func (g *gathering[A, T]) pump() {
	if g.pumping {
		return
	}
	g.pumping = true
	for g.err == nil && !g.dry && g.n < g.workers {
		g.start()
	}
	g.pumping = false
	if g.n == 0 && (g.dry || g.err != nil) && g.flags&fired == 0 {
		_, err := call(func(struct{}) (struct{}, error) { g.stop(); return struct{}{}, nil }, struct{}{})
		if g.err == nil {
			g.err = err // seq panicked when told to stop
		}
		if g.err != nil {
			g.values = nil
		}
		g.fire(g.values, g.err)
	}
}

func (g *gathering[A, T]) start() {
	i := len(g.values)
	a, err := call(func(struct{}) (a A, err error) {
		var ok bool
		a, ok = g.next()
		g.dry = !ok
		return a, nil
	}, struct{}{})
	if err != nil {
		g.fail(err) // seq panicked
		return
	}
	if g.dry || g.err != nil {
		return
	}
	g.n++
	g.values = append(g.values, *new(T))
	g.running = append(g.running, nil)
	d := Inline(g.loop, func(co *Co) (T, error) { return g.f(co, a) })
	g.running[i] = d
	d.Done(func(v T, err error) {
		g.n--
		g.values[i], g.running[i] = v, nil
		if err != nil {
			g.fail(&MemberError{i, err})
		}
		g.pump()
	})
}

// fail notes the first error, and cancels what runs.
func (g *gathering[A, T]) fail(err error) {
	if g.err != nil {
		return
	}
	g.err = err
	for _, d := range g.running {
		d.Cancel()
	}
	g.pump()
}

// A part is a node that stands before a Deferred whose making can be stopped,
// but ends in its own time.
type part struct{ stop func(reason error) }

func (p *part) enter(node)     {}
func (p *part) step() node     { return nil }
func (p *part) pending() bool  { return true }
func (p *part) upstream() node { return nil }

func (p *part) cancel(reason error) node {
	p.stop(reason)
	return nil
}
