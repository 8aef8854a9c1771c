package deferred

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
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

// A FiredTwiceError is reported, with Core.Debug only, when Succeed or Fail is
// called on a Deferred that has fired; but for the one late result that a
// producer may have after a Cancel. Immutable after first use.
type FiredTwiceError struct {
	Made, First, Second string // where: "file.go:12 (function)"
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
	if d.core != nil && d.core.Debug {
		x := d.extra()
		d.core.report(&FiredTwiceError{Made: x.made.String(), First: x.fired.String(), Second: callers(2).String()})
	}
}

// A trouble is a failure that nobody has handled yet. It does not know the
// Deferred, so that this can be collected.
type trouble struct {
	core       *Core
	err        error
	failed     sites
	made       sites
	cleanup    runtime.Cleanup
	prev, next *trouble
	over       bool // handled, or reported
}

// troubles lists them in the order of failure.
type troubles struct{ first, last *trouble }

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
		x.trouble.dismiss()
	}
	t := &trouble{core: d.core, err: d.err, failed: callers(2), made: x.made}
	x.trouble = t
	d.core.troubles.add(t)
	if !d.core.ReportAtClose {
		t.cleanup = runtime.AddCleanup(d, (*trouble).collected, t)
	}
}

// dismiss takes t off the list: it was handled.
func (t *trouble) dismiss() {
	if t.over {
		return
	}
	t.over = true
	t.core.troubles.remove(t)
	if !t.core.ReportAtClose {
		t.cleanup.Stop()
	}
}

// collected runs on a goroutine of the collector.
func (t *trouble) collected() {
	c := t.core
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found.list = append(c.found.list, t)
	if !c.found.posted {
		c.found.posted = c.loop.Post(c.reportFound)
	}
}

func (c *Core) reportFound() {
	c.mu.Lock()
	list := c.found.list
	c.found = foundTroubles{}
	c.mu.Unlock()
	for _, t := range list {
		t.report()
	}
}

// reportAll reports what is left, in the order of failure.
func (c *Core) reportAll() {
	for c.troubles.first != nil {
		c.troubles.first.report()
	}
}

func (t *trouble) report() {
	if t.over {
		return
	}
	t.dismiss()
	origin := "failed at " + t.failed.String()
	if len(t.made) > 0 {
		origin += ", made at " + t.made.String()
	}
	t.core.report(&UnhandledError{Err: t.err, Origin: origin})
}

func (l *troubles) add(t *trouble) {
	t.prev = l.last
	if l.last == nil {
		l.first = t
	} else {
		l.last.next = t
	}
	l.last = t
}

func (l *troubles) remove(t *trouble) {
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.prev, t.next = nil, nil
}

// sites are program counters of a stack, innermost first.
type sites []uintptr

// callers returns the stack above the function that is skip frames above the
// caller of callers.
func callers(skip int) sites {
	var pcs [12]uintptr
	return append(sites(nil), pcs[:runtime.Callers(skip+2, pcs[:])]...)
}

const ours = "github.com/twistor-go/twistor/deferred."

// String is the innermost place outside of this package.
func (s sites) String() string {
	if len(s) == 0 {
		return "unknown place"
	}
	frames := runtime.CallersFrames(s)
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, ours) || strings.HasSuffix(f.File, "_test.go") || !more {
			return fmt.Sprintf("%s:%d (%s)", f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line, f.Function[strings.LastIndexByte(f.Function, '/')+1:])
		}
	}
}
