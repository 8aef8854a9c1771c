package cred

import (
	"context"
	"errors"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Checker knows whether credentials are good. It may take its time. Loop-only.
type Checker interface {
	// Kinds are the kinds of credentials that it can check.
	Kinds() []Kind
	// Check returns who it is, or ErrUnauthorized if it is nobody it knows or
	// the proof is wrong, after the same work for both. ErrDenied ends the
	// login; after any other error the next Checker is asked.
	Check(co *deferred.Co, a *Attempt) (Identity, error)
}

// An Attempt is one login as its Checkers see it. Loop-only.
type Attempt struct {
	Credentials Credentials
	From        Origin
	// Loop is where it happens: its FS, Rand and Log are for the Checker.
	Loop twistor.Loop

	hashing *deferred.Semaphore
}

// Work runs f on the pool, for what takes a processor or reads files: at most
// so many at a time for all logins of a Portal, the others wait in order, and
// beyond that it fails with ErrUnavailable. f runs to its end also if nobody
// waits any more: who logs in and hangs up, again and again, gets no more work
// done at a time than others do.
func Work[T any](co *deferred.Co, a *Attempt, f func(context.Context) (T, error)) (v T, err error) {
	release, err := a.hashing.Acquire(a.Loop).Await(co)
	if err != nil {
		return v, unavailable(err)
	}
	if err := co.Err(); err != nil {
		release()
		return v, err
	}
	job := deferred.Go(a.Loop, f)
	job.Done(func(T, error) { release() })
	if v, err = job.Shield().Await(co); err != nil {
		err = unavailable(err)
	}
	return v, err
}

// Only is c for some of its kinds: to offer fewer than it could check. A kind
// that c does not have panics.
func Only(c Checker, kinds ...Kind) Checker {
	for _, k := range kinds {
		if !slices.Contains(c.Kinds(), k) {
			panic("cred: Only: the checker does not take " + string(k))
		}
	}
	return &only{c, kinds}
}

type only struct {
	Checker
	kinds []Kind
}

// Kinds are those that were named.
func (o *only) Kinds() []Kind { return o.kinds }

// AllowAnonymous is the Checker that lets Anonymous in, as the user "".
// Immutable after first use.
type AllowAnonymous struct{}

// Kinds is KindAnonymous.
func (AllowAnonymous) Kinds() []Kind { return []Kind{KindAnonymous} }

// Check accepts Anonymous.
func (AllowAnonymous) Check(_ *deferred.Co, a *Attempt) (Identity, error) {
	if _, ok := a.Credentials.(Anonymous); !ok {
		return Identity{}, ErrUnauthorized
	}
	return Identity{}, nil
}

var errNameless = errors.New("the checker returned no name")
