package deferred

import (
	"container/list"
	"sync"
)

// A Core is this package's part of a loop, and each Loop embeds one. The loop
// calls, at the beginning of each turn and whenever its outermost callback has
// returned,
//
//	if core.Waiting() {
//		core.Resume(budget)
//	}
//
// and Close when it stops. The goroutine of a loop must not be locked to its
// thread (runtime.LockOSThread) while it has coroutines: Go cannot switch to them
// then. The zero Core is ready for use. Loop-only.
type Core struct {
	// Debug records where Deferreds are made and fired, for the reports: about
	// a microsecond each. Set it before the loop runs.
	Debug bool
	// ReportFiredTwice reports, as a *FiredTwiceError, each call of Succeed or
	// Fail on a Deferred that has fired; but for the one late result that a
	// producer may have after a Cancel. It is for finding a mistake: to fire
	// what may have fired, and look at the answer, is none.
	ReportFiredTwice bool
	// ReportAtClose keeps failures that nobody handles until Close, instead of
	// reporting those that the garbage collector finds: loops that must replay
	// set it. Set it before the loop runs.
	ReportAtClose bool

	// Owned by the loop.
	loop      Loop
	current   *Co
	ready     *Co // to be resumed, in order
	lastReady *Co
	first     *Co // not ended yet, in the order in which they were made
	last      *Co
	idle      *runner
	nIdle     int
	opened    bool // Resume was called
	closed    bool
	troubles  list.List  // of *trouble, in the order of failure
	fresh     []*trouble // those of the present callback

	mu    sync.Mutex
	found foundTroubles // Guarded by mu.
	calls calls         // Guarded by mu.
}

// coreOf returns the Core of l, which from then on knows its loop.
func coreOf(l Loop) *Core {
	if l == nil {
		return nil
	}
	c := l.Core()
	if c.loop == nil {
		c.loop = l
	}
	return c
}

// Waiting reports whether Resume has something to do. Before the first Resume it
// always does: coroutines made before the loop runs start then.
func (c *Core) Waiting() bool { return c.ready != nil || len(c.fresh) > 0 || !c.opened }

// Resume lets at most budget ready coroutines go on, each until it waits again or
// ends, and returns how many did. What a coroutine makes ready goes on in the same
// Resume if there is budget left.
func (c *Core) Resume(budget int) (n int) {
	if c.current != nil {
		return 0 // called from within a coroutine: not the outermost callback
	}
	c.opened = true
	for n < budget && c.ready != nil {
		n++
		c.resume(c.dequeue())
	}
	if len(c.fresh) > 0 {
		c.watchFresh()
	}
	return n
}

// Current is the coroutine that runs now, or nil.
func (c *Core) Current() *Co { return c.current }

// Close ends the coroutines that wait: the Await that each is in returns
// ErrStopped. Then calls from elsewhere that were not answered fail with
// ErrStopped, and all failures that nobody handled are reported, in the order in
// which they came. From then on Inline and Go fail with ErrStopped at once. Close
// may be called again, and reports what has failed since.
func (c *Core) Close() {
	c.closed = true
	c.endCoroutines()
	c.endCalls()
	c.reportAll()
	c.fresh = nil
}

// Open undoes Close, for a loop that starts again.
func (c *Core) Open() {
	c.closed, c.opened = false, false
	c.mu.Lock()
	c.calls.closed = false
	c.mu.Unlock()
}

// report gives err to the loop.
func (c *Core) report(err error) {
	if c.loop != nil {
		c.loop.Report(err)
	}
}

// catch is deferred around callbacks that have no result to fail.
func (c *Core) catch() {
	if r := recover(); r != nil {
		c.report(&UnhandledError{Err: panicked(r)})
	}
}
