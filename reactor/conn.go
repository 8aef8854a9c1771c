package reactor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

// Write implements twistor.Transport.
func (c *conn) Write(p []byte) (int, error) {
	if c.x != nil && c.x.over != nil {
		return c.x.over.Write(p)
	}
	return bare{c}.Write(p)
}

// SendFile implements twistor.Transport.
func (c *conn) SendFile(s *io.SectionReader) *deferred.Deferred[int64] {
	if c.x != nil && c.x.over != nil {
		return c.x.over.SendFile(s)
	}
	return bare{c}.SendFile(s)
}

// WriteShared implements twistor.Sharer.
func (c *conn) WriteShared(p []byte) error {
	if c.x != nil && c.x.over != nil {
		_, err := c.x.over.Write(p)
		return err
	}
	return c.queueShared(p)
}

// Close implements twistor.Transport.
func (c *conn) Close() error {
	if c.x != nil && c.x.over != nil {
		return c.x.over.Close()
	}
	c.close()
	return nil
}

// CloseWrite implements twistor.Transport.
func (c *conn) CloseWrite() {
	if c.x != nil && c.x.over != nil {
		c.x.over.CloseWrite()
		return
	}
	bare{c}.CloseWrite()
}

// Abort implements twistor.Transport.
func (c *conn) Abort() {
	if c.x != nil && c.x.over != nil {
		c.x.over.Abort()
		return
	}
	bare{c}.Abort()
}

// Pause implements twistor.Transport.
func (c *conn) Pause() {
	if c.x != nil && c.x.over != nil {
		c.x.over.Pause()
		return
	}
	bare{c}.Pause()
}

// Resume implements twistor.Transport.
func (c *conn) Resume() {
	if c.x != nil && c.x.over != nil {
		c.x.over.Resume()
		return
	}
	bare{c}.Resume()
}

// Full implements twistor.Transport.
func (c *conn) Full() bool {
	if c.x != nil && c.x.over != nil {
		return c.x.over.Full()
	}
	return c.out.n > c.limits.High && c.limits.High >= 0
}

// Buffered implements twistor.Transport.
func (c *conn) Buffered() int {
	if c.x != nil && c.x.over != nil {
		return c.x.over.Buffered()
	}
	return c.out.n
}

// SetLimits implements twistor.Transport.
func (c *conn) SetLimits(lim twistor.Limits) {
	if c.x != nil && c.x.over != nil {
		c.x.over.SetLimits(lim)
		return
	}
	bare{c}.SetLimits(lim)
}

// TLS implements twistor.Transport.
func (c *conn) TLS() *tls.ConnectionState {
	if c.x != nil && c.x.over != nil {
		return c.x.over.TLS()
	}
	return nil
}

// Switch implements twistor.Transport.
func (c *conn) Switch(p twistor.Protocol, unread []byte) {
	if c.x != nil && c.x.over != nil {
		c.x.over.Switch(p, unread)
		return
	}
	c.switchTo(p, unread, false)
}

