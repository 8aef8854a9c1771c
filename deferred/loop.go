package deferred

import (
	"context"
	"time"
)

// A Loop is what this package needs of an event loop; every twistor.Loop is
// one. A test double embeds a Core and a clock.
//
// All methods but Post are called on the loop's own goroutine.
type Loop interface {
	// Now is the time at which this turn began: read once a turn.
	Now() time.Time
	// CallLater calls f after d, never early; d <= 0 means in the next turn.
	// Calls due at the same time run in the order in which they were made.
	CallLater(d time.Duration, f func()) Timer
	// Post calls f on the loop, soon. It may be called from any goroutine and
	// never blocks; what one goroutine posts keeps its order. It reports
	// false, and drops f, when the queue is full or the loop closed.
	Post(f func()) bool
	// Work runs job on the pool of workers, and what it returns, if not nil,
	// on the loop: always, and exactly once, unless the loop closes before.
	// cancel ends job's context. The error is ErrPoolFull, or says that the
	// loop is closed.
	Work(job func(ctx context.Context) (deliver func())) (cancel func(), err error)
	// Report takes a failure that nobody handles, an *UnhandledError most
	// often: a real loop logs it, a simulated one fails the test.
	Report(err error)
	// Core is this package's state of the loop: always the same one.
	Core() *Core
}

// An Alarm is a Loop's side of a Timer. It stays usable after it fired.
type Alarm interface {
	Stop() bool
	Reset(d time.Duration)
	When() time.Time
}

// A Timer is a call to come, made by CallLater. It is a value; its zero is a
// stopped timer. Loop-only.
type Timer struct{ alarm Alarm }

// TimerOf makes a Timer of a Loop's alarm; only Loops call it.
func TimerOf(a Alarm) Timer { return Timer{a} }

// Stop prevents the call; it reports whether the call was still to come.
func (t Timer) Stop() bool { return t.alarm != nil && t.alarm.Stop() }

// Reset makes the call happen d from now instead, also when it was stopped or
// has happened already. It allocates nothing. A zero Timer panics: it has
// nothing to call.
func (t Timer) Reset(d time.Duration) {
	if t.alarm == nil {
		panic("deferred: Reset of a zero Timer")
	}
	t.alarm.Reset(d)
}

// When is the time at which the call is due; zero if none is to come.
func (t Timer) When() time.Time {
	if t.alarm == nil {
		return time.Time{}
	}
	return t.alarm.When()
}
