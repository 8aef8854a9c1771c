package deferred

import (
	"errors"
	"fmt"
)

// An Indexed is a value and the place of its Deferred among the arguments, from
// 0. Immutable after first use.
type Indexed[T any] struct {
	Index int
	Value T
}

// A MemberError says which of several Deferreds failed. Immutable after first
// use.
type MemberError struct {
	Index int // among the arguments, from 0
	Err   error
}

// Error names the member.
func (e *MemberError) Error() string { return fmt.Sprintf("deferred: member %d: %v", e.Index, e.Err) }

// Unwrap is Err.
func (e *MemberError) Unwrap() error { return e.Err }

// All returns a Deferred for the values of ds, in their order. The first
// failure, as a *MemberError, fails it and cancels the rest. To cancel it
// cancels all of ds. Without ds it has fired.
//
// Deferreds of different types are awaited one after another, in a coroutine:
// they make their way together all the same.
func All[T any](ds ...*Deferred[T]) *Deferred[[]T] {
	x := new(collected[T, []T])
	values := make([]T, len(ds))
	x.gather(ds, func(i int, d *Deferred[T]) (bool, error) {
		values[i] = d.value
		if d.err != nil {
			return true, &MemberError{i, d.err}
		}
		return false, nil
	}, func() ([]T, error) { return values, nil })
	return &x.Deferred
}

// Settle returns a Deferred for what became of ds, in their order; it does not
// fail. To cancel it cancels all of ds, and what became of them is its value.
// Without ds it has fired.
func Settle[T any](ds ...*Deferred[T]) *Deferred[[]Outcome[T]] {
	x := new(collected[T, []Outcome[T]])
	outcomes := make([]Outcome[T], len(ds))
	x.gather(ds, func(i int, d *Deferred[T]) (bool, error) {
		outcomes[i] = Outcome[T]{d.value, d.err}
		return false, nil
	}, func() ([]Outcome[T], error) { return outcomes, nil })
	return &x.Deferred
}

var errFirstOfNone = errors.New("deferred: First of no Deferreds")

// First returns a Deferred for the first value that comes of ds, and cancels
// the others. If all fail it fails with all their errors, joined, each a
// *MemberError. To cancel it cancels all of ds. Without ds it has failed.
func First[T any](ds ...*Deferred[T]) *Deferred[Indexed[T]] {
	x := new(collected[T, Indexed[T]])
	var winner Indexed[T]
	errs := make([]error, len(ds))
	won := false
	x.gather(ds, func(i int, d *Deferred[T]) (bool, error) {
		if d.err != nil {
			errs[i] = &MemberError{i, d.err}
			return false, nil
		}
		winner, won = Indexed[T]{i, d.value}, true
		return true, nil
	}, func() (Indexed[T], error) {
		switch {
		case won:
			return winner, nil
		case len(ds) == 0:
			return winner, errFirstOfNone
		}
		return winner, errors.Join(errs...)
	})
	return &x.Deferred
}

// collected is a Deferred R made of many Deferreds T, which stand before it.
type collected[T, R any] struct {
	Deferred[R]
	of   members[T]
	each func(i int, d *Deferred[T]) (enough bool, err error)
	end  func() (R, error)
	left int
}

// gather begins: each is called as members fire; when it has enough, or all
// have fired, end makes the result.
func (x *collected[T, R]) gather(ds []*Deferred[T], each func(int, *Deferred[T]) (bool, error), end func() (R, error)) {
	x.of, x.each, x.end, x.left = ds, each, end, len(ds)
	for i, d := range ds {
		if d == nil {
			panic(fmt.Sprintf("deferred: member %d is nil", i))
		}
		if x.core == nil {
			x.core = d.core
		}
	}
	x.waitFor(x.core, &x.of)
	if len(ds) == 0 {
		x.fire(end())
		return
	}
	links := make([]member[T, R], len(ds))
	for i, d := range ds {
		if x.flags&fired != 0 {
			d.Cancel()
			continue
		}
		links[i] = member[T, R]{x, i}
		d.flags |= followed
		d.add(&links[i])
	}
}

// member is the callback on one of them.
type member[T, R any] struct {
	x *collected[T, R]
	i int
}

func (m *member[T, R]) follow(d *Deferred[T]) node {
	d.handle()
	x := m.x
	if x.flags&fired != 0 {
		return nil
	}
	x.left--
	enough, err := x.each(m.i, d)
	if !enough && x.left > 0 {
		return nil
	}
	var r R
	if err == nil {
		r, err = x.end()
	}
	x.resolve(r, err)
	x.each, x.end = nil, nil
	for _, other := range x.of {
		if other != d {
			other.Cancel()
		}
	}
	x.of = nil
	return &x.Deferred
}

// members are a node: to cancel it cancels each of them.
type members[T any] []*Deferred[T]

func (ms *members[T]) enter(node)     {}
func (ms *members[T]) step() node     { return nil }
func (ms *members[T]) pending() bool  { return true }
func (ms *members[T]) upstream() node { return nil }

func (ms *members[T]) cancel(reason error) node {
	for _, d := range *ms {
		d.flags |= forsaken
		cancelFrom(d, reason)
	}
	return nil
}