// LocalAddr implements twistor.Transport.
func (c *conn) LocalAddr() net.Addr {
	a := c.localAddr()
	if c.is(local) {
		return &net.UnixAddr{Name: a.Path, Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(a.AddrPort)
}

func (c *conn) localAddr() poll.Addr {
	if c.x != nil && c.x.hasLocal {
		return c.x.local
	}
	if p := c.port; p != nil && p.fixed {
		return p.addr // not a wildcard: every connection's own
	}
	if c.h == 0 {
		return poll.Addr{}
	}
	a := c.l.poller.LocalAddr(c.h)
	c.extra().local, c.x.hasLocal = a, true
	return a
}

// RemoteAddr implements twistor.Transport.
func (c *conn) RemoteAddr() net.Addr {
	if c.is(local) {
		a := &net.UnixAddr{Net: "unix"}
		if c.x != nil {
			a.Name = c.x.path
		}
		return a
	}
	return net.TCPAddrFromAddrPort(c.remote)
}

// Loop implements twistor.Transport.
func (c *conn) Loop() twistor.Loop { return c.l }

// Dialed reports whether we dialed: who is the client of a TLS handshake.
func (c *conn) Dialed() bool { return c.is(dialed) }

// LogValue implements slog.LogValuer.
func (c *conn) LogValue() slog.Value {
	if c.x != nil && c.x.over != nil {
		return c.x.over.LogValue()
	}
	return bare{c}.LogValue()
}

// LogValue implements slog.LogValuer.
func (b bare) LogValue() slog.Value {
	c := b.conn
	return slog.GroupValue(
		slog.String("proto", fmt.Sprintf("%T", c.p)),
		slog.String("peer", c.RemoteAddr().String()),
		slog.String("local", c.LocalAddr().String()))
}

// SetNoDelay implements twistor.Tuner.
func (c *conn) SetNoDelay(on bool) error {
	if err := c.tunable(); err != nil {
		return err
	}
	return c.l.poller.SetNoDelay(c.h, on)
}

// SetKeepAlive implements twistor.Tuner.
func (c *conn) SetKeepAlive(k net.KeepAliveConfig) error {
	if err := c.tunable(); err != nil {
		return err
	}
	return c.l.poller.SetKeepAlive(c.h, k)
}

func (c *conn) tunable() error {
	switch {
	case c.h == 0:
		return net.ErrClosed
	case c.is(local):
		return fmt.Errorf("reactor: a UNIX socket has no such option: %w", errors.ErrUnsupported)
	}
	return nil
}

// Dialed, TLS and Switch of the bare connection are the ones of conn; what
// follows ignores TLS above.

// Close implements twistor.Transport.
func (b bare) Close() error { b.conn.close(); return nil }

// Full implements twistor.Transport.
func (b bare) Full() bool { return b.out.n > b.limits.High && b.limits.High >= 0 }

// Buffered implements twistor.Transport.
func (b bare) Buffered() int { return b.out.n }

// TLS implements twistor.Transport: there is none below.
func (b bare) TLS() *tls.ConnectionState { return nil }

// Switch implements twistor.Transport.
func (b bare) Switch(p twistor.Protocol, unread []byte) { b.conn.switchTo(p, unread, false) }

// WriteShared implements twistor.Sharer.
func (b bare) WriteShared(p []byte) error { return b.conn.queueShared(p) }

// Abort implements twistor.Transport.
func (b bare) Abort() {
	c := b.conn
	if c.is(doomed) {
		return
	}
	c.state |= aborted
	c.doom(twistor.ErrAborted)
}

// Pause implements twistor.Transport.
func (b bare) Pause() {
	if !b.is(paused | doomed) {
		b.conn.state |= paused
		b.wanted()
	}
}

// Resume implements twistor.Transport.
func (b bare) Resume() {
	c := b.conn
	if !c.is(paused) || c.is(doomed) {
		return
	}
	c.state &^= paused
	if c.x != nil && c.x.held != nil {
		c.l.later(c) // from a callback of its own
	}
	c.wanted()
}

// SetLimits implements twistor.Transport.
func (b bare) SetLimits(lim twistor.Limits) { b.conn.limits = resolveLimits(lim) }

var defaultLimits = resolveLimits(twistor.Limits{})

func resolveLimits(lim twistor.Limits) *twistor.Limits {
	if lim.High == 0 {
		lim.High = 64 << 10
	}
	if lim.Low == 0 {
		lim.Low = lim.High / 4
	}
	if lim.Max == 0 {
		lim.Max = 1 << 20
	}
	if lim.Linger == 0 {
		lim.Linger = defaultLinger
	}
	return &lim
}

// StartTLS implements twistor.Transport.
func (c *conn) StartTLS(config *tls.Config, as twistor.Role, unread []byte) error {
	if c.x != nil && c.x.over != nil {
		return c.x.over.StartTLS(config, as, unread)
	}
	return c.startTLS(config, as, unread)
}

// switchTo makes p the Protocol when the running callback returns.
func (c *conn) switchTo(p twistor.Protocol, unread []byte, quiet bool) {
	if p == nil {
		panic("reactor: Switch to a nil Protocol")
	}
	if c.is(doomed) {
		return
	}
	x := c.extra()
	x.next, x.bare = p, quiet
	x.unread = append([]byte(nil), unread...)
	c.state |= switching
	c.l.later(c)
}

// doSwitch is what Switch announced.
func (c *conn) doSwitch() {
	x := c.x
	c.state &^= switching
	c.p, x.next = x.next, nil
	unread := x.unread
	x.unread = nil
	c.receives()
	if len(unread) > 0 {
		x.held = append(unread, x.held...)
	}
	if !x.bare {
		c.p.Connected()
	}
}

// deliverHeld gives the bytes that waited for a Switch or a Resume.
func (c *conn) deliverHeld() {
	held := c.x.held
	c.x.held = nil
	if !c.is(closing) {
		c.p.Received(held)
	}
}

// receives looks up what c's Protocol can hear.
func (c *conn) receives() {
	c.state &^= files
	if c.is(local) && c.l.rights != nil {
		if _, ok := c.p.(twistor.FileReceiver); ok {
			c.state |= files
		}
	}
}
