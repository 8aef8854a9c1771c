package deferred

import (
	"container/list"
	"fmt"
)

// A Semaphore lets a number of coroutines, or whoever else asks, do something at
// the same time. Its zero is a Semaphore of one. Loop-only.
type Semaphore struct {
	// Max is how many may hold it; 0: 1; negative: Acquire panics. Immutable
	// after first use.
	Max int
	// MaxWaiters is how many may wait; 0: 10,000; negative: none.
	MaxWaiters int

	held     int
	waiters  list.List // of *Deferred[func()]
	granting bool
}

// Acquire returns a Deferred that fires when it is the caller's turn, in the
// order of asking. Its value gives the semaphore back; to call that again does
// nothing. Cancel gives up waiting. It fails with ErrQueueFull if too many wait.
func (s *Semaphore) Acquire(l Loop) *Deferred[func()] {
	d := New[func()](l)
	switch {
	case s.Max < 0:
		panic(fmt.Sprintf("deferred: Semaphore of %d: want at least 1", s.Max))
	case s.held < max(s.Max, 1) && s.waiters.Len() == 0:
		s.held++
		d.Succeed(s.releaser())
	case s.waiters.Len() >= bound(s.MaxWaiters, defaultWaiters):
		d.Fail(ErrQueueFull)
	default:
		e := s.waiters.PushBack(d)
		d.OnCancel(func() { s.waiters.Remove(e) })
	}
	return d
}

// releaser is the value of one Acquire.
func (s *Semaphore) releaser() func() {
	released := false
	return func() {
		if !released {
			released = true
			s.held--
			s.grant()
		}
	}
}

// grant lets the next ones in. Who is let in may give back at once, and so call
// grant again: that is left to the outer loop, so that no number of waiters
// takes more stack.
func (s *Semaphore) grant() {
	if s.granting {
		return
	}
	s.granting = true
	defer func() { s.granting = false }()
	for s.held < max(s.Max, 1) && s.waiters.Len() > 0 {
		d := s.waiters.Remove(s.waiters.Front()).(*Deferred[func()])
		s.held++
		if !d.Succeed(s.releaser()) {
			s.held-- // somebody else fired it
		}
	}
}

// A Lock is held by one at a time, across Awaits, in the order of asking: what
// sync.Mutex is between goroutines, which would block the loop. Its zero is
// ready for use. Loop-only.
type Lock struct {
	// MaxWaiters is how many may wait; 0: 10,000; negative: none.
	MaxWaiters int

	s Semaphore
}

// Acquire returns a Deferred that fires when the caller has the lock; its value
// releases it:
//
//	release, err := lock.Acquire(co.Loop()).Await(co)
//	if err != nil {
//		return err
//	}
//	defer release()
//
// Cancel gives up waiting. It fails with ErrQueueFull if too many wait.
func (k *Lock) Acquire(l Loop) *Deferred[func()] {
	k.s.MaxWaiters = k.MaxWaiters
	return k.s.Acquire(l)
}

// Held reports whether somebody has the lock.
func (k *Lock) Held() bool { return k.s.held > 0 }
