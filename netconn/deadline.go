package netconn

import (
	"net"
	"sync"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// A deadline is a time after which one direction of a Conn fails. The Conn's
// mu guards it, but for the timer, which is the loop's.
type deadline struct {
	wake    *sync.Cond // those who wait for it
	at      time.Time  // zero: none
	passed  bool
	changed bool // the loop has not seen at
	timer   deferred.Timer
	armed   bool // timer is one
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, &c.readLimit, &c.sendLimit) }

// SetReadDeadline makes Read fail from t on; zero: never. The loop's clock
// counts, which is read once a turn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, &c.readLimit) }

// SetWriteDeadline makes Write fail from t on; zero: never.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.sendLimit) }

func (c *Conn) setDeadlines(t time.Time, ds ...*deadline) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return c.opError("set", net.ErrClosed)
	}
	ask := false
	for _, d := range ds {
		d.at = t
		// What is past by the last turn's clock is past; of what is not, the
		// loop will say.
		d.passed = !t.IsZero() && !t.After(c.now)
		// A timer that is armed for an earlier time finds that out itself.
		d.changed = !t.IsZero() && !d.passed
		ask = ask || d.changed
		d.wake.Broadcast()
	}
	c.request(ask)
	return nil
}

// arm sets the timer of a deadline that changed. On the loop, with mu.
func (c *Conn) arm(d *deadline) {
	if !d.changed {
		return
	}
	d.changed = false
	after := d.at.Sub(c.now)
	switch {
	case after <= 0:
		d.passed = true
		d.wake.Broadcast()
	case d.armed:
		d.timer.Reset(after)
	default:
		d.timer = c.loop.CallLater(after, func() { c.expire(d) })
		d.armed = true
	}
}

// expire is the timer's call. at may have moved since it was armed.
func (c *Conn) expire(d *deadline) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.loop.Now()
	switch {
	case d.at.IsZero() || d.passed:
	case d.at.After(c.now):
		d.timer.Reset(d.at.Sub(c.now))
	default:
		d.passed = true
		d.wake.Broadcast()
	}
}
