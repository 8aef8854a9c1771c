package deferred

import "iter"

// A runner is a stack to run coroutines on, one after another: to resume one
// costs two switches and no allocation. It is made of iter.Pull, whose stop is
// never called: a runner is told to quit, and a body why it goes on, by fields.
type runner struct {
	next  func() (struct{}, bool) // from outside: runs it until it yields
	yield func(struct{}) bool     // from inside
	co    *Co
	below *runner // in the Core's list of idle ones
	quit  bool
	// exiting: a body called Goexit. It serves on, but must not return.
	exiting bool
}

func newRunner() *runner {
	r := new(runner)
	r.next, _ = iter.Pull(r.serve)
	return r
}

func (r *runner) serve(yield func(struct{}) bool) {
	r.yield = yield
	r.work()
}

// work runs one body after another. If a body calls Goexit, which runs deferred
// calls and then ends the goroutine, the deferred call does not return but goes
// on serving: else iter.Pull would pass the Goexit on to the loop.
func (r *runner) work() {
	defer func() {
		if r.co == nil {
			return
		}
		r.exiting = true
		r.co.exited = true
		r.co.body.fail(ErrGoexit)
		r.end()
		r.work()
	}()
	for !r.quit {
		r.co.body.main()
		r.end()
	}
}

// end gives the runner back, and returns when there is a new body.
func (r *runner) end() {
	r.co.state = coEnded
	r.co.runner = nil
	r.co = nil
	r.suspend()
}

func (r *runner) suspend() { r.yield(struct{}{}) }

// resume lets co run until it waits or ends. It may be called from within
// another coroutine, by Inline.
func (c *Core) resume(co *Co) {
	if co.state == coMade {
		if err := co.reason(); err != nil {
			co.state = coEnded // before it began
			co.body.fail(err)
			c.unlist(co)
			co.body.finish()
			return
		}
		co.state = coStarted
		co.runner = c.takeRunner()
		co.runner.co = co
	}
	r, outer := co.runner, c.current
	c.current = co
	r.next()
	c.current = outer
	switch co.state {
	case coEnded:
		c.giveRunner(r)
		c.unlist(co)
		co.body.finish()
		if co.exited {
			c.report(&UnhandledError{Err: ErrGoexit})
		}
	case coAbandoned:
		c.unlist(co)
		c.report(&UnhandledError{Err: errAbandoned})
		co.body.fail(ErrStopped)
		co.body.finish()
	}
}

// reason is why a coroutine that has not begun need not begin.
func (co *Co) reason() error {
	if co.stopping {
		return ErrStopped
	}
	return co.err
}

func (c *Core) takeRunner() *runner {
	r := c.idle
	if r == nil {
		return newRunner()
	}
	c.idle = r.below
	r.below = nil
	c.nIdle--
	return r
}

func (c *Core) giveRunner(r *runner) {
	if c.closed || c.nIdle >= maxIdle {
		r.dispose()
		return
	}
	r.below = c.idle
	c.idle = r
	c.nIdle++
}

// dispose lets the goroutine of an idle runner end; one that is exiting stays
// suspended for ever.
func (r *runner) dispose() {
	if !r.exiting {
		r.quit = true
		r.next()
	}
}

// enqueue makes co one of those that Resume lets go on.
func (c *Core) enqueue(co *Co) {
	if c.closed {
		return // endCoroutines comes to it
	}
	if c.ready == nil {
		c.ready = co
	} else {
		c.lastReady.nextReady = co
	}
	c.lastReady = co
}

// dequeue takes the first of them.
func (c *Core) dequeue() *Co {
	co := c.ready
	c.ready = co.nextReady
	if co.nextReady = nil; c.ready == nil {
		c.lastReady = nil
	}
	return co
}

func (c *Core) list(co *Co) {
	co.prev = c.last
	if c.last == nil {
		c.first = co
	} else {
		c.last.next = co
	}
	c.last = co
}

func (c *Core) unlist(co *Co) {
	if co.prev == nil {
		c.first = co.next
	} else {
		co.prev.next = co.next
	}
	if co.next == nil {
		c.last = co.prev
	} else {
		co.next.prev = co.prev
	}
	co.prev, co.next = nil, nil
}

// endCoroutines resumes each coroutine until it has ended, in the order in
// which they were made.
func (c *Core) endCoroutines() {
	if c.current != nil {
		panic("deferred: Core.Close from within a coroutine")
	}
	c.opened = true
	c.ready, c.lastReady = nil, nil // each is resumed, ready or not
	for c.first != nil {
		co := c.first
		co.stopping = true
		c.resume(co)
	}
	for c.idle != nil {
		c.takeRunner().dispose()
	}
}
