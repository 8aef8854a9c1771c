package deferred

import (
	"errors"
	"fmt"
	"time"
)

// Inline runs body, straight-line code that may wait, on the loop, and returns
// a Deferred for what it returns. body starts at once and runs until its first
// Await of something that is not here; before the loop runs it starts in the
// first turn. A panic of body is a failure; so is a runtime.Goexit, ErrGoexit.
//
// To cancel the Deferred cancels what body waits for, and every Await of body
// that would wait from then on.
func Inline[T any](l Loop, body func(*Co) (T, error)) *Deferred[T] {
	c := coreOf(l)
	x := &inline[T]{body: body}
	x.waitFor(c, &x.co)
	x.co.core, x.co.body = c, x
	if c.closed {
		x.resolve(*new(T), ErrStopped)
		x.Deferred.run()
		return &x.Deferred
	}
	c.list(&x.co)
	if c.opened {
		c.resume(&x.co)
	} else {
		c.enqueue(&x.co)
	}
	return &x.Deferred
}

// inline is a coroutine and its result in one allocation.
type inline[T any] struct {
	Deferred[T]
	co    Co
	body  func(*Co) (T, error)
	ended Outcome[T]
}

// A body is what a coroutine runs.
type body interface {
	main()          // on the runner
	fail(err error) // instead of main's result
	finish()        // on whoever resumed it: fires the result
}

func (x *inline[T]) main() {
	x.ended.Value, x.ended.Err = call(x.body, &x.co)
}

func (x *inline[T]) fail(err error) { x.ended.Err = err }

func (x *inline[T]) finish() {
	if x.ended.Err != nil {
		x.blame(x.body)
	}
	x.body = nil
	v, err := x.ended.Value, x.ended.Err
	x.ended = Outcome[T]{}
	if x.resolve(v, err) {
		x.Deferred.run()
	}
}

// A Co is a running coroutine, as its own body sees it: the leave to wait. A
// function that may wait takes one; who has none cannot. It must not be used
// but by its body, and not after that returned. Loop-only.
type Co struct {
	core    *Core
	body    body
	runner  *runner
	waiting node  // what Await waits for
	err     error // why it was cancelled

	prev, next *Co // all that have not ended
	nextReady  *Co

	stopping bool // the loop closes
	exited   bool // its body called Goexit
	refused  int  // Awaits since
	state    coState
}

type coState uint8

const (
	made coState = iota
	started
	ended
	abandoned // it does not end, and will never be resumed
)

// Loop is the loop that the coroutine runs on.
func (co *Co) Loop() Loop { return co.core.loop }

// Err is nil, or why the coroutine was cancelled: ErrCanceled, ErrTimeout. Long
// computations ask it between Awaits.
func (co *Co) Err() error { return co.err }

// Sleep waits for at least d. The error is that of an Await.
func (co *Co) Sleep(d time.Duration) error {
	_, err := After(co.core.loop, d).Await(co)
	return err
}

// Yield lets everything else run, and goes on in the next turn.
func (co *Co) Yield() error { return co.Sleep(0) }

// Await returns d's result: at once if it has fired, else when it has; other
// code of the loop runs meanwhile. The result is what d holds when the coroutine
// goes on, which is when the outermost callback of the loop has returned.
//
// If the coroutine was cancelled, an Await that would wait cancels d instead and
// returns the reason. When the loop closes, an Await returns ErrStopped; those
// after it do not return, but unwind the body by a panic. To await with a Co
// other than one's own panics.
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
	Cancel()
	ready() bool
}

// await makes co wait for d, and returns why it did not get a result.
func (co *Co) await(d awaitable) error {
	if co.stopping {
		co.refuse()
		return ErrStopped
	}
	if co.err != nil {
		d.Cancel()
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
	co.waiting = nil // the loop closed
	co.refuse()
	return ErrStopped
}

// maxRefused is how many Awaits after the loop's end a body may make.
const maxRefused = 1000

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
		co.state = abandoned
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
	case made:
		return "it has not started"
	case ended:
		return "it has ended"
	}
	return "it is not the one that runs"
}

// A Co is a node: it stands before the Deferred that Inline returned.

func (co *Co) enter(node)     {}
func (co *Co) step() node     { return nil }
func (co *Co) pending() bool  { return true }
func (co *Co) upstream() node { return co.waiting }

func (co *Co) cancel(reason error) node {
	if co.err == nil {
		co.err = reason
	}
	return co.waiting
}
