package deferred

import (
	"errors"
	"fmt"
)

// Await returns d's result: at once if it has fired, else when it has; other
// code of the loop runs meanwhile. The result is what d holds when the coroutine
// goes on, which is when the outermost callback of the loop has returned.
//
// If the coroutine was cancelled, an Await that would wait cancels d instead and
// returns the reason. So it is when the loop closes: that Await returns
// ErrStopped; but those after it do not return, they unwind the body by a panic.
// To await with a Co other than one's own panics.
func (d *Deferred[T]) Await(co *Co) (T, error) {
	co.check(d.core)
	if !d.ready() {
		if err := co.await(d); err != nil {
			return *new(T), err
		}
	}
	d.handle()
	return d.value, d.err
}

// awaiter is a Co as a callback of a Deferred.
type awaiter[T any] Co

func (a *awaiter[T]) follow(d *Deferred[T]) node {
	co := (*Co)(a)
	if co.waiting == node(d) {
		d.handle()
		co.waiting = nil
		co.core.enqueue(co)
	}
	return nil
}

func (d *Deferred[T]) awaitedBy(co *Co) {
	d.flags |= followed
	d.add((*awaiter[T])(co))
}

// An awaitable is a Deferred of any type.
type awaitable interface {
	node
	awaitedBy(co *Co)
	forsake(reason error)
}

// await makes co wait for d, and returns why it did not get a result.
func (co *Co) await(d awaitable) error {
	if co.stopping {
		return co.stop(d)
	}
	if co.err != nil {
		d.forsake(co.err)
		return co.err
	}
	for up := node(d); up != nil; up = up.upstream() {
		if up == node(co) {
			return ErrCycle
		}
	}
	co.waiting = d
	d.awaitedBy(co)
	co.runner.suspend()
	if co.waiting == nil {
		return nil
	}
	co.waiting = nil
	return co.stop(d)
}

// stop ends an Await because the loop closes. What it would wait for is told
// too: a Lock, for one, must not be granted to who has gone.
func (co *Co) stop(d awaitable) error {
	d.forsake(ErrStopped)
	co.refuse()
	return ErrStopped
}

// unwinding is what the Awaits after the first panic with when a loop closes.
type unwinding struct{}

var errAbandoned = errors.New("deferred: a coroutine went on awaiting after its loop had stopped, and was abandoned")

// refuse counts Awaits of a coroutine that has to end. The first one may return.
func (co *Co) refuse() {
	co.refused++
	switch {
	case co.refused == 1:
	case co.refused <= maxRefused:
		panic(unwinding{})
	default:
		co.state = coAbandoned
		for {
			co.runner.suspend()
		}
	}
}

// check panics if co is not the coroutine that runs, or is none of c's.
func (co *Co) check(c *Core) {
	if co == nil {
		panic("deferred: Await with a nil Co")
	}
	if co.core.current != co {
		panic(fmt.Sprintf("deferred: Await with the Co of another coroutine (%s)", co.describe()))
	}
	if c != nil && c != co.core {
		panic("deferred: Await of a Deferred of another loop: use Ask")
	}
}

func (co *Co) describe() string {
	switch co.state {
	case coMade:
		return "it has not started"
	case coEnded:
		return "it has ended"
	}
	return "it is not the one that runs"
}
