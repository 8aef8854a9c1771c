package deferred

import (
	"errors"
	"time"
)

// Every calls f, in a coroutine, every d from now on, first after d; 0 means in
// every turn. The calls do not drift, whatever f takes, and do not overlap:
// ticks that come while f waits are missed. The Signal fails with the first
// error of f, which ends it; its Cancel ends it too. See Repeat for more.
func Every(l Loop, d time.Duration, f func(*Co) error) *Signal {
	r := &Repeat{Interval: d, Call: func(co *Co, _ int) error { return f(co) }}
	return r.Start(l)
}

// A Repeat calls a function at the multiples of an interval. Fill in the fields,
// then Start it. Loop-only.
type Repeat struct {
	// Interval is the time between two calls; 0: every turn; negative: Start
	// fails. A new value holds from the next Start or Reset.
	Interval time.Duration
	// AtOnce makes the first call in Start, and not an Interval later.
	AtOnce bool
	// Call is called, in a coroutine, with the number of ticks since the last
	// call: 1, or more if it took so long, or the loop did, that some were
	// missed. An error ends the Repeat.
	Call func(co *Co, ticks int) error

	loop     Loop
	interval time.Duration
	start    time.Time
	counted  int // ticks since start that Call has heard of
	timer    Timer
	ended    *Signal // nil: not running
	call     *Signal // nil: none in progress
	stopping bool
}

var (
	errRepeating = errors.New("deferred: Repeat: started already")
	errInterval  = errors.New("deferred: Repeat: negative interval: want 0 or more")
)

// Start begins. The Signal fires after Stop, or fails with the error of Call; to
// cancel it cancels a call in progress too. It fails at once if r runs.
func (r *Repeat) Start(l Loop) *Signal {
	switch {
	case r.ended != nil:
		return Failed[struct{}](l, errRepeating)
	case r.Interval < 0:
		return Failed[struct{}](l, errInterval)
	}
	ended := New[struct{}](l)
	r.loop, r.ended, r.stopping = l, ended, false
	ended.OnCancel(func() {
		call := r.call
		r.forget()
		call.Cancel()
	})
	r.retime()
	if r.AtOnce {
		r.counted--
		r.tick()
	} else {
		r.timer = l.CallLater(r.interval, r.tick)
	}
	return ended
}

// Stop ends it. A call in progress goes on to its end, and then the Signal
// fires. It does nothing if r does not run.
func (r *Repeat) Stop() {
	if r.ended == nil {
		return
	}
	r.timer.Stop()
	if r.stopping = true; r.call == nil {
		r.end(nil)
	}
}

// Reset counts the interval from now. It does nothing if r does not run.
func (r *Repeat) Reset() {
	if r.ended == nil || r.stopping {
		return
	}
	r.retime()
	if r.call == nil {
		r.schedule()
	}
}

// Running reports whether r was started and has not ended.
func (r *Repeat) Running() bool { return r.ended != nil }

func (r *Repeat) retime() {
	r.start, r.counted, r.interval = r.loop.Now(), 0, r.Interval
}

// passed is the number of ticks from the start to now.
func (r *Repeat) passed() int {
	if r.interval == 0 {
		return r.counted + 1
	}
	return max(0, int(r.loop.Now().Sub(r.start)/r.interval))
}

func (r *Repeat) tick() {
	passed := r.passed()
	ticks := max(1, passed-r.counted)
	r.counted = passed
	ended := r.ended
	r.call = Inline(r.loop, func(co *Co) (struct{}, error) { return struct{}{}, r.Call(co, ticks) })
	r.call.Done(func(_ struct{}, err error) {
		if r.ended != ended {
			return // cancelled, and perhaps started again
		}
		r.call = nil
		if err != nil || r.stopping {
			r.end(err)
		} else {
			r.schedule()
		}
	})
}

// schedule sets the timer to the next multiple of the interval.
func (r *Repeat) schedule() {
	var wait time.Duration
	if r.interval > 0 {
		due := r.start.Add(time.Duration(r.passed()+1) * r.interval)
		wait = due.Sub(r.loop.Now())
	}
	if r.timer == (Timer{}) {
		r.timer = r.loop.CallLater(wait, r.tick)
	} else {
		r.timer.Reset(wait)
	}
}

func (r *Repeat) end(err error) {
	ended := r.ended
	r.forget()
	ended.fire(struct{}{}, err)
}

// forget makes r one that can be started again, also on another loop.
func (r *Repeat) forget() {
	r.timer.Stop()
	r.timer, r.ended, r.call = Timer{}, nil, nil
}
