package h2

import (
	"slices"
	"time"
)

// leaving is how far a connection is on its way out.
type leaving uint8

const (
	staying leaving = iota
	warned          // we have sent a GOAWAY that names no stream: the peer stops opening them
	told            // a GOAWAY says which are the last
)

// goAwayPing is what we send after the first GOAWAY: when it comes back, the
// peer has seen that.
var goAwayPing = [8]byte{'g', 'o', 'i', 'n', 'g', 0, 0, 1}

// goAwayDelay is how long we wait for it.
const goAwayDelay = time.Second

// Shutdown ends the connection when all streams have ended. A Server says so
// in two steps, that no request is lost that was on its way:
// https://www.rfc-editor.org/rfc/rfc9113#section-6.8
func (c *Conn) Shutdown() {
	if c.over || c.leaving != staying {
		return
	}
	if c.role == Client {
		c.leaving = told
		c.write(appendGoAway(c.pool.small[:0], 0, NoError, ""))
	} else {
		c.leaving, c.warned = warned, c.clock.Now()
		c.write(appendPing(appendGoAway(c.pool.small[:0], maxStreamID, NoError, ""), 0, goAwayPing))
		c.wake(c.warned.Add(goAwayDelay))
	}
	if len(c.streams) == 0 {
		c.quiet()
	}
}

// leaveNow is the second step.
func (c *Conn) leaveNow() {
	if c.leaving != warned || c.over {
		return
	}
	c.leaving, c.goneFrom = told, c.lastPeer
	c.write(appendGoAway(c.pool.small[:0], c.lastPeer, NoError, ""))
	if len(c.streams) == 0 {
		c.quiet()
	}
}

// quiet is called when the last stream has gone.
func (c *Conn) quiet() {
	c.useful = c.clock.Now()
	if c.leaving == told {
		c.finish(nil, Cause{})
		return
	}
	c.wake(c.useful.Add(c.config.IdleTimeout))
}

// unprocessed ends the streams that the peer says it has not looked at.
func (c *Conn) unprocessed(last uint32, code Code) {
	for !c.over {
		i := slices.IndexFunc(c.streams, func(s *Stream) bool {
			return s.id > last && s.state != closed && s.state != reset
		})
		if i < 0 {
			return
		}
		s := c.streams[i]
		s.state = closed
		c.dropQueue(s)
		c.lose(s, Cause{Code: code, Remote: true, Unprocessed: true})
	}
}

// fail ends the connection for a fault of the peer's. What we think of it stays
// here: the peer is told the code.
func (c *Conn) fail(why *Error) {
	if c.over {
		return
	}
	if !why.Abort {
		c.write(appendGoAway(c.pool.small[:0], c.lastPeer, why.Code, ""))
	}
	c.finish(why, Cause{Code: why.Code, Reason: why.Reason})
}

// Disconnected says that the transport is gone: all streams are over.
func (c *Conn) Disconnected() {
	if !c.over {
		c.finish(nil, Cause{Code: Cancel, Reason: "the connection is gone", Remote: true})
	}
}

// finish ends all that there is.
func (c *Conn) finish(why *Error, cause Cause) {
	c.over = true
	c.timer.Stop()
	c.pool.give(c.partial)
	c.pool.give(c.block.bytes)
	c.partial, c.block.bytes = nil, nil
	streams := c.streams
	c.streams, c.line = nil, queue{}
	for _, s := range streams {
		s.lined, s.next = false, nil
		c.dropQueue(s)
		if s.state == closed || s.state == reset {
			continue
		}
		s.state = closed
		if !s.released {
			c.events.StreamReset(s, cause)
		}
	}
	c.events.Ended(why)
}

// moved is when something last left for s. A stream that may send, and waits
// for others, has no fault of its own.
func (c *Conn) moved(s *Stream) time.Time {
	if s.lined && c.mark.After(s.mark) {
		return c.mark
	}
	return s.mark
}

// passed is called when the next deadline may have come.
func (c *Conn) passed() {
	c.due = time.Time{}
	if c.over {
		return
	}
	now := c.clock.Now()
	next := now.Add(c.config.IdleTimeout)
	// later says whether at is to come, and has the clock call then.
	later := func(at time.Time) bool {
		if now.Before(at) {
			if at.Before(next) {
				next = at
			}
			return true
		}
		return false
	}
	switch {
	case !c.introduced && !later(c.useful.Add(c.config.HeaderTimeout)):
		c.fail(fault(SettingsTimeout, "no SETTINGS came in time"))
	case c.block.stream != 0 && !later(c.block.since.Add(c.config.HeaderTimeout)):
		c.fail(fault(EnhanceYourCalm, "a header block took too long"))
	case c.introduced && len(c.streams) == 0 && !later(c.useful.Add(c.config.IdleTimeout)):
		c.write(appendGoAway(c.pool.small[:0], c.lastPeer, NoError, ""))
		c.finish(nil, Cause{})
	}
	if c.leaving == warned && !later(c.warned.Add(goAwayDelay)) {
		c.leaveNow()
	}
	for i := 0; i < len(c.streams) && !c.over; {
		s := c.streams[i]
		reason := ""
		switch {
		case s.released && s.state == localEnded:
			if later(s.heard.Add(c.config.HeaderTimeout)) {
				i++
			} else {
				c.dismiss(s, NoError)
			}
			continue
		case s.queued > 0 && !later(c.moved(s).Add(c.config.StallTimeout)):
			reason = "the peer reads too slowly"
		case c.role == Server && s.state == open && !s.answered && !s.tunnel && s.held == 0 && !later(s.heard.Add(c.config.IdleTimeout)):
			reason = "the rest of the request did not come"
		}
		if reason == "" {
			i++
			continue
		}
		c.spend()
		c.refuse(&streamFault{s.id, Cancel, reason})
		i = 0 // they may have changed
	}
	if !c.over {
		c.wake(next)
	}
}
