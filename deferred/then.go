package deferred

import "errors"

// Then returns a Deferred for what f makes of d's value. If d fails f is not
// called and the error goes on to the returned one, whose it is to be handled
// now. A panic of f is a failure. To cancel the returned one cancels d.
func Then[T, U any](d *Deferred[T], f func(T) (U, error)) *Deferred[U] {
	x := &then[T, U]{f: f}
	x.waitFor(d.core, d)
	d.flags |= followed
	d.add(x)
	return &x.Deferred
}

// then is the callback and the Deferred it fires in one allocation.
type then[T, U any] struct {
	Deferred[U]
	f func(T) (U, error)
}

func (x *then[T, U]) follow(d *Deferred[T]) node {
	d.handle()
	f := x.f
	x.f = nil
	if x.flags&fired != 0 {
		return nil // cancelled by an earlier callback of d
	}
	var v U
	err := d.err
	if err == nil {
		if v, err = call(f, d.value); err != nil {
			x.blame(f)
		}
	}
	if !x.resolve(v, err) {
		return nil // cancelled by f
	}
	return &x.Deferred
}

// Chain returns a Deferred that fires as the one that f returns will: the way
// to go on with something that takes time again. Any number of them may be
// nested. A nil Deferred from f is a failure, and so is one that waits, by
// whatever way but All, Settle and First, for the returned one: ErrCycle.
func Chain[T, U any](d *Deferred[T], f func(T) *Deferred[U]) *Deferred[U] {
	x := &chain[T, U]{f: f}
	x.waitFor(d.core, d)
	d.flags |= followed
	d.add(x)
	return &x.Deferred
}

type chain[T, U any] struct {
	Deferred[U]
	f func(T) *Deferred[U]
}

var errNilChained = errors.New("deferred: Chain: the callback returned a nil Deferred")

func (x *chain[T, U]) follow(d *Deferred[T]) node {
	d.handle()
	f := x.f
	x.f = nil
	if x.flags&fired != 0 {
		return nil // cancelled by an earlier callback of d
	}
	err := d.err
	if err == nil {
		var inner *Deferred[U]
		if inner, err = start(f, d.value); err == nil {
			return x.become(inner)
		}
		x.blame(f)
	}
	if !x.resolve(*new(U), err) {
		return nil
	}
	return &x.Deferred
}

// start calls f, and makes a panic of it an error.
func start[A, T any](f func(A) *Deferred[T], a A) (d *Deferred[T], err error) {
	defer func() {
		if r := recover(); r != nil {
			d, err = nil, panicked(r)
		}
	}()
	return f(a), nil
}

// become makes d fire as inner does. It returns d if that is now.
func (d *Deferred[T]) become(inner *Deferred[T]) node {
	var v T
	var err error
	switch {
	case d.flags&fired != 0:
		inner.Cancel() // d was cancelled while inner was made
		return nil
	case inner == nil:
		err = errNilChained
	case inner.ready():
		inner.handle()
		v, err = inner.value, inner.err
	case d.wouldWaitForItself(inner):
		err = ErrCycle
	default:
		if d.core == nil {
			d.core = inner.core
		}
		d.peer = inner
		inner.flags |= followed
		inner.add((*follower[T])(d))
		return nil
	}
	d.resolve(v, err)
	return d
}

// A follower is a Deferred that gets the result of another as it is.
type follower[T any] Deferred[T]

func (f *follower[T]) follow(d *Deferred[T]) node {
	d.handle()
	to := (*Deferred[T])(f)
	if !to.resolve(d.value, d.err) {
		return nil
	}
	return to
}

// waitFor makes d, new and pending, one that waits for up.
func (d *Deferred[T]) waitFor(c *Core, up node) {
	d.core = c
	d.peer = up
	if c != nil && c.Debug {
		d.extra().made = callers(2)
	}
}

// wouldWaitForItself reports whether up waits for d. Nobody can wait for a d
// that was not followed yet: that spares the usual case the way up.
func (d *Deferred[T]) wouldWaitForItself(up node) bool {
	self := node(d)
	if up == self {
		return true
	}
	if d.flags&followed == 0 {
		return false
	}
	for ; up != nil; up = up.upstream() {
		if up == self {
			return true
		}
	}
	return false
}
