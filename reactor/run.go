package reactor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
)

// BeforeStop has f called on the home loop when Run is about to end, those
// added last first, before anything is closed. Run waits for the Signals that
// are not nil; their failures are logged. It is for the home loop, or before
// Run; remove takes f out again.
func (r *Reactor) BeforeStop(f func() *deferred.Signal) (remove func()) {
	b := &beforeStop{f}
	r.before = append(r.before, b)
	return func() { r.before = without(r.before, b) }
}

type beforeStop struct{ call func() *deferred.Signal }

// Run runs the loops until ctx is done or Stop is called. Then it calls what
// BeforeStop was given, ends every port and connection with
// twistor.ErrStopped, waits for the workers, and returns nil. The error, if
// any, is ErrRunning, or says why a loop could not go on. A reactor that has
// stopped may listen and run again.
func (r *Reactor) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.mu.Lock()
	if r.stop != nil {
		r.mu.Unlock()
		return ErrRunning
	}
	r.stop = cancel
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.stop = nil
		r.mu.Unlock()
	}()
	for _, l := range r.loops {
		l.stopping = false
		if err := l.start(); err != nil {
			return fmt.Errorf("reactor: %w", err)
		}
	}
	r.running.Store(true)
	r.watching = r.config.SlowTurn > 0
	var watchdog sync.WaitGroup
	unwatch := make(chan struct{})
	if r.watching {
		watchdog.Go(func() { r.watch(unwatch) })
	}
	ended := make(chan error, len(r.loops))
	for _, l := range r.loops {
		go l.run(ended)
	}
	left := len(r.loops)
	select {
	case <-ctx.Done():
	case err = <-ended: // a loop cannot go on: the others shall not either
		left--
	}
	if err == nil {
		r.quiesce()
	}
	for _, l := range r.loops {
		l.halt()
	}
	for range left {
		err = errors.Join(err, <-ended)
	}
	close(unwatch)
	watchdog.Wait()
	r.watching = false
	r.running.Store(false)
	return errors.Join(err, r.dismantle())
}

// Stop ends Run as the end of its context would. Safe for concurrent use.
func (r *Reactor) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		r.stop()
	}
}

// quiesce calls what BeforeStop was given and waits for it.
func (r *Reactor) quiesce() {
	if len(r.before) == 0 {
		return
	}
	done := make(chan struct{})
	home := r.loops[0]
	if !home.mail.putAlways(func() { r.dismiss(func() { close(done) }) }) {
		return
	}
	home.rouse()
	if r.config.StopTimeout < 0 {
		<-done
		return
	}
	limit := time.NewTimer(r.config.StopTimeout)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		r.log.Warn("stopping all the same", "op", "stop", "err", deferred.ErrTimeout)
	}
}

// dismiss calls the BeforeStops, the last first, and then done.
func (r *Reactor) dismiss(done func()) {
	left := 1
	one := func() {
		if left--; left == 0 {
			done()
		}
	}
	for i := len(r.before) - 1; i >= 0; i-- {
		r.dismissOne(r.before[i].call, &left, one)
	}
	one()
}

func (r *Reactor) dismissOne(f func() *deferred.Signal, left *int, one func()) {
	defer func() {
		if v := recover(); v != nil {
			r.loops[0].panicked(v)
		}
	}()
	if s := f(); s != nil {
		*left++
		s.Done(func(_ struct{}, err error) {
			if err != nil {
				r.log.Error("before stop", "op", "stop", "err", err)
			}
			one()
		})
	}
}

// run is a loop's goroutine.
func (l *loop) run(ended chan<- error) {
	err := ErrPanicked
	defer func() { ended <- err }()
	if l.r.watching {
		l.introduce()
		l.readClock()
		l.beat.Store(l.mono)
	}
	for !l.stopping {
		if err = l.turn(poll.Never); err != nil {
			err = fmt.Errorf("reactor: loop %d: %w", l.index, err)
			return
		}
	}
	err = nil
}

// halt makes run return.
func (l *loop) halt() {
	l.mail.putAlways(func() { l.stopping = true })
	l.rouse()
}

// dismantle ends all that is open, on the goroutine that owns the reactor now.
func (r *Reactor) dismantle() error {
	for _, l := range r.loops {
		l.shutdown()
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(r.config.StopTimeout, time.Second))
	defer cancel()
	err := errors.Join(r.pool.Close(ctx), r.names.Close(ctx))
	r.pool = &deferred.Pool{Workers: r.config.Workers, MaxJobs: r.config.MaxJobs}
	r.names = &deferred.Pool{Workers: maxLookups, MaxJobs: 1000}
	r.before = nil
	return err
}

// shutdown ends everything of a loop: ports, connections, coroutines, timers.
func (l *loop) shutdown() {
	if l.poller == nil {
		l.closing()
		return
	}
	l.closed = true
	l.turning = true
	for len(l.ports) > 0 {
		l.ports[len(l.ports)-1].Close()
	}
	for len(l.packetPorts) > 0 {
		l.packetPorts[len(l.packetPorts)-1].end(twistor.ErrStopped)
	}
	for len(l.watches) > 0 {
		l.watches[len(l.watches)-1].end(twistor.ErrStopped)
	}
	for _, p := range l.processes {
		p.stop()
	}
	for i := range l.slots {
		if c, ok := l.slots[i].s.(*conn); ok {
			c.flush()
			c.doom(twistor.ErrStopped)
		}
	}
	l.finish()
	l.turning = false
	l.closing()
	l.poller.Shut()
	l.waker.Store(nil)
	l.poller, l.packeter, l.sender, l.rights, l.watcher, l.sleeper = nil, nil, nil, nil, nil, nil
	l.slots = nil
	l.blocks = blocks{}
	l.buffered = 0
}

// closing runs what was posted, ends the coroutines, and forgets the timers.
// Posts are refused from then on, until the loop starts again.
func (l *loop) closing() {
	l.closed = true // nothing new is to be opened meanwhile
	l.turning = true
	l.resumes = maxResumes
	for !l.mail.empty() {
		l.guard((*loop).runPosts)
	}
	l.mail.shut()
	for !l.mail.empty() {
		l.guard((*loop).runPosts)
	}
	l.core.Close()
	l.resumes = maxResumes
	l.finish()
	for _, p := range l.timers.by {
		if p.t != nil {
			p.t.id = -1
		}
	}
	l.timers = timers{free: -1}
	l.turning = false
	l.closed = false
}

// Close ends at once what Run would end in order, without BeforeStop, and
// waits for it. It is for reactors that are driven by Turn, or were made and
// never run; on a running one it is Stop and returns at once. A closed reactor
// may run again.
func (r *Reactor) Close() error {
	if r.running.Load() {
		r.Stop()
		return nil
	}
	return r.dismantle()
}

// Turn runs one turn of each loop on the caller's goroutine, for programs that
// have a loop of their own, and for the simulator. If nothing is to be done it
// waits, at most for wait.
func (r *Reactor) Turn(wait time.Duration) error {
	if r.running.Load() {
		return ErrRunning
	}
	for i, l := range r.loops {
		l.stopping = false
		if err := l.start(); err != nil {
			return fmt.Errorf("reactor: %w", err)
		}
		until := int64(0)
		if wait > 0 {
			_, mono := r.world.Now()
			until = mono + int64(wait)/int64(len(r.loops)-i)
		}
		if err := l.turn(until); err != nil {
			return fmt.Errorf("reactor: loop %d: %w", l.index, err)
		}
	}
	return nil
}
