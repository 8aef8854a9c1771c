package netconn

import (
	"io"
	"runtime"

	"github.com/twistor-go/twistor"
)

// events is the Protocol of a Conn: what the loop tells it. Loop-only.
type events struct {
	*Conn
	begin func(*Conn) // once Connected
}

var (
	_ twistor.Protocol   = (*events)(nil)
	_ twistor.HalfCloser = (*events)(nil)
	_ twistor.Drainer    = (*events)(nil)
)

func (e *events) Connected() { e.begin(e.Conn) }

// Received buffers p. The buffer is bounded: beyond a block the transport is
// paused until the reader has caught up.
func (e *events) Received(p []byte) {
	c := e.Conn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.loop.Now()
	if c.closed {
		return
	}
	if c.in == nil {
		c.in = takeBlock()
	}
	if c.read > 0 && len(c.in)+len(p) > cap(c.in) {
		c.in = c.in[:copy(c.in, c.in[c.read:])]
		c.read = 0
	}
	c.in = append(c.in, p...)
	if c.unread() >= blockBytes && !c.paused {
		c.paused = true
		c.t.Pause()
	}
	c.readable.Broadcast()
}

// ReadClosed leaves our direction open: Write goes on after io.EOF.
func (e *events) ReadClosed() {
	e.mu.Lock()
	e.eof = true
	e.readable.Broadcast()
	e.mu.Unlock()
}

func (e *events) Drained() { e.turn() }

func (e *events) Disconnected(err error) {
	c := e.Conn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	c.out = releaseBlock(c.out)
	c.readLimit.timer.Stop()
	c.sendLimit.timer.Stop()
	c.readable.Broadcast()
	c.writable.Broadcast()
}

// request unlocks mu and, if needed, has turn run on the loop: one Post for
// all that is asked until then.
func (c *Conn) request(needed bool) {
	needed = needed && !c.posted && c.err == nil
	c.posted = c.posted || needed
	c.mu.Unlock()
	if !needed {
		return
	}
	for !c.loop.Post(c.work) {
		// The queue is full, and this goroutine waits its turn; or the loop is
		// closed, and then it has said so to each of its connections.
		runtime.Gosched()
		c.mu.Lock()
		over := c.err != nil
		c.mu.Unlock()
		if over {
			return
		}
	}
}

// turn does on the loop what was requested: all of it, in the order that a
// connection's end needs.
func (c *Conn) turn() {
	c.mu.Lock()
	c.posted = false
	c.now = c.loop.Now()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.arm(&c.readLimit)
	c.arm(&c.sendLimit)
	resume := c.paused && (c.closed || c.unread() <= blockBytes/2)
	if resume {
		c.paused = false
	}
	c.full = c.t.Full()
	var out []byte
	if !c.full || c.closed || c.halfway { // at most one block above the limit, at the end
		out, c.out = c.out, nil
	}
	closed, aborted, halfway := c.closed, c.aborted, c.halfway
	c.mu.Unlock()

	if aborted {
		c.t.Abort()
		return
	}
	if len(out) > 0 {
		_, err := c.t.Write(out)
		releaseBlock(out)
		c.mu.Lock()
		if err != nil && c.err == nil && err != io.EOF {
			c.err = err
		}
		c.full = c.t.Full()
		c.mu.Unlock()
	}
	c.mu.Lock()
	if !c.full || c.err != nil {
		c.writable.Broadcast()
	}
	c.mu.Unlock()
	switch {
	case closed && !c.closing:
		c.closing = true
		c.t.Close()
	case halfway && !c.ending:
		c.ending = true
		c.t.CloseWrite()
	}
	if resume {
		c.t.Resume()
	}
}
