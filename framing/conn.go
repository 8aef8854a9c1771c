package framing

import (
	"crypto/tls"
	"io"
	"net"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// maxUnreadBytes is how much of its input a conversation may leave unread
// before the transport pauses; a longer line may be gathered all the same.
const maxUnreadBytes = 64 << 10

// A Conn is a conversation's transport: what twistor.Transport has, and reads
// that wait. Write, WriteLine and fmt.Fprintf queue and never wait; Flush waits
// for a slow peer. One coroutine reads at a time; two panic. Loop-only.
type Conn struct {
	twistor.Transport
	talk func(co *deferred.Co, c *Conn) error
	task *deferred.Signal

	split     splitter
	in        []byte           // came, and is not read
	wait      *deferred.Signal // of the reader
	paused    bool
	end       error // why nothing more will come
	failed    error // what the last read that failed said
	lost      error // Disconnected's
	dismissed bool
	switched  bool

	drained, secured *deferred.Signal
}

// SetMaxLineBytes limits lines; 0, as at the beginning: 16,384.
func (c *Conn) SetMaxLineBytes(n int) {
	c.split.setMax(n)
	c.split.scanned = 0
}

// SetDelimiter says what ends a line, as Lines.Delimiter does; "", as at the
// beginning: LF or CRLF.
func (c *Conn) SetDelimiter(d string) {
	c.split.delimiter, c.split.scanned = d, 0
}

// WriteLine writes line and the delimiter, CRLF unless SetDelimiter says
// otherwise. Its errors are ErrLineBreak, if line holds a line break, and
// Write's.
func (c *Conn) WriteLine(line string) error {
	if err := checkLine(line, c.split.delimiter); err != nil {
		return err
	}
	_, err := c.Write(append([]byte(line), c.split.end()...))
	return err
}

// Flush waits while the transport is Full, until it is Drained: who writes
// much calls it from time to time, so that a slow peer slows him down instead
// of ending in twistor.ErrOverflow. What is written leaves without it. Its
// error says why the connection was lost, or co cancelled.
func (c *Conn) Flush(co *deferred.Co) error {
	for c.lost == nil && c.Full() {
		if c.drained == nil {
			c.drained = deferred.New[struct{}](co.Loop())
		}
		if _, err := c.drained.Shield().Await(co); err != nil && c.lost == nil {
			return err
		}
	}
	return c.lost
}

// Secure begins TLS and waits for the end of the handshake. It is refused with
// a *ProtocolError if the peer has sent more than was read: see
// LineTransport.StartTLS.
func (c *Conn) Secure(co *deferred.Co, config *tls.Config, as twistor.Role) error {
	if err := c.StartTLS(config, as, nil); err != nil {
		return err
	}
	c.secured = deferred.New[struct{}](co.Loop())
	if _, err := c.secured.Await(co); err != nil {
		if c.lost != nil {
			return c.lost
		}
		return err
	}
	return nil
}

// StartTLS is Secure that does not wait.
func (c *Conn) StartTLS(config *tls.Config, as twistor.Role, unread []byte) error {
	if len(c.in) > 0 {
		return &ProtocolError{"nothing before the TLS handshake", "bytes in clear"}
	}
	return c.Transport.StartTLS(config, as, unread)
}

// Close flushes and closes; reads fail with net.ErrClosed.
func (c *Conn) Close() error {
	c.stop(net.ErrClosed)
	return c.Transport.Close()
}

// Abort drops what is queued and resets; reads fail with twistor.ErrAborted.
func (c *Conn) Abort() {
	c.stop(twistor.ErrAborted)
	c.Transport.Abort()
}

// Switch hands the connection, with unread and what was not read, to p. The
// conversation is over: reads fail with net.ErrClosed, and its end closes
// nothing.
func (c *Conn) Switch(p twistor.Protocol, unread []byte) {
	rest := slices.Concat(unread, c.in)
	c.switched = true
	c.stop(net.ErrClosed)
	if c.paused {
		c.paused = false
		c.Transport.Resume()
	}
	c.Transport.Switch(p, rest)
}

// Unwrap is for twistor.As.
func (c *Conn) Unwrap() twistor.Transport { return c.Transport }

// stop ends reading.
func (c *Conn) stop(why error) {
	c.in = nil
	if c.end == nil || c.end == io.EOF {
		c.end = why
	}
	c.wake()
}

func (c *Conn) wake() {
	if c.wait != nil {
		c.wait.Succeed(struct{}{})
	}
}

func (c *Conn) pause() {
	if !c.paused {
		c.paused = true
		c.Transport.Pause()
	}
}

func (c *Conn) resume() {
	if c.paused {
		c.paused = false
		c.Transport.Resume()
	}
}
