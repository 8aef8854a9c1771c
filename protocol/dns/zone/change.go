package zone

import (
	"iter"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A change is the root of a tree of entries that are newer than the base's, in
// canonical order: a treap, whose shape follows from the names' hashes alone.
// with copies the path that it changes, some 2 log n nodes, and shares the rest
// with the version before. nil is the empty one. Immutable.
type change struct {
	e           entry
	weight      uint64 // never below the children's
	left, right *change
}

// with is c with e, whose name has the hash h, in the place of what that had.
func (c *change) with(e entry, h uint64) *change {
	less, _, more := c.split(e.name())
	return join(join(less, &change{e: e, weight: h}), more)
}

// without is c without the change of n.
func (c *change) without(n dns.Name) *change {
	less, _, more := c.split(n)
	return join(less, more)
}

// split divides c at n.
func (c *change) split(n dns.Name) (less, same, more *change) {
	if c == nil {
		return nil, nil, nil
	}
	order := dns.Compare(n, c.e.name())
	if order == 0 {
		return c.left, c, c.right
	}
	cut := *c
	if order < 0 {
		less, same, cut.left = c.left.split(n)
		return less, same, &cut
	}
	cut.right, same, more = c.right.split(n)
	return &cut, same, more
}

// join is all of less and of more, which is behind it.
func join(less, more *change) *change {
	switch {
	case less == nil:
		return more
	case more == nil:
		return less
	}
	if less.weight >= more.weight {
		top := *less
		top.right = join(less.right, more)
		return &top
	}
	top := *more
	top.left = join(less, more.left)
	return &top
}

// before is the last entry before n.
func (c *change) before(n dns.Name) (last entry) {
	for c != nil {
		if dns.Compare(c.e.name(), n) < 0 {
			last, c = c.e, c.right
		} else {
			c = c.left
		}
	}
	return last
}

// atOrBefore is the last entry up to n.
func (c *change) atOrBefore(n dns.Name) (last entry) {
	for c != nil {
		if dns.Compare(c.e.name(), n) <= 0 {
			last, c = c.e, c.right
		} else {
			c = c.left
		}
	}
	return last
}

// end is the last entry.
func (c *change) end() entry {
	if c == nil {
		return nil
	}
	for c.right != nil {
		c = c.right
	}
	return c.e
}

// all yields the entries that are not before n, in order; nil: all of them.
func (c *change) all(n dns.Name) iter.Seq[entry] {
	return func(yield func(entry) bool) { c.walk(n, yield) }
}

func (c *change) walk(n dns.Name, yield func(entry) bool) bool {
	if c == nil {
		return true
	}
	behind := n == nil || dns.Compare(c.e.name(), n) >= 0
	if behind && (!c.left.walk(n, yield) || !yield(c.e)) {
		return false
	}
	return c.right.walk(n, yield)
}
