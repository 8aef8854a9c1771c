package reactor

import (
	"crypto/tls"
	"fmt"
	"log/slog"

	"github.com/twistor-go/twistor"
)

// LogValue implements slog.LogValuer.
func (b bare) LogValue() slog.Value {
	c := b.conn
	return slog.GroupValue(
		slog.String("proto", fmt.Sprintf("%T", c.p)),
		slog.String("peer", c.RemoteAddr().String()),
		slog.String("local", c.LocalAddr().String()))
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
func (b bare) SetLimits(lim twistor.Limits) {
	lim = lim.Resolved()
	b.conn.limits = &lim
}

// defaultLimits are shared by all connections that never called SetLimits.
var defaultLimits = func() *twistor.Limits { l := twistor.Limits{}.Resolved(); return &l }()
