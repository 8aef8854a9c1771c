package service

import (
	"errors"
	"fmt"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// Every is the Service that calls f at each interval, first one interval after
// its Start. The calls do not drift and do not overlap: what falls due while f
// waits is left out. When f fails, or panics, that is logged as an error and f
// is called again at the next interval; in that it differs from Twisted's
// TimerService, which ends. Stop waits until a call in progress has returned,
// and cancels it when it is cancelled itself. An interval of 0 or less, and a
// nil f, fail Start.
func Every(interval time.Duration, f func(co *deferred.Co) error) Service {
	return &periodic{interval: interval, call: f}
}

type periodic struct {
	// Immutable.
	interval time.Duration
	call     func(co *deferred.Co) error

	// Owned by the loop.
	repeat *deferred.Repeat
	ended  *deferred.Signal // nil: it does not run
	failed error            // of the last call
}

func (p *periodic) Start(_ *deferred.Co, h Host) error {
	switch {
	case p.ended != nil:
		return ErrRunning
	case p.interval <= 0:
		return fmt.Errorf("service: Every %v: want an interval above 0", p.interval)
	case p.call == nil:
		return errors.New("service: Every: want a function, not nil")
	}
	p.failed = nil
	p.repeat = &deferred.Repeat{Interval: p.interval, Call: func(co *deferred.Co, _ int) error {
		p.failed = inside(co, p.call)
		if p.failed != nil && co.Err() == nil && !errors.Is(p.failed, deferred.ErrStopped) {
			h.Loop().Log().Error("periodic call failed", "service", Name(h), "err", p.failed)
		}
		return nil
	}}
	p.ended = p.repeat.Start(h.Loop())
	return nil
}

func (p *periodic) Stop(co *deferred.Co) error {
	if p.ended == nil {
		return nil
	}
	ended := p.ended
	p.ended = nil
	p.repeat.Stop()
	ended.Await(co) // it fails only when co is cancelled
	return nil
}

// State implements Stater.
func (p *periodic) State() string {
	if p.failed != nil {
		return "the last call failed: " + p.failed.Error()
	}
	return ""
}
