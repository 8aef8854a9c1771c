package sim

import (
	"io"
	"syscall"
	"time"

	"github.com/twistor-go/twistor/internal/poll"
)

// userTimeout is how long bytes may wait without progress before a connection
// of a loop is given up: https://www.rfc-editor.org/rfc/rfc5482
const userTimeout = 30 * time.Second

// A conn is one end of a TCP or UNIX stream connection. What is written waits
// in out until it has travelled; then it is in the other end's in.
type conn struct {
	watched
	peer *conn // nil until a dial has arrived

	// What we send.
	out       []byte // not yet arrived
	flying    int    // the first of out: under way
	arrives   int64  // when the last segment does: none overtakes another
	carried   int64  // bytes that arrived
	ended     bool   // no more will be written
	endSent   bool
	stalled   bool  // waits for a Heal
	progress  int64 // when something last arrived, or out became not empty
	timing    bool  // a check of progress is to come
	impatient bool  // has a user timeout: every connection of a loop
	keepAlive time.Duration
	probing   bool

	// What we receive.
	in    []byte
	atEnd bool // the peer ended

	dialed bool          // the dial is over
	err    syscall.Errno // pending
	dead   bool          // reset or timed out: nothing travels any more
	hear   func()        // of a Peer: something has come
}

func (w *World) newConn(h *Host, spec poll.Spec) *conn {
	w.ids++
	return &conn{watched: watched{id: w.ids, host: h, spec: spec}}
}

func (c *conn) tcp() bool {
	return c.local.Path == "" && c.remote.Path == "" && c.spec.Network != "unix"
}

// changed tells the poller or the Peer.
func (c *conn) changed() {
	c.watched.changed()
	if c.hear != nil {
		c.hear()
	}
}

// ready is as epoll has it: Out when half of what is used is free.
func (c *conn) ready() (r poll.Ready) {
	if !c.dialed {
		return 0
	}
	if len(c.in) > 0 || c.atEnd || c.err != 0 || c.dead {
		r |= poll.In
	}
	if c.room() >= max(1, len(c.out)/2) || c.err != 0 || c.dead || c.ended {
		r |= poll.Out
	}
	if c.err != 0 || c.dead || c.atEnd && c.ended {
		r |= poll.Hup
	}
	return r
}

// room is how many bytes may be written now.
func (c *conn) room() int {
	return max(0, orDefault(c.host.world.Net.SendBuffer, defaultBuffer)-len(c.out))
}

// take returns the pending error, once.
func (c *conn) take(call string) error {
	err := c.err
	c.err = 0
	if c.peer == nil {
		call = "connect"
	}
	return failedCall(call, err)
}

func (c *conn) read(p []byte) (int, error) {
	w := c.host.world
	switch {
	case len(p) == 0:
		return 0, nil
	case !c.dialed:
		return 0, poll.ErrAgain
	case c.poller != nil && chance(w.chance, w.Net.Again):
		c.watched.changed()
		return 0, poll.ErrAgain
	case len(c.in) > 0:
		n := min(len(p), len(c.in))
		if chance(w.chance, w.Net.ShortRead) {
			n = 1 + w.chance.IntN(n)
		}
		copy(p, c.in[:n])
		c.in = c.in[n:]
		if c.peer != nil {
			c.peer.pump() // the window is open again
		}
		return n, nil
	case c.err != 0:
		return 0, c.take("read")
	case c.atEnd || c.dead:
		return 0, io.EOF
	}
	return 0, poll.ErrAgain
}

func (c *conn) write(call string, bufs ...[]byte) (total int, err error) {
	w := c.host.world
	switch {
	case !c.dialed:
		return 0, poll.ErrAgain
	case c.err != 0:
		return 0, c.take(call)
	case c.dead || c.ended:
		return 0, failedCall(call, syscall.EPIPE)
	case c.poller != nil && chance(w.chance, w.Net.Again):
		c.watched.changed()
		return 0, poll.ErrAgain
	}
	room, size := c.room(), 0
	for _, p := range bufs {
		size += len(p)
	}
	if size == 0 {
		return 0, nil
	}
	if room == 0 {
		return 0, poll.ErrAgain
	}
	if n := min(room, size); chance(w.chance, w.Net.ShortWrite) {
		room = 1 + w.chance.IntN(n)
	}
	if len(c.out) == 0 {
		c.progress = w.mono
	}
	for _, p := range bufs {
		n := min(len(p), room-total)
		c.out = append(c.out, p[:n]...)
		total += n
	}
	c.pump()
	return total, nil
}

// closeWrite ends our direction after what was written.
func (c *conn) closeWrite() error {
	if !c.dialed || c.dead {
		return failedCall("shutdown", syscall.ENOTCONN)
	}
	c.ended = true
	c.pump()
	c.changed()
	return nil
}

// close is what the program does last. As on a real system, bytes received
// that nobody read make the end a reset.
func (c *conn) close(reset bool) {
	if c.shut {
		return
	}
	c.shut = true
	c.uncount()
	c.host.forget(c)
	if c.peer == nil || c.dead {
		c.dead = true
		return
	}
	if (reset || len(c.in) > 0 || !c.dialed) && c.tcp() {
		c.sendReset()
		return
	}
	c.in, c.ended = nil, true
	c.pump() // goes on without its program until all is sent
}

// sendReset drops what was not sent, and breaks the other end when what is
// under way has arrived.
func (c *conn) sendReset() {
	c.dead = true
	c.out = c.out[:c.flying]
	c.refuse()
}

// refuse answers the other end with a reset. If that is lost, the other end will
// hear of it when it probes.
func (c *conn) refuse() {
	w, to := c.host.world, c.peer
	w.after(c.arrival(0), func() {
		switch {
		case to.dead:
		case w.cut(c.host, to.host):
			to.probe()
		default:
			w.record(to.host, kindReset, to.id, nil)
			to.broken()
		}
	})
}

// broken is the arrival of a reset.
func (c *conn) broken() {
	if c.dead {
		return
	}
	err := syscall.ECONNRESET
	if c.atEnd {
		err = syscall.EPIPE
	}
	c.die(err)
}

// die ends a connection on this side: bytes that came stay readable before err.
func (c *conn) die(err syscall.Errno) {
	c.dead, c.dialed, c.err = true, true, err
	c.out, c.flying = nil, 0
	c.changed()
}
