package sim

import (
	"syscall"
	"time"
)

// pump sends what the other end has room for, in segments, and the end.
func (c *conn) pump() {
	if c.peer == nil || c.dead || c.stalled {
		return
	}
	w := c.host.world
	for {
		n := min(len(c.out)-c.flying, c.window(), orDefault(w.Net.MSS, defaultMSS))
		if n <= 0 {
			break
		}
		if w.cut(c.host, c.peer.host) {
			c.stall()
			return
		}
		if chance(w.chance, w.Net.Cut) {
			n = 1 + w.chance.IntN(n)
		}
		c.flying += n
		w.after(c.arrival(n), func() { c.arrive(n) })
	}
	switch {
	case len(c.out) > c.flying:
		c.watchProgress() // the window is closed
	case c.ended && !c.endSent:
		if w.cut(c.host, c.peer.host) {
			c.stall()
			return
		}
		c.endSent = true
		w.after(c.arrival(0), c.arriveEnd)
	}
}

// window is how many bytes more the other end has room for.
func (c *conn) window() int {
	if c.peer.shut {
		return len(c.out) // it will answer with a reset
	}
	return orDefault(c.host.world.Net.ReceiveBuffer, defaultBuffer) - len(c.peer.in) - c.flying
}

// arrival is how long a segment of n bytes sent now takes: none overtakes the
// one before.
func (c *conn) arrival(n int) time.Duration {
	w := c.host.world
	at := w.mono
	if c.host != c.peer.host && c.tcp() {
		at += int64(w.travel(c.host, c.peer.host))
	}
	if w.Net.Bandwidth > 0 && c.tcp() {
		at = max(at, c.arrives) + int64(n)*int64(time.Second)/w.Net.Bandwidth
	}
	c.arrives = max(at, c.arrives)
	return time.Duration(c.arrives - w.mono)
}

// arrive moves n bytes to the other end.
func (c *conn) arrive(n int) {
	w, to := c.host.world, c.peer
	switch {
	case len(c.out) < n:
		return // dropped meanwhile
	case w.cut(c.host, to.host):
		c.flying -= n
		c.stall()
		return
	case to.dead:
		c.flying -= n
		to.refuse()
		return
	}
	p := c.out[:n]
	w.record(to.host, kindBytes, to.id, p)
	c.carried += int64(n)
	c.progress = w.mono
	switch {
	case to.shut:
		c.flying -= n
		to.sendReset() // nobody reads any more
		return
	case chance(w.chance, w.Net.Reset) && c.tcp(), w.Net.ResetAfter > 0 && c.carried > w.Net.ResetAfter && c.tcp():
		c.breakBoth()
		return
	}
	to.in = append(to.in, p...)
	c.out, c.flying = c.out[n:], c.flying-n
	to.changed()
	c.changed()
	c.pump()
}

// arriveEnd tells the other end that no more will come.
func (c *conn) arriveEnd() {
	w, to := c.host.world, c.peer
	switch {
	case c.dead:
		return
	case c.flying > 0: // shuffled with the last bytes, which come first, and pump
		c.endSent = false
		return
	case w.cut(c.host, to.host):
		c.endSent = false
		c.stall()
		return
	case to.dead:
		to.refuse()
		return
	}
	w.record(to.host, kindEnd, to.id, nil)
	to.atEnd = true
	to.changed()
	c.changed()
}

// breakBoth is a reset by something between the two ends.
func (c *conn) breakBoth() {
	for _, end := range []*conn{c, c.peer} {
		end.host.world.record(end.host, kindReset, end.id, nil)
		end.broken()
	}
}

// stall waits for a Heal, but not for ever.
func (c *conn) stall() {
	c.stalled = true
	c.host.world.stalled = append(c.host.world.stalled, c)
	c.watchProgress()
}

// retransmit lets stalled connections go on, in the order in which they
// stalled.
func (w *World) retransmit() {
	waiting := w.stalled
	w.stalled = nil
	for _, c := range waiting {
		if c.stalled {
			c.stalled = false
			c.pump()
		}
	}
}

// watchProgress ends the connection if nothing of what waits arrives for
// userTimeout: also when the other end reads nothing, as Linux does.
func (c *conn) watchProgress() {
	w := c.host.world
	if c.timing || !c.impatient {
		return
	}
	c.timing = true
	w.inBackground(c.progress+int64(userTimeout), func() {
		c.timing = false
		waits := len(c.out) > 0 || c.ended && !c.endSent
		switch {
		case c.dead || !waits:
		case w.mono-c.progress >= int64(userTimeout):
			c.expire()
		default:
			c.watchProgress()
		}
	})
}

// expire gives the connection up; the other end is not told.
func (c *conn) expire() {
	c.host.world.record(c.host, kindTimeout, c.id, nil)
	c.die(syscall.ETIMEDOUT)
}

// silence begins the keep-alive of the connections that a path carried.
func (w *World) silence(from, to *Host) {
	for _, h := range []*Host{from, to} {
		for _, c := range h.conns {
			if c.peer != nil && (c.peer.host == from || c.peer.host == to) && c.host != c.peer.host {
				c.probe()
			}
		}
	}
}

// probe is the keep-alive of a connection whose peer may be gone: if it is idle
// and the path stays silent, it ends; if the path is open and the peer does not
// know it, too. While both are there probes are always answered, so that they
// need not be played.
func (c *conn) probe() {
	w := c.host.world
	if c.keepAlive <= 0 || c.probing || c.dead || c.shut || !c.tcp() {
		return
	}
	c.probing = true
	w.inBackground(w.mono+int64(c.keepAlive), func() {
		c.probing = false
		switch {
		case c.dead || c.shut:
		case w.cut(c.host, c.peer.host):
			c.expire()
		case c.peer.dead:
			c.peer.refuse()
		}
	})
}
