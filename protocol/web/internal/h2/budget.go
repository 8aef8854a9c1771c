package h2

import "time"

// A budget is what a peer may cost without a use, within one window of time.
type budget struct {
	since     time.Time
	resets    int // streams that the peer reset, or that we reset for its faults
	completed int // streams that both sides have ended
	useless   int // frames
}

// spend counts a reset. Whoever resets streams as fast as it opens them makes us
// work for nothing (CVE-2023-44487), and so does who makes us reset them
// (CVE-2025-8671): both pay from one budget, to which completed streams add.
func (c *Conn) spend() {
	c.renew()
	c.budget.resets++
	if c.role == Server && c.budget.resets-c.budget.completed > c.config.MaxResets {
		c.fail(fault(EnhanceYourCalm, "too many streams are reset"))
	}
}

// useless counts a frame that does nothing.
func (c *Conn) useless() error {
	c.renew()
	if c.budget.useless++; c.budget.useless > c.config.MaxUseless {
		return fault(EnhanceYourCalm, "too many frames without a use")
	}
	return nil
}

// renew begins a new window.
func (c *Conn) renew() {
	if now := c.clock.Now(); now.Sub(c.budget.since) >= window {
		c.budget = budget{since: now}
	}
}

// A backlog is how many bytes of control frames wait in the transport. It does
// not say, so we count in two parts: when all that was written before a mark
// has left, the older part has.
type backlog struct {
	written    int64 // by the connection, ever
	older, new int   // control bytes before and after mark
	mark       int64
}

// control writes an answer that a peer can ask for as often as it likes: if it
// does not read them, the connection is aborted. It reports whether there
// still is one. CVE-2019-9512, -9514, -9515.
func (c *Conn) control(p []byte) bool {
	b := &c.backlog
	left := b.written - int64(c.out.Buffered())
	if left >= b.mark {
		b.older, b.new, b.mark = b.new, 0, b.written
		if left >= b.mark {
			b.older = 0
		}
	}
	if b.new += len(p); b.older+b.new > c.config.MaxControlBytes {
		c.fail(&Error{Code: EnhanceYourCalm, Reason: "the peer does not read our answers", Abort: true})
		return false
	}
	c.write(p)
	return true
}
