package service

import (
	"fmt"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// A phase is where a Service is in its life.
type phase uint8

const (
	idle phase = iota
	starting
	running
	stopping
)

func (p phase) String() string {
	return [...]string{"stopped", "starting", "running", "stopping"}[p]
}

// A tenant is a Service of another one, a Group or a Supervisor, which starts
// and stops it through this alone. So it keeps the rules, also when whoever
// waits for it is cancelled and leaves: Start and Stop alternate, one at a time,
// and what has started is stopped.
type tenant struct {
	Service
	phase    phase
	now      *deferred.Signal // the Start or Stop in progress: Cancel hurries it
	over     *deferred.Signal // fires when that is over
	unwanted bool             // who waited for Start has left: stop it then
	forced   bool             // who waited for Stop wants it over
}

// start begins to start an idle tenant by body, and returns how that ends; done,
// if not nil, hears of it first.
func (n *tenant) start(l deferred.Loop, body func(co *deferred.Co) error, done func(error)) *deferred.Signal {
	over := deferred.New[struct{}](l)
	n.phase, n.over, n.now, n.unwanted = starting, over, nil, false
	begun := deferred.Inline(l, func(co *deferred.Co) (struct{}, error) { return struct{}{}, body(co) })
	n.now = begun
	begun.Done(func(_ struct{}, err error) {
		if n.phase = running; err != nil {
			n.phase = idle
		}
		if done != nil {
			done(err)
		}
		if n.unwanted && n.phase == running {
			deferred.Inline(l, func(co *deferred.Co) (struct{}, error) {
				_, err := n.stop(co, 0)
				return struct{}{}, err
			}).Done(nil)
		}
		over.Succeed(struct{}{})
	})
	return begun
}

// stop stops the tenant, whatever it is doing, within limit. It says whether it
// was late, and returns when it is idle; but a cancelled co leaves one that
// somebody else is starting or stopping, told to hurry.
func (n *tenant) stop(co *deferred.Co, limit time.Duration) (late bool, err error) {
	if n.phase == starting {
		n.now.Cancel()
		_, err := n.over.Shield().Await(co)
		if n.phase == starting {
			n.unwanted = true
			return true, fmt.Errorf("it still starts: %w", err)
		}
	}
	if n.phase == stopping {
		timer := co.Loop().CallLater(limit, n.hurry)
		defer timer.Stop()
		if _, err := n.over.Shield().Await(co); err != nil {
			n.hurry()
		}
		return false, nil // who began it has the error
	}
	if n.phase != running {
		return false, nil
	}
	over := deferred.New[struct{}](co.Loop())
	n.phase, n.over, n.now, n.forced = stopping, over, nil, false
	defer func() {
		n.phase = idle
		over.Succeed(struct{}{})
	}()
	return stopWithin(co, n.Service, limit, func(d *deferred.Signal) {
		if n.now = d; n.forced {
			d.Cancel()
		}
	})
}

// hurry cancels a Stop in progress.
func (n *tenant) hurry() {
	if n.phase == stopping {
		n.forced = true
		n.now.Cancel()
	}
}
