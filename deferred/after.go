package deferred

import "time"

// After returns a Signal that fires after d, never early; zero or less means in
// the next turn. Its Cancel stops the timer.
func After(l Loop, d time.Duration) *Signal {
	x := new(after)
	x.core = coreOf(l)
	x.timer = l.CallLater(d, x.expire)
	x.peer = canceller(x.stop)
	return &x.Signal
}

type after struct {
	Signal
	timer Timer
}

func (x *after) expire() { x.Succeed(struct{}{}) }
func (x *after) stop()   { x.timer.Stop() }
