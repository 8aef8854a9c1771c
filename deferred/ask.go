package deferred

import (
	"container/list"
	"context"
	"errors"
)

var (
	errNilAnswer = errors.New("deferred: the function returned a nil Deferred")
	errNoLoop    = errors.New("deferred: Wait for a pending Deferred without a loop")
)

// Wait waits for d from an ordinary goroutine, not one of a loop: there it would
// wait for ever. The error is d's, ctx's, ErrStopped if the loop stops, or
// ErrUnreachable. Wait handles d's failure, and does not cancel it when ctx ends;
// Call does. Safe for concurrent use.
func (d *Deferred[T]) Wait(ctx context.Context) (T, error) {
	if d.core == nil {
		if d.flags&fired != 0 {
			return d.value, d.err
		}
		return *new(T), errNoLoop
	}
	return waitFor(ctx, d.core.loop, func() *Deferred[T] { return d }, func() {})
}

// Call calls f on the loop, from an ordinary goroutine, and waits for the
// Deferred it returns. When ctx ends that is cancelled. The error is the
// Deferred's, ctx's, ErrStopped if the loop stops, or ErrUnreachable. What comes
// back must not belong to the loop. Safe for concurrent use.
func Call[T any](ctx context.Context, l Loop, f func() *Deferred[T]) (T, error) {
	var d *Deferred[T] // Owned by the loop.
	return waitFor(ctx, l, func() *Deferred[T] {
		if ctx.Err() == nil {
			d = answerOf(l, f)
		}
		return d
	}, func() { l.Post(func() { d.Cancel() }) })
}

func waitFor[T any](ctx context.Context, l Loop, f func() *Deferred[T], giveUp func()) (T, error) {
	answer := make(chan Outcome[T], 1)
	give := func(v T, err error) {
		select {
		case answer <- Outcome[T]{v, err}:
		default: // nobody waits any more, or ErrStopped was first
		}
	}
	answered, ok := l.Core().expect(func() { give(*new(T), ErrStopped) })
	if !ok {
		return *new(T), ErrStopped
	}
	defer answered()
	if !l.Post(func() {
		if d := f(); d != nil {
			d.Done(give)
		}
	}) {
		return *new(T), ErrUnreachable
	}
	select {
	case o := <-answer:
		return o.Value, o.Err
	case <-ctx.Done():
		giveUp()
		return *new(T), ctx.Err()
	}
}

// answerOf calls f on l. It never returns nil.
func answerOf[T any](l Loop, f func() *Deferred[T]) *Deferred[T] {
	d, err := start(func(struct{}) *Deferred[T] { return f() }, struct{}{})
	if d == nil && err == nil {
		err = errNilAnswer
	}
	if err != nil {
		return Failed[T](l, err)
	}
	return d
}

// Ask calls f on another loop, there, and returns a Deferred of home for what
// comes of it: the way for a Deferred to cross loops. It is called on home. To
// cancel the Deferred cancels f's. It fails with ErrUnreachable if there takes no
// more calls, and with ErrStopped if it stops before it answers. What comes back
// must not belong to the other loop.
func Ask[T any](home, there Loop, f func() *Deferred[T]) *Deferred[T] {
	d := New[T](home)
	fail := func() { home.Post(func() { d.fire(*new(T), ErrStopped) }) }
	answered, ok := there.Core().expect(fail)
	if !ok {
		d.Fail(ErrStopped)
		return d
	}
	var inner *Deferred[T] // Owned by there.
	posted := there.Post(func() {
		inner = answerOf(there, f)
		inner.Done(func(v T, err error) {
			answered()
			offer(home, there, func() { d.fire(v, err) })
		})
	})
	if !posted {
		answered()
		d.Fail(ErrUnreachable)
		return d
	}
	return d.OnCancel(func() { there.Post(func() { inner.Cancel() }) })
}

// offer gives f to home, from there, until home takes it or has closed.
func offer(home, there Loop, f func()) {
	if !home.Post(f) && !home.Core().over() {
		there.CallLater(retryAnswer, func() { offer(home, there, f) })
	}
}

// calls are those from elsewhere that wait for an answer of this loop.
type calls struct {
	waiting list.List // of func(): what to do if the loop closes before
	closed  bool
}

// expect registers what to do if the loop closes before answered is called. It
// reports false if it has closed. Safe for concurrent use.
func (c *Core) expect(closed func()) (answered func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls.closed {
		return nil, false
	}
	e := c.calls.waiting.PushBack(closed)
	return func() {
		c.mu.Lock()
		c.calls.waiting.Remove(e)
		c.mu.Unlock()
	}, true
}

// over reports whether the loop has closed. Safe for concurrent use.
func (c *Core) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls.closed
}

// endCalls tells all who wait, in order, that no answer will come.
func (c *Core) endCalls() {
	c.mu.Lock()
	c.calls.closed = true
	var waiting []func()
	for l := &c.calls.waiting; l.Len() > 0; {
		waiting = append(waiting, l.Remove(l.Front()).(func()))
	}
	c.mu.Unlock()
	for _, closed := range waiting {
		closed()
	}
}
