package endpoint

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/twistor-go/twistor"
)

// Pause holds what the child writes; it waits when its pipe is full.
func (c *pipes) Pause() { c.program.process.Pause(1) }

// Resume ends a Pause.
func (c *pipes) Resume() { c.program.process.Resume(1) }

// SetLimits implements twistor.Transport.
func (c *pipes) SetLimits(l twistor.Limits) {
	c.limits = l.Resolved()
	c.Transport.SetLimits(l)
}

// Close ends the child's input and drops its output; if it does not end within
// Limits.Linger, it is killed.
func (c *pipes) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	c.program.process.Resume(1) // what it still writes must not keep it waiting
	if c.limits.Linger >= 0 {
		c.linger = c.Loop().CallLater(c.limits.Linger, c.kill)
	}
	return c.Transport.Close()
}

// Abort kills the child.
func (c *pipes) Abort() { c.abort(twistor.ErrAborted) }

func (c *pipes) abort(why error) {
	if c.killed {
		return
	}
	c.closed = true
	c.program.why = why
	c.kill()
	c.Transport.Abort()
	c.linger.Stop()
	c.linger = c.Loop().CallLater(0, func() { c.program.end(why) })
}

func (c *pipes) kill() {
	c.killed = true
	c.program.process.Signal(os.Kill)
}

// StartTLS refuses.
func (c *pipes) StartTLS(*tls.Config, twistor.Role, []byte) error {
	return fmt.Errorf("endpoint: TLS over a child's pipes: %w", errors.ErrUnsupported)
}

// LogValue names the protocol above.
func (c *pipes) LogValue() slog.Value {
	return slog.GroupValue(slog.String("proto", fmt.Sprintf("%T", c.program.Above())),
		slog.String("peer", c.RemoteAddr().String()), slog.String("local", c.LocalAddr().String()))
}
