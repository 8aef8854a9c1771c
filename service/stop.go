package service

import (
	"errors"
	"fmt"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// StopTimeout is how long a Group may take to stop, with all that is in it.
const StopTimeout = 30 * time.Second

// keptToStop is what a Group keeps for each member that is not stopped yet.
const keptToStop = time.Second

// StopWithin stops s and returns within limit, if s obeys: what takes longer is
// told to hurry, by cancelling its Stop, and the error, a deferred.ErrTimeout,
// names it. Within a Group each member may take all the time that is left when
// its turn comes, but for a second for each of those after it (less, if limit is
// short: together a quarter of it). So one that hangs leaves time to the others. When co is cancelled, all is told to
// hurry. A limit of 0 or less is as short as it can be.
func StopWithin(co *deferred.Co, s Service, limit time.Duration) error {
	_, err := stopWithin(co, s, limit, func(*deferred.Signal) {})
	return err
}

// A limited Service shares the time to stop with others in it.
type limited interface {
	stopWithin(co *deferred.Co, limit time.Duration) error
}

// stopWithin is StopWithin, and also says whether s itself was late. begun is
// given what cancels the Stop, unless it is cancelled already.
func stopWithin(co *deferred.Co, s Service, limit time.Duration, begun func(*deferred.Signal)) (late bool, err error) {
	group, shares := s.(limited)
	body := s.Stop
	if shares {
		body = func(co *deferred.Co) error { return group.stopWithin(co, limit) }
	}
	if co.Err() != nil {
		return false, body(co) // which cannot wait: it is over when this returns
	}
	d := deferred.Inline(co.Loop(), func(co *deferred.Co) (struct{}, error) { return struct{}{}, body(co) })
	begun(d)
	_, far := s.(*apart) // its loop may not answer
	if !shares || far {
		timer := co.Loop().CallLater(limit, func() {
			late = true
			d.Cancel()
		})
		defer timer.Stop()
	}
	_, err = d.Await(co)
	if !late && (shares || co.Err() == nil) {
		return false, err
	}
	if errors.Is(err, deferred.ErrCanceled) || errors.Is(err, deferred.ErrTimeout) {
		err = nil // that was we
	}
	if !late {
		return true, errors.Join(fmt.Errorf("did not stop in time: %w", co.Err()), err)
	}
	return true, errors.Join(fmt.Errorf("did not stop within %v: %w", limit, deferred.ErrTimeout), err)
}

// inside runs f as a coroutine of its own, so that its panic is an error.
func inside(co *deferred.Co, f func(*deferred.Co) error) error {
	_, err := deferred.Inline(co.Loop(), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, f(co)
	}).Await(co)
	return err
}
