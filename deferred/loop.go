package deferred

import (
	"context"
	"time"
)

// A Loop is what this package needs of an event loop; every twistor.Loop is
// one. A test double embeds a Core and a clock. A Loop that is a Meter as well
// lets Cooperate measure its slices.
//
// All methods but Post and Core are called on the loop's own goroutine.
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
	// cancel ends job's context; a job that has not begun then never will. The
	// error is ErrPoolFull, or says that the loop is closed. See Pool.
	Work(job func(ctx context.Context) (deliver func())) (cancel func(), err error)
	// Report takes a failure that nobody handles, an *UnhandledError most
	// often: a real loop logs it, a simulated one fails the test. If it is
	// ErrGoexit, which t.FailNow causes, a loop on the test's own goroutine
	// may call runtime.Goexit: a coroutine has ended, and is not on the stack.
	Report(err error)
	// Core is this package's state of the loop: always the same one. It may be
	// called from any goroutine.
	Core() *Core
}

// An Alarm is a Loop's side of a Timer, one for each CallLater; its methods are
// what Timer says of its own. It stays usable after it fired. Loop-only.
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
