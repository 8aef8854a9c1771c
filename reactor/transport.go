package reactor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
)

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

// StartTLS implements twistor.Transport.
func (c *conn) StartTLS(config *tls.Config, as twistor.Role, unread []byte) error {
	if c.x != nil && c.x.over != nil {
		return c.x.over.StartTLS(config, as, unread)
	}
	return c.startTLS(config, as, unread)
}
