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
	// MaxTries 0 is 10 here, about two minutes; negative: for ever.
	Backoff Backoff

	host   Host // nil: it does not run
	tenant *tenant

	life     int   // counts lives of Service
	broken   error // what this life's Fail said first
	began    time.Time
	failed   error       // why the last life ended; nil: none has
	failures []time.Time // within Window, the last MaxRestarts
	tries    int         // of the crash loop; 0: there is none
	restarts int
	repair   *deferred.Signal // stops, waits and starts; nil: not in progress
	due      time.Time        // of the next Start; zero: it does not wait
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
	if r, ok := v.Service.(Reloader); ok && v.up() {
		return r.Reload(co)
	}
	return nil
}

func (v *Supervisor) up() bool {
	return v.host != nil && v.repair == nil && v.tenant.phase == running
}

// Start starts Service, and fails as that does.
func (v *Supervisor) Start(co *deferred.Co, h Host) error {
	switch {
	case v.host != nil:
		return ErrRunning
	case v.Service == nil:
		return errors.New("service: Supervisor: Service is nil: want one")
	}
	for v.tenant != nil && v.tenant.phase != idle { // left behind by a Stop that was cancelled
		if _, err := v.tenant.over.Shield().Await(co); err != nil {
			return err
		}
	}
	v.host, v.tenant = h, &tenant{Service: v.Service}
	v.failed, v.failures, v.tries, v.restarts = nil, nil, 0, 0
	if _, err := v.begin().Await(co); err != nil {
		v.host = nil
		return err
	}
	v.check()
	return nil
}

// begin begins a life.
func (v *Supervisor) begin() *deferred.Signal {
	v.life++
	v.broken = nil
	l, ward := v.host.Loop(), v.ward()
	return v.tenant.start(l, func(co *deferred.Co) error {
		return v.Service.Start(co, ward)
	}, func(error) { v.began = l.Now() })
}

// hear takes what a life's Fail says.
func (v *Supervisor) hear(life int, err error) {
	if v.host == nil || life != v.life || v.broken != nil {
		return
	}
	v.broken = err
	v.check()
}

// check begins to repair what is broken, once it has started.
func (v *Supervisor) check() {
	if v.broken == nil || !v.up() {
		return
	}
	h := v.host
	var repair *deferred.Signal
	repair = deferred.Inline(h.Loop(), func(co *deferred.Co) (struct{}, error) {
		co.Yield() // the Service is in the midst of saying so
		return struct{}{}, v.mend(co, h, func() bool { return v.repair == repair })
	})
	v.repair = repair
	repair.Done(func(_ struct{}, err error) {
		if v.repair != repair {
			return
		}
		v.repair, v.due = nil, time.Time{}
		if err != nil {
			Fail(h, err)
		}
		v.check()
	})
}

// mend stops Service and starts it anew until it runs, or it gives up. When Stop
// comes it is not wanted any more, and leaves the rest to that.
func (v *Supervisor) mend(co *deferred.Co, h Host, wanted func() bool) error {
	for err := v.broken; err != nil && wanted(); {
		v.failed = err
		delay, again := v.next(h.Loop().Now())
		_, failed := v.tenant.stop(co, Patience)
		if failed != nil {
			h.Loop().Log().Warn("failed service does not stop well", "service", Name(h), "err", failed)
		}
		if !wanted() {
			break
		}
		if !again {
			return fmt.Errorf("gave up after %d restarts: %w", v.restarts, err)
		}
		h.Loop().Log().Warn("service failed and is started anew", "service", Name(h), "err", err, "in", delay)
		if delay > 0 {
			v.due = h.Loop().Now().Add(delay)
			co.Sleep(delay)
			if !wanted() {
				break
			}
			v.due = time.Time{}
		}
		v.restarts++
		_, err = v.begin().Await(co)
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
	if v.tenant.phase == running && now.Sub(v.began) >= window {
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
	if v.tenant == nil {
		return nil
	}
	repair := v.repair
	v.host, v.repair, v.due = nil, nil, time.Time{}
	if v.tenant.phase != stopping {
		repair.Cancel() // else it is about to end, and has its own limit
	}
	_, err := v.tenant.stop(co, limit)
	return err
}
