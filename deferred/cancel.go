package deferred

import (
	"errors"
	"time"
)

// OnCancel sets what the producer of d does when d is cancelled: close a
// connection, stop a timer. f may fire d itself; if it does not, d fails with
// ErrCanceled when f returns. f is called once at most, and not after d fired; a
// panic of f is reported as one of Done's. If it is set more than once the last
// one is called first. It returns d.
func (d *Deferred[T]) OnCancel(f func()) *Deferred[T] {
	if d.flags&fired != 0 {
		return d
	}
	if up := d.peer; up != nil {
		d.peer = canceller(func() { f(); cancelFrom(up, ErrCanceled) })
	} else {
		d.peer = canceller(f)
	}
	return d
}

// Cancel says that nobody needs d any more. If d is pending what it waits for
// is cancelled first, up to the producer, whose late result is then dropped;
// the failure, ErrCanceled, comes down through all callbacks on the way. If d
// waits for a coroutine, d fires when its body has returned.
//
// A cancelled Deferred is never reported as unhandled, also if it had failed
// already: `defer d.Cancel()` is the idiom for whoever may return early. A nil
// d is allowed. Others who wait for the same Deferred upstream see it fail as
// well, unless a Shield stands before it.
func (d *Deferred[T]) Cancel() {
	if d != nil {
		d.forsake(ErrCanceled)
	}
}

func (d *Deferred[T]) forsake(reason error) {
	d.flags |= forsaken
	d.handle()
	cancelFrom(d, reason)
}

// Shield returns a Deferred that fires as d does, and whose Cancel does not
// reach d: for a d that several wait for, such as a cached one.
func (d *Deferred[T]) Shield() *Deferred[T] {
	s := &Deferred[T]{core: d.core}
	d.flags |= followed
	d.add((*follower[T])(s))
	return s
}

// Timeout cancels d if it has not fired after the given time, so that it fails
// with ErrTimeout; zero or less means in the next turn. Callbacks added before
// see the failure as ErrTimeout or ErrCanceled, as its producer chose; those
// added later as ErrTimeout. A d without a loop panics. It returns d.
func (d *Deferred[T]) Timeout(after time.Duration) *Deferred[T] {
	if d.flags&fired != 0 {
		return d
	}
	if d.core == nil {
		panic("deferred: Timeout of a Deferred without a loop")
	}
	k := &timeout[T]{d: d}
	k.timer = d.core.loop.CallLater(after, k.expire)
	d.add(k)
	return d
}

type timeout[T any] struct {
	d       *Deferred[T]
	timer   Timer
	expired bool
}

func (k *timeout[T]) expire() {
	if k.d.flags&fired == 0 {
		k.expired = true
		cancelFrom(k.d, ErrTimeout)
	}
}

func (k *timeout[T]) follow(d *Deferred[T]) node {
	k.timer.Stop()
	if k.expired && errors.Is(d.err, ErrCanceled) {
		d.err = ErrTimeout
	}
	return nil
}

// cancelFrom cancels n, or what it waits for.
func cancelFrom(n node, reason error) {
	for n != nil {
		n = n.cancel(reason)
	}
}

func (d *Deferred[T]) pending() bool { return d.flags&fired == 0 }

func (d *Deferred[T]) upstream() node {
	if d.flags&fired != 0 {
		return nil // peer is something else then
	}
	return d.peer
}

func (d *Deferred[T]) cancel(reason error) node {
	if d.flags&fired != 0 {
		return nil
	}
	switch up := d.peer.(type) {
	case nil:
	case canceller:
		d.peer = nil
		d.flags |= canceled
		up.call(d.core)
	default:
		if up.pending() {
			return up
		}
		// What d waited for has fired, and d is not yet told: we are in one of
		// its callbacks. Then d fails by itself, and will not be told.
	}
	d.flags |= canceled
	if d.resolve(*new(T), reason) {
		d.run()
	}
	return nil
}

// A canceller is what OnCancel set, the end of a chain.
type canceller func()

func (f canceller) call(c *Core) {
	if c != nil {
		defer c.catch()
	}
	f()
}

func (f canceller) enter(node)     {}
func (f canceller) step() node     { return nil }
func (f canceller) pending() bool  { return true }
func (f canceller) upstream() node { return nil }

func (f canceller) cancel(error) node {
	f()
	return nil
}
