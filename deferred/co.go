package deferred

import "time"

// A Co is a running coroutine, as its own body sees it: the leave to wait. A
// function that may wait takes one; who has none cannot. It must not be used
// but by its body, and not after that returned. Loop-only.
type Co struct {
	core    *Core
	body    body
	runner  *runner
	waiting node  // what Await waits for
	err     error // why it was cancelled

	prev, next *Co // all that have not ended
	nextReady  *Co

	stopping bool // the loop closes
	exited   bool // its body called Goexit
	refused  int  // Awaits since
	state    coState
}

type coState uint8

const (
	coMade coState = iota
	coStarted
	coEnded
	coAbandoned // it does not end, and will never be resumed
)

// Loop is the loop that the coroutine runs on.
func (co *Co) Loop() Loop { return co.core.loop }

// Err is nil, or why the coroutine was cancelled: ErrCanceled, ErrTimeout. Long
// computations ask it between Awaits.
func (co *Co) Err() error { return co.err }

// Sleep waits for at least d. The error is that of an Await.
func (co *Co) Sleep(d time.Duration) error {
	_, err := After(co.core.loop, d).Await(co)
	return err
}

// Yield lets everything else run, and goes on in the next turn.
func (co *Co) Yield() error { return co.Sleep(0) }

// A Co is a node: it stands before the Deferred that Inline returned.

func (co *Co) enter(node)     {}
func (co *Co) step() node     { return nil }
func (co *Co) pending() bool  { return true }
func (co *Co) upstream() node { return co.waiting }

func (co *Co) cancel(reason error) node {
	if co.err == nil {
		co.err = reason
	}
	return co.waiting
}
