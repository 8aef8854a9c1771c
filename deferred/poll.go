package deferred

import (
	"context"
	"time"
)

// Poll calls try on the pool, now and then again and again with the given time
// between the end of one call and the next, until it reports true or an error.
// Timeout bounds the whole. It is for what can only be asked: a lock file, a
// host that is to come up.
func Poll[T any](l Loop, every time.Duration, try func(context.Context) (v T, ok bool, err error)) *Deferred[T] {
	return Inline(l, func(co *Co) (T, error) {
		for {
			a, err := Go(l, func(ctx context.Context) (a tried[T], err error) {
				a.v, a.ok, err = try(ctx)
				return a, err
			}).Await(co)
			if a.ok || err != nil {
				return a.v, err
			}
			if err := co.Sleep(every); err != nil {
				return a.v, err
			}
		}
	})
}

type tried[T any] struct {
	v  T
	ok bool
}
