package deferred

import (
	"container/list"
	"errors"
	"fmt"
	"reflect"
	"runtime"
)

// An UnhandledError is a failure that nobody handled, as a Loop's Report gets
// it: of a Deferred that was collected, or left when its loop closed; or a
// panic of a callback that could not fail anything. Immutable after first use.
type UnhandledError struct {
	Err error
	// Origin is where it failed, and with Core.Debug also where the Deferred
	// was made: one line, "file.go:12 (function)", empty for a panic.
	Origin string
}

// Error names the origin, if it is known.
func (e *UnhandledError) Error() string {
	if e.Origin == "" {
		return "deferred: unhandled: " + e.Err.Error()
	}
	return fmt.Sprintf("deferred: unhandled: %v (%s)", e.Err, e.Origin)
}

// Unwrap is Err.
func (e *UnhandledError) Unwrap() error { return e.Err }

// A FiredTwiceError is reported if Core.ReportFiredTwice says so. Immutable after
// first use.
type FiredTwiceError struct {
	// Made, First and Second are where: "file.go:12 (function)". The first two
	// are known with Core.Debug only.
	Made, First, Second string
}

// Error names the three places.
func (e *FiredTwiceError) Error() string {
	return fmt.Sprintf("deferred: fired twice: first at %s, again at %s, made at %s", e.First, e.Second, e.Made)
}

// late is called with each result that came too late.
func (d *Deferred[T]) late() {
	if d.flags&canceled != 0 {
		d.flags &^= canceled
		return
	}
	if d.core != nil && d.core.ReportFiredTwice {
		x := d.extra()
		d.core.report(&FiredTwiceError{Made: x.made.String(), First: x.fired.String(), Second: callers(2).String()})
	}
}

// A trouble is a failure that nobody has handled yet.
type trouble struct {
	core    *Core
	err     error
	failed  sites
	made    sites
	cleanup runtime.Cleanup
	// of is the Deferred, until the outermost callback has returned: most
	// failures are handled before. From then on the trouble must not know it,
	// so that it can be collected.
	of interface{ watch(*trouble) }
	at *list.Element // nil: over, it was handled or reported
}

// foundTroubles are those whose Deferred was collected, on their way to the loop.
type foundTroubles struct {
	list   []*trouble
	posted bool
}

// trouble lists the failure of d. What was cancelled or stopped is none.
func (d *Deferred[T]) trouble() {
	if errors.Is(d.err, ErrCanceled) || errors.Is(d.err, ErrStopped) {
		return
	}
	x := d.extra()
	if x.trouble != nil {
		return // listed already; a callback was added that does not handle it
	}
	c := d.core
	x.trouble = &trouble{core: c, err: d.err, failed: x.failed, made: x.made, of: d}
	if x.failed == nil {
		x.trouble.failed = callers(2)
	}
	x.trouble.at = c.troubles.PushBack(x.trouble)
	c.fresh = append(c.fresh, x.trouble)
	if c.troubles.Len() > maxTroubles {
		c.troubles.Front().Value.(*trouble).report()
	}
}

// blame notes, for a report, that d fails by an error of the function f. It spares
// itself that where there are callbacks still, which are likely to handle it.
func (d *Deferred[T]) blame(f any) {
	if d.core != nil && (d.more != nil || int(d.at) == int(d.n)) {
		// CallersFrames wants return addresses, which are beyond the call.
		d.extra().failed = sites{reflect.ValueOf(f).Pointer() + 1}
	}
}

// watchFresh begins to wait for the collector to find those Deferreds whose
// failure was not handled by the callback in which it came.
func (c *Core) watchFresh() {
	for i, t := range c.fresh {
		c.fresh[i] = nil
		if t.at != nil {
			t.of.watch(t)
		}
		t.of = nil
	}
	c.fresh = c.fresh[:0]
}

func (d *Deferred[T]) watch(t *trouble) {
	if !t.core.ReportAtClose {
		t.cleanup = runtime.AddCleanup(d, (*trouble).collected, t)
	}
}

// dismiss takes t off the list: it was handled.
func (t *trouble) dismiss() {
	if t.at != nil {
		t.core.troubles.Remove(t.at)
		t.at, t.of = nil, nil
		t.cleanup.Stop()
	}
}

// collected runs on a goroutine of the collector.
func (t *trouble) collected() {
	c := t.core
	c.mu.Lock()
	c.found.list = append(c.found.list, t)
	post := !c.found.posted
	c.found.posted = true
	c.mu.Unlock()
	if post && !c.loop.Post(c.reportFound) {
		c.mu.Lock()
		c.found.posted = false // the next one tries again, or Close reports them
		c.mu.Unlock()
	}
}

func (c *Core) reportFound() {
	c.mu.Lock()
	found := c.found.list
	c.found = foundTroubles{}
	c.mu.Unlock()
	for _, t := range found {
		t.report()
	}
}

// reportAll reports what is left, in the order of failure.
func (c *Core) reportAll() {
	for c.troubles.Len() > 0 {
		c.troubles.Front().Value.(*trouble).report()
	}
}

func (t *trouble) report() {
	if t.at == nil {
		return
	}
	t.dismiss()
	origin := "failed at " + t.failed.String()
	if len(t.made) > 0 {
		origin += ", made at " + t.made.String()
	}
	t.core.report(&UnhandledError{Err: t.err, Origin: origin})
}
