package reactor

import (
	"io"
	"net"
	"net/netip"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
)

// The state of a connection.
const (
	connecting  = 1 << iota // a dial has not ended
	live                    // Connected was called, Disconnected is owed
	paused                  // Pause
	closing                 // Close: flush, linger, end
	endWrite                // CloseWrite, or closing: our direction ends when flushed
	writeEnded              // it has ended
	writeFailed             // the peer takes no more; read what it sent before
	readEnded               // the peer's direction has ended
	dirty                   // there is output that flush has not seen
	blocked                 // the system takes no more: Out is wanted
	full                    // above Limits.High; Drained is owed
	drained                 // Drained is due
	switching               // Switch was called
	doomed                  // Disconnected is due, or done
	bulk                    // reads come back full: read more at once
	files                   // the Protocol receives files
	dialed                  // by us, not accepted
	local                   // a UNIX socket
	aborted                 // ends with a reset
)

// A conn is one stream connection and its Transport. An idle one owns nothing
// but this struct, so its size is what a waiting client costs.
type conn struct {
	l      *loop
	p      twistor.Protocol
	h      poll.Handle // 0: not in the Poller
	port   *port       // that accepted it; nil: dialed or adopted
	out    queue
	limits *twistor.Limits // resolved; shared until SetLimits
	remote netip.AddrPort
	x      *extra // what few connections need
	state  uint32
	want   poll.Ready
}

// An extra is what only some connections have, and only for a time.
type extra struct {
	over     twistor.Transport // TLS since StartTLS: the Transport that counts
	next     twistor.Protocol  // Switch
	bare     bool              // next hears Received only, not Connected
	unread   []byte            // its first bytes
	held     []byte            // bytes that a Pause holds back
	linger   deferred.Timer
	fileSent int64 // bytes of files that went out
	dial     *attempt
	reason   error // why writing failed, or io.EOF when the peer's end makes us Close
	local    poll.Addr
	path     string // of a remote UNIX socket
	rights   []rights
	hasLocal bool
}

// bare is a connection without regard to TLS above it: what TLS writes to.
type bare struct{ *conn }

var (
	_ twistor.Transport  = (*conn)(nil)
	_ twistor.Transport  = bare{}
	_ twistor.Tuner      = (*conn)(nil)
	_ twistor.FileSender = (*conn)(nil)
	_ twistor.Sharer     = (*conn)(nil)
)

func (c *conn) is(s uint32) bool { return c.state&s != 0 }

func (c *conn) extra() *extra {
	if c.x == nil {
		c.x = new(extra)
	}
	return c.x
}

// ready serves an event of the Poller.
func (c *conn) ready(r poll.Ready) {
	if c.is(doomed) {
		return
	}
	if c.is(connecting) {
		c.dialReady()
		return
	}
	if r&(poll.In|poll.Hup) != 0 {
		switch {
		case c.is(readEnded):
			if r&poll.Hup != 0 {
				c.hangUp()
			}
		case c.is(paused) && !c.is(closing):
			// What came before the peer hung up is read after Resume; the
			// Poller is quiet until then.
		default:
			c.read(r)
		}
	}
	if r&poll.Out != 0 && c.is(blocked) {
		c.state &^= blocked
		c.state |= dirty
	}
}

// read takes what has come, once: the next bytes wait for the next turn, so
// that no connection starves the others.
func (c *conn) read(r poll.Ready) {
	l := c.l
	buf := l.buffer(c.is(bulk))
	var n int
	var err error
	if c.is(files) {
		n, err = c.readFiles(buf)
	} else {
		n, err = l.poller.Read(c.h, buf)
	}
	if err == nil {
		l.empty = 0
		switch {
		case n == len(buf):
			c.state |= bulk
		case n < smallRead:
			c.state &^= bulk
		}
		if !c.is(closing) {
			c.p.Received(buf[:n])
		}
		return
	}
	switch {
	case err == poll.ErrAgain:
		if c.is(writeFailed) && r&poll.Hup != 0 {
			c.doom(c.x.reason)
			return
		}
		l.emptyWakeup(c)
	case c.is(writeFailed):
		c.doom(c.x.reason)
	case err == io.EOF:
		c.readClosed()
	default:
		c.doom(c.opError("read", err))
	}
}

// readClosed serves the end of the peer's direction.
func (c *conn) readClosed() {
	c.state |= readEnded
	switch {
	case c.is(closing):
		if c.is(writeEnded) {
			c.doom(c.endReason())
		}
	case c.is(writeEnded):
		if p, ok := c.p.(twistor.HalfCloser); ok {
			p.ReadClosed()
		}
		c.doom(io.EOF)
		return
	default:
		if p, ok := c.p.(twistor.HalfCloser); ok {
			p.ReadClosed()
		} else {
			c.extra().reason = io.EOF
			c.close()
		}
	}
	c.wanted()
}

// hangUp serves an error or the end of both directions when nothing is left to
// be read.
func (c *conn) hangUp() {
	if c.is(writeFailed) {
		c.doom(c.x.reason)
		return
	}
	_, err := c.l.poller.Read(c.h, c.l.buffer(false)[:1])
	if err == nil || err == io.EOF || err == poll.ErrAgain {
		c.doom(c.endReason())
		return
	}
	c.doom(c.opError("read", err))
}

// wanted tells the Poller what c waits for.
func (c *conn) wanted() {
	if c.h == 0 || c.is(connecting|doomed) {
		return
	}
	var w poll.Ready
	if !c.is(readEnded) && (!c.is(paused) || c.is(closing)) {
		w |= poll.In
	}
	if c.is(blocked) {
		w |= poll.Out
	}
	if w != c.want {
		c.want = w
		if err := c.l.poller.Want(c.h, w); err != nil {
			c.doom(c.opError("poll", err))
		}
	}
}

// doom ends c at the end of the turn: Disconnected(err) and all.
func (c *conn) doom(err error) {
	if c.is(doomed) {
		return
	}
	c.state |= doomed
	c.l.doomed = append(c.l.doomed, ending{c, err})
}

// endReason is what a connection that ended in order is told.
func (c *conn) endReason() error {
	if c.x != nil && c.x.reason != nil {
		return c.x.reason
	}
	if c.is(closing | aborted) {
		return net.ErrClosed
	}
	return io.EOF
}

// release closes the socket and lets go of all that c holds. The addresses
// stay.
func (c *conn) release(err error) {
	l := c.l
	if !c.is(connecting) {
		c.localAddr()
	}
	l.unregister(c.h)
	l.poller.Close(c.h, c.is(aborted))
	c.h = 0
	c.dropOutput(err)
	if x := c.x; x != nil {
		x.linger.Stop()
		x.held, x.unread, x.next = nil, nil, nil
		closeRights(x.rights)
		x.rights = nil
	}
	if !c.is(connecting) {
		l.conns--
		l.load.Add(-1)
	}
	if c.port != nil {
		c.port.ended()
	}
}

func (c *conn) network() string {
	if c.is(local) {
		return "unix"
	}
	return "tcp"
}

// opError says where and with whom it happened, as package net does.
func (c *conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: c.network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
