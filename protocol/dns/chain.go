package dns

import (
	"errors"
	"fmt"

	"github.com/twistor-go/twistor/deferred"
)

// A Chain asks one Resolver after another until one has an answer, which may
// be that there is no such name. One that fails has none: Hosts that do not
// know the name, a Client whose servers are silent. If all fail it fails as the
// last one that knew more than ErrNotKnown. Loop-only.
type Chain []Resolver

// Resolve implements Resolver.
func (c Chain) Resolve(q Question, o Options) *deferred.Deferred[*Message] {
	return c.from(0, q, o, nil)
}

func (c Chain) from(i int, q Question, o Options, said error) *deferred.Deferred[*Message] {
	if i == len(c) {
		if said == nil {
			said = fmt.Errorf("dns: %s %s: %w", q.Name, Type(q.Qtype), ErrNotKnown)
		}
		return deferred.Failed[*Message](nil, said)
	}
	return otherwise(c[i].Resolve(q, o), func(err error) *deferred.Deferred[*Message] {
		if errors.Is(err, deferred.ErrCanceled) {
			return deferred.Failed[*Message](nil, err)
		}
		if said == nil || !errors.Is(err, ErrNotKnown) {
			said = err
		}
		return c.from(i+1, q, o, said)
	})
}

// otherwise is d or, if that fails, what f returns.
func otherwise[T any](d *deferred.Deferred[T], f func(error) *deferred.Deferred[T]) *deferred.Deferred[T] {
	settled := deferred.Settle(d)
	return deferred.Chain(settled, func(o []deferred.Outcome[T]) *deferred.Deferred[T] {
		if o[0].Err == nil {
			return deferred.Succeeded(o[0].Value)
		}
		return f(o[0].Err)
	})
}
