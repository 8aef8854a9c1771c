package reactor

import (
	"errors"
	"net"
	"syscall"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

const (
	// Output beyond this is sent at once, not only when the event ends.
	flushAtOnce = 64 << 10
	// A Write of this size or more skips the queue when that is empty: copying
	// would cost more than a system call.
	writeAtOnce = 16 << 10
	// What one flush sends at most before others have their turn.
	flushBudget = 1 << 20
	// Pieces of one writev.
	maxPieces = 64
)

// Write implements twistor.Transport.
func (b bare) Write(p []byte) (int, error) {
	c := b.conn
	if c.state&(doomed|endWrite|writeEnded|writeFailed|connecting) != 0 {
		return 0, c.writeError()
	}
	if len(p) == 0 {
		return 0, nil
	}
	rest := p
	if len(p) >= writeAtOnce && c.out.head == nil && !c.is(blocked) {
		n, ok := c.writeNow(p)
		if !ok {
			return 0, c.writeError()
		}
		if rest = p[n:]; len(rest) == 0 {
			return len(p), nil
		}
	}
	if err := c.room(len(rest)); err != nil {
		return len(p) - len(rest), err
	}
	c.out.copyIn(&c.l.blocks, rest)
	c.queued(len(rest))
	return len(p), nil
}

// queueShared is Write of bytes that will not change: they are not copied.
func (c *conn) queueShared(p []byte) error {
	if c.state&(doomed|endWrite|writeEnded|writeFailed|connecting) != 0 {
		return c.writeError()
	}
	if len(p) == 0 {
		return nil
	}
	if err := c.room(len(p)); err != nil {
		return err
	}
	c.out.push(c.l.blocks.wrap(p))
	c.out.n += len(p)
	c.queued(len(p))
	return nil
}

// room refuses what would exceed the hard limit.
func (c *conn) room(n int) error {
	if c.limits.Max >= 0 && c.out.n+n > c.limits.Max {
		c.overflow()
		return twistor.ErrOverflow
	}
	return nil
}

// overflow ends a connection whose peer reads too slowly.
func (c *conn) overflow() {
	c.state |= aborted
	c.doom(twistor.ErrOverflow)
}

// queued keeps the marks after n bytes were queued.
func (c *conn) queued(n int) {
	l := c.l
	if c.limits.High >= 0 && c.out.n > c.limits.High {
		c.state |= full
	}
	l.buffered += n
	if l.buffered > l.maxBuffered {
		l.shed()
	}
	if c.is(blocked) {
		return
	}
	if c.out.n >= flushAtOnce {
		c.flush()
		return
	}
	c.soil()
}

// soil notes that c has output to be flushed.
func (c *conn) soil() {
	if !c.is(dirty) {
		c.state |= dirty
		c.l.later(c)
	}
}

// writeError is what Write answers when it takes nothing.
func (c *conn) writeError() error { return net.ErrClosed }

// writeNow writes p past the empty queue; ok is false when c is beyond it.
func (c *conn) writeNow(p []byte) (n int, ok bool) {
	n, err := c.l.poller.Write(c.h, p)
	if err == poll.ErrAgain {
		c.block()
		return 0, true
	}
	if err != nil {
		c.writeBroke(err)
		return 0, false
	}
	return n, true
}

// block waits for the system to take more.
func (c *conn) block() {
	c.state |= blocked
	c.wanted()
}

// writeBroke ends our direction, or all. What the peer had sent before it went
// away is still delivered first.
func (c *conn) writeBroke(err error) {
	err = c.opError("write", err)
	c.dropOutput(err)
	gone := errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
	if gone && c.h != 0 && !c.is(paused|readEnded|closing) {
		c.state = c.state&^blocked | writeFailed
		c.extra().reason = err
		c.wanted()
		return
	}
	c.doom(err)
}

// dropOutput lets go of what is queued; files hear of err.
func (c *conn) dropOutput(err error) {
	l := c.l
	l.buffered -= c.out.n
	for c.out.head != nil {
		b := c.out.pop()
		if f := b.file; f != nil {
			l.fileEnded(f, err)
		}
		l.blocks.put(b)
	}
	c.out.n = 0
}

// flush sends what is queued, as much as the system takes.
func (c *conn) flush() {
	c.state &^= dirty
	if c.is(blocked | doomed | connecting) {
		return
	}
	budget := flushBudget
	for c.out.head != nil {
		if budget <= 0 {
			c.block() // the rest in the next turn
			return
		}
		var n int
		var err error
		if f := c.out.head.file; f != nil {
			n, err = c.sendFile(f)
			if err == errWaiting {
				break
			}
		} else {
			n, err = c.writeBlocks()
		}
		if err == poll.ErrAgain {
			c.block()
			break
		}
		if err != nil {
			c.writeBroke(err)
			return
		}
		budget -= n
	}
	if c.is(full) && c.out.n <= c.limits.Low {
		c.state = c.state&^full | drained
		c.l.later(c)
	}
	if c.out.head == nil {
		if c.is(blocked) {
			c.state &^= blocked
		}
		if c.is(endWrite) && !c.is(writeEnded) {
			c.shutWrite()
		}
	}
	if !c.is(blocked) {
		c.wanted()
	}
}

// writeBlocks writes the queue up to the next file, once.
func (c *conn) writeBlocks() (int, error) {
	l := c.l
	head := c.out.head
	var n int
	var err error
	if c.x != nil && len(c.x.rights) > 0 && c.x.rights[0].b == head {
		n, err = c.writeRights()
	} else if head.next == nil || head.next.file != nil {
		n, err = l.poller.Write(c.h, head.b[head.r:head.w])
	} else {
		pieces := l.pieces[:0]
		for b := head; b != nil && b.file == nil && !c.hasRights(b) && len(pieces) < maxPieces; b = b.next {
			pieces = append(pieces, b.b[b.r:b.w])
		}
		n, err = l.poller.Writev(c.h, pieces)
		clear(pieces)
	}
	if err != nil {
		return 0, err
	}
	c.out.n -= n
	l.buffered -= n
	for left := n; left > 0; {
		b := c.out.head
		k := min(left, b.w-b.r)
		b.r += k
		left -= k
		if b.r == b.w {
			l.blocks.put(c.out.pop())
		}
	}
	return n, nil
}
