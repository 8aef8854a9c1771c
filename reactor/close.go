package reactor

import (
	"errors"
	"syscall"
)

// shutWrite ends our direction, now that all is sent.
func (c *conn) shutWrite() {
	c.state |= writeEnded
	err := c.l.poller.CloseWrite(c.h)
	switch {
	case err != nil && !errors.Is(err, syscall.ENOTCONN):
		c.doom(c.opError("close", err))
	case c.is(readEnded), err != nil:
		c.doom(c.endReason())
	}
}

// CloseWrite implements twistor.Transport.
func (b bare) CloseWrite() {
	c := b.conn
	if c.is(doomed | endWrite) {
		return
	}
	c.state |= endWrite
	c.soil()
}

// close flushes, ends our direction, drops what still comes, and ends when the
// peer has ended too, or after Limits.Linger.
func (c *conn) close() {
	if c.is(doomed | closing) {
		return
	}
	if c.is(writeFailed) {
		c.doom(c.x.reason)
		return
	}
	c.state |= closing | endWrite
	if c.x != nil {
		c.x.held = nil
	}
	if c.is(writeEnded) && c.is(readEnded) {
		c.doom(c.endReason())
		return
	}
	if c.limits.Linger >= 0 {
		c.lingerFrom(c.extra().fileSent)
	}
	c.wanted()
	c.soil()
}

// lingerFrom ends c after Limits.Linger, unless more of a file than sent has
// gone out by then: a long file may take its time.
func (c *conn) lingerFrom(sent int64) {
	c.x.linger = c.l.CallLater(c.limits.Linger, func() {
		if now := c.x.fileSent; now > sent {
			c.lingerFrom(now)
			return
		}
		c.state |= aborted
		c.doom(c.endReason())
	})
}
