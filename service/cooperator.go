package service

import (
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// ErrStopped says that the Service one waits for has stopped.
var ErrStopped = errors.New("service: stopped")

// A Cooperator is a Service that runs long computations beside everything else
// of its loop, in steps; they share each turn. See deferred.Cooperate. Its zero
// is ready. Loop-only.
type Cooperator struct {
	// Slice is how long their part of a turn may be. 0 or less: 10 ms.
	Slice time.Duration
	// MaxTasks is how many computations may go on, or wait. 0: 1,000; negative:
	// none.
	MaxTasks int

	host    Host // nil: it does not run
	stopped bool // and has run
	tasks   []*task
}

type task struct {
	steps iter.Seq[struct{}]
	done  *deferred.Signal // the caller's
	going *deferred.Signal // nil: it waits for Start
}

// Run runs steps, from when the Cooperator starts, if it has not yet. The Signal
// fires when they end; to cancel it ends them. It is cancelled when the
// Cooperator stops; it fails with ErrStopped if it has stopped, and with
// deferred.ErrQueueFull beyond MaxTasks. Before the first Start it must not be
// given a Timeout.
func (c *Cooperator) Run(steps iter.Seq[struct{}]) *deferred.Signal {
	most := c.MaxTasks
	if most == 0 {
		most = 1000
	}
	var loop deferred.Loop
	if c.host != nil {
		loop = c.host.Loop()
	}
	switch {
	case c.stopped:
		return deferred.Failed[struct{}](loop, ErrStopped)
	case len(c.tasks) >= most:
		return deferred.Failed[struct{}](loop, deferred.ErrQueueFull)
	}
	t := &task{steps: steps, done: deferred.New[struct{}](loop)}
	t.done.OnCancel(func() { c.end(t) })
	c.tasks = append(c.tasks, t)
	if c.host != nil {
		c.begin(t)
	}
	return t.done
}

func (c *Cooperator) begin(t *task) {
	t.going = deferred.Cooperate(c.host.Loop(), c.Slice, t.steps)
	t.going.Done(func(_ struct{}, err error) {
		c.drop(t)
		if err != nil {
			t.done.Fail(err)
		} else {
			t.done.Succeed(struct{}{})
		}
	})
}

func (c *Cooperator) end(t *task) {
	c.drop(t)
	t.going.Cancel()
}

func (c *Cooperator) drop(t *task) {
	c.tasks = slices.DeleteFunc(c.tasks, func(other *task) bool { return other == t })
}

// Start begins the computations that wait.
func (c *Cooperator) Start(_ *deferred.Co, h Host) error {
	if c.host != nil {
		return ErrRunning
	}
	c.host, c.stopped = h, false
	for _, t := range slices.Clone(c.tasks) {
		if t.going == nil {
			c.begin(t)
		}
	}
	return nil
}

// Stop ends all computations, after the step that each is in.
func (c *Cooperator) Stop(*deferred.Co) error {
	if c.host == nil {
		return nil
	}
	c.host, c.stopped = nil, true
	for _, t := range slices.Clone(c.tasks) {
		t.done.Cancel()
	}
	return nil
}
