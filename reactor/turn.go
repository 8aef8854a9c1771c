package reactor

import (
	"runtime"
	"runtime/debug"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// turn is one turn of the loop, in this order:
//
//  1. it yields to the Go scheduler, unless it has just slept;
//  2. timers that are due, in the order of their deadlines;
//  3. posted calls, in the order of their coming;
//  4. what those wrote is sent, and what they closed ended;
//  5. it polls, waiting if nothing is to be done, and reads the clock;
//  6. for each ready connection: its events, the coroutines that became ready,
//     then its writes in one system call;
//  7. writes made from elsewhere, then the ends of connections.
//
// until is how long to wait at most, on the monotonic clock.
func (l *loop) turn(until int64) error {
	if l.r.real && (l.sleeper == nil || !l.sleeper.Slept()) {
		runtime.Gosched()
	}
	l.turning = true
	l.resumes = maxResumes
	l.resume()
	l.firing = true
	l.guard((*loop).fireTimers)
	l.firing = false
	if !l.mail.empty() {
		l.guard((*loop).runPosts)
	}
	l.finish()

	if at, ok := l.timers.next(); ok && at < until {
		until = at
	}
	if l.busy() || l.stopping {
		until = 0
	}
	if until > 0 {
		l.mail.sleeping.Store(true)
		if !l.mail.empty() {
			until = 0
		}
	}
	if l.beat.Load() != 0 {
		l.beat.Store(0)
	}
	n, err := l.poller.Wait(l.events, until)
	l.mail.sleeping.Store(false)
	l.readClock()
	if l.r.watching {
		l.beat.Store(l.mono)
	}
	if err != nil {
		l.turning = false
		return err
	}
	l.event, l.arrived = 0, n
	if n > 0 {
		l.guard((*loop).serveEvents)
	}
	l.finish()
	l.turning = false
	return nil
}

// busy reports whether the next turn has something to do at once.
func (l *loop) busy() bool {
	return l.core.Waiting() || len(l.pending) > l.settled || len(l.doomed) > l.ended || len(l.deeds) > l.deed || len(l.senders) > 0 || !l.mail.empty()
}

// guard runs a stage to its end. A panic ends only the callback in which it
// happened: the stage goes on with the next.
func (l *loop) guard(stage func(*loop)) {
	for !l.guarded(stage) {
	}
}

func (l *loop) guarded(stage func(*loop)) (done bool) {
	defer func() {
		if done {
			return
		}
		if v := recover(); v != nil { // else: runtime.Goexit, which goes on
			l.panicked(v)
		}
	}()
	stage(l)
	return true
}

// panicked aborts the connection whose callback panicked.
func (l *loop) panicked(v any) {
	err, ok := v.(*deferred.PanicError)
	if !ok {
		err = &deferred.PanicError{Value: v, Stack: debug.Stack()}
	}
	c := l.current
	l.current = nil
	l.r.panics.Add(1)
	if c == nil {
		l.log.Error("panic in a callback", "err", err, "stack", string(err.Stack))
		return
	}
	l.log.Error("panic in a callback", "err", err, "conn", c, "stack", string(err.Stack))
	c.state |= aborted
	c.doom(err)
}

func (l *loop) fireTimers() {
	for range maxTimers {
		t := l.timers.due(l.mono)
		if t == nil {
			return
		}
		t.f()
		l.resume()
	}
}

func (l *loop) runPosts() {
	for range maxPosts {
		f := l.mail.take()
		if f == nil {
			return
		}
		f()
		l.resume()
	}
}

// resume runs the coroutines that became ready.
func (l *loop) resume() {
	if l.core.Waiting() && l.resumes > 0 {
		l.resumes -= l.core.Resume(l.resumes)
	}
}

func (l *loop) serveEvents() {
	for l.event < l.arrived {
		ev := l.events[l.event]
		l.event++
		i := ev.Handle.Slot()
		if i >= len(l.slots) || l.slots[i].h != ev.Handle {
			continue // closed since
		}
		if c, ok := l.slots[i].s.(*conn); ok {
			l.current = c
			c.ready(ev.Ready)
			l.resume()
			l.settle(c)
			l.current = nil
			continue
		}
		l.slots[i].s.ready(ev.Ready)
		l.resume()
	}
}

// later has c settled when the running callback returns, or at the end of the
// turn if that is another connection's.
func (l *loop) later(c *conn) {
	if c != l.current {
		l.pending = append(l.pending, c)
	}
}

// settle does what c's callbacks asked for.
func (l *loop) settle(c *conn) {
	for range maxRounds {
		switch {
		case c.state&(doomed|switching|drained|dirty) == 0 && (c.x == nil || c.x.held == nil || c.is(paused)):
			return
		case c.is(doomed):
			return
		case c.is(switching):
			c.doSwitch()
			l.resume()
		case c.x != nil && c.x.held != nil && !c.is(paused):
			c.deliverHeld()
			l.resume()
		case c.is(drained):
			c.state &^= drained
			if p, ok := c.p.(twistor.Drainer); ok && !c.is(closing) {
				p.Drained()
				l.resume()
			}
		default:
			c.flush()
		}
	}
	l.pending = append(l.pending, c) // go on in the next turn
}

// finish does what callbacks left behind, until nothing is left or enough was
// done for one turn.
func (l *loop) finish() {
	for range maxRounds {
		if len(l.pending)+len(l.deeds)+len(l.doomed) == 0 && (!l.core.Waiting() || l.resumes <= 0) && len(l.senders) == 0 {
			return
		}
		l.guard((*loop).finishOnce)
	}
}

func (l *loop) finishOnce() {
	l.resume()
	for end := len(l.pending); l.settled < end; {
		c := l.pending[l.settled]
		l.settled++
		l.current = c
		l.settle(c)
		l.current = nil
	}
	l.pending, l.settled = rest(l.pending, l.settled), 0
	for l.deed < len(l.deeds) {
		f := l.deeds[l.deed]
		l.deed++
		f()
		l.resume()
	}
	l.deeds, l.deed = rest(l.deeds, l.deed), 0
	l.sendPackets()
	for end := len(l.doomed); l.ended < end; {
		e := l.doomed[l.ended]
		l.ended++
		l.end(e.c, e.err)
		l.resume()
	}
	l.doomed, l.ended = rest(l.doomed, l.ended), 0
}

// rest is what remains of a list whose first n are done, in the same memory
// unless a burst made that large.
func rest[T any](list []T, n int) []T {
	k := copy(list, list[n:])
	clear(list[k:])
	if k == 0 && cap(list) > 1<<14 {
		return nil
	}
	return list[:k]
}

// end closes c and tells its Protocol.
func (l *loop) end(c *conn, err error) {
	c.release(err)
	if c.x != nil && c.x.dial != nil {
		if a := c.x.dial; a.d != nil {
			a.d.fail(err)
		} else {
			a.done.Fail(err)
		}
	}
	if c.is(live) {
		c.state &^= live
		c.p.Disconnected(err)
	}
}
