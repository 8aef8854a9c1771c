package service

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// A Supervisor is a Service that starts another one anew when that fails while
// it runs: when it calls Fail of its Host, or when a member of it does if it is
// a Group, all of which is then started anew. What happens:
//
//   - The failed Service is stopped, within Patience, and what its Stop returns
//     is logged.
//   - If it has failed at most MaxRestarts times within Window it is started at
//     once. Else it is in a crash loop: it is started after the delays of
//     Backoff, which grow, until one of its lives has lasted for Window.
//   - A Start that fails counts as a failure.
//   - When Backoff makes no more tries the Supervisor gives up, and fails itself:
//     it calls Fail of its own Host. So the failure goes up until a Supervisor
//     of more has it, or the program stops.
//
// The first Start is not retried: what cannot start at all is told to whoever
// starts it. Fill in the fields, then Start it. Loop-only.
type Supervisor struct {
	Service Service
	// MaxRestarts is how often Service may be started anew at once within
	// Window. 0: 3; negative: none, there is always a delay.
	MaxRestarts int
	// Window is the time in which restarts are counted. 0 or less: 5 s.
	Window time.Duration
	// Backoff is what a crash loop waits, from when the Service has stopped. Its
	// MaxTries is 10 if it is 0, which is about two minutes; negative: for ever.
	Backoff Backoff

	host  Host // nil: it does not run
	phase phase

	life     int   // counts lives of Service
	down     bool  // Service does not run
	broken   error // what this life's Fail said first
	began    time.Time
	failed   error       // why the last life ended; nil: none has
	failures []time.Time // within Window, one more than MaxRestarts at most
	tries    int         // of the crash loop; 0: there is none
	restarts int

	mended *deferred.Signal // fires when the repair in progress is over; nil: none is
	repair *deferred.Signal // its coroutine
	cut    *deferred.Signal // the part of it that need not be finished
	due    time.Time        // of the next Start; zero: it does not wait
}

const (
	defaultMaxRestarts = 3
	defaultWindow      = 5 * time.Second
	defaultMaxTries    = 10
)

// Bind implements Binder.
func (v *Supervisor) Bind(h Host) error {
	if b, ok := v.Service.(Binder); ok {
		return b.Bind(h)
	}
	return nil
}

// Reload implements Reloader. While Service is down it does nothing.
func (v *Supervisor) Reload(co *deferred.Co) error {
	if r, ok := v.Service.(Reloader); ok && v.phase == running && v.mended == nil && !v.down {
		return r.Reload(co)
	}
	return nil
}

// Start starts Service, and fails as that does.
func (v *Supervisor) Start(co *deferred.Co, h Host) error {
	switch {
	case v.phase != idle:
		return ErrRunning
	case v.Service == nil:
		return errors.New("service: Supervisor: Service is nil: want one")
	}
	v.host, v.phase = h, starting
	v.failed, v.failures, v.tries, v.restarts = nil, nil, 0, 0
	if err := v.begin(co); err != nil {
		v.host, v.phase = nil, idle
		return err
	}
	v.phase = running
	v.check()
	return nil
}

// begin begins a life.
func (v *Supervisor) begin(co *deferred.Co) error {
	v.life++
	v.broken, v.down = nil, false
	begun := deferred.Inline(co.Loop(), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, v.Service.Start(co, v.ward())
	})
	v.cut = begun
	_, err := begun.Await(co)
	v.cut = nil
	v.began, v.down = co.Loop().Now(), err != nil
	return err
}

// hear takes what a life's Fail says.
func (v *Supervisor) hear(life int, err error) {
	if life != v.life || v.down || v.broken != nil || v.phase != starting && v.phase != running {
		return
	}
	v.broken = err
	v.check()
}

// check begins to repair what is broken, if it has started.
func (v *Supervisor) check() {
	if v.broken == nil || v.down || v.phase != running || v.mended != nil {
		return
	}
	v.mended, v.repair = deferred.New[struct{}](v.host.Loop()), nil
	v.repair = deferred.Inline(v.host.Loop(), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, v.mend(co, v.broken)
	})
	v.repair.Done(func(_ struct{}, err error) {
		mended := v.mended
		v.mended = nil
		mended.Succeed(struct{}{})
		if err != nil && v.phase == running {
			Fail(v.host, err)
		}
		v.check()
	})
}

// mend stops Service and starts it anew until it runs, or it gives up.
func (v *Supervisor) mend(co *deferred.Co, err error) error {
	log, loop := v.host.Loop().Log(), co.Loop()
	co.Yield() // the Service is in the midst of saying so
	for v.phase == running {
		v.failed = err
		delay, again := v.next(loop.Now())
		if !v.down {
			if failed := StopWithin(co, v.Service, Patience); failed != nil {
				log.Warn("failed service does not stop well", "service", Name(v.host), "err", failed)
			}
			if v.down = true; v.phase != running {
				break
			}
		}
		if !again {
			return fmt.Errorf("gave up after %d restarts: %w", v.restarts, err)
		}
		log.Warn("service failed and is started anew", "service", Name(v.host), "err", err, "in", delay)
		if delay > 0 {
			v.due, v.cut = loop.Now().Add(delay), deferred.After(loop, delay)
			_, err := v.cut.Await(co)
			if v.due, v.cut = (time.Time{}), nil; err != nil {
				break // Stop is here
			}
		}
		v.restarts++
		if err = v.begin(co); err == nil {
			break
		}
	}
	return nil
}

// next counts a failure, and says how long to wait, and whether at all.
func (v *Supervisor) next(now time.Time) (delay time.Duration, again bool) {
	window, most, b := v.Window, max(v.MaxRestarts, 0), v.Backoff
	if window <= 0 {
		window = defaultWindow
	}
	if v.MaxRestarts == 0 {
		most = defaultMaxRestarts
	}
	if b.MaxTries == 0 {
		b.MaxTries = defaultMaxTries
	}
	if !v.down && now.Sub(v.began) >= window {
		v.tries = 0
	}
	v.failures = slices.DeleteFunc(v.failures, func(at time.Time) bool { return now.Sub(at) >= window })
	v.failures = append(v.failures, now)
	if v.tries == 0 && len(v.failures) <= most {
		return 0, true
	}
	v.failures = v.failures[max(0, len(v.failures)-most):]
	v.tries++
	return b.Delay(v.tries, v.host.Loop().Rand())
}

// Stop stops Service, or ends the wait for its next Start.
func (v *Supervisor) Stop(co *deferred.Co) error { return v.stopWithin(co, StopTimeout) }

func (v *Supervisor) stopWithin(co *deferred.Co, limit time.Duration) error {
	if v.phase != running {
		return nil
	}
	v.phase = stopping
	until := co.Loop().Now().Add(limit)
	if v.mended != nil {
		v.cut.Cancel()
		hurry := co.Loop().CallLater(limit, v.repair.Cancel)
		if _, err := v.mended.Shield().Await(co); err != nil {
			v.repair.Cancel()
		}
		hurry.Stop()
	}
	var err error
	if !v.down {
		err = StopWithin(co, v.Service, until.Sub(co.Loop().Now()))
	}
	v.host, v.phase, v.down = nil, idle, true
	return err
}
