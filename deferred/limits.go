package deferred

import "time"

// The limits of this package, and what fields that are 0 stand for.
const (
	// Pool: jobs that run, jobs that wait; beyond, ErrPoolFull.
	defaultWorkers = 20
	defaultJobs    = 10_000

	// Lane: jobs that wait; beyond, ErrQueueFull.
	defaultLaneJobs = 1_000

	// Lock, Semaphore, Gate, Queue: those who wait; beyond, ErrQueueFull.
	defaultWaiters = 10_000

	// Queue: items that nobody has asked for; beyond, ErrQueueFull.
	defaultItems = 10_000

	// Cooperate: the time of a turn after which it makes one step only; on a
	// Loop that is no Meter, the steps a turn.
	defaultSlice = 10 * time.Millisecond
	unmetered    = 100

	// Core: runners kept for coroutines to come, about 2.7 KB each; beyond,
	// they end.
	maxIdle = 256

	// Core: failures that are remembered in case that they are handled yet;
	// beyond, the oldest is reported.
	maxTroubles = 65_536

	// Await: those of one body after its loop has stopped; beyond, the body is
	// reported, and never resumed.
	maxRefused = 1_000

	// Ask: the time until a loop that was full is offered the answer again.
	retryAnswer = 10 * time.Millisecond
)

// bound is a limit as fields write it: 0 the default, negative none at all.
func bound(n, fallback int) int {
	switch {
	case n == 0:
		return fallback
	case n < 0:
		return 0
	}
	return n
}
