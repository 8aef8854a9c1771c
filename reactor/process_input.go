package reactor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

// An input is a pipe that we write: a connection whose other direction has
// ended before it began.
type input struct {
	*conn
	x  *process
	fd int
}

func newInput(x *process, fd int, h poll.Handle) *input {
	l := x.l
	c := &conn{l: l, h: h, limits: defaultLimits, state: local | dialed | live | readEnded}
	c.extra().path = x.addr(fd)
	in := &input{c, x, fd}
	c.p = &inputEvents{in: in}
	l.register(h, c)
	l.established(c)
	c.want = poll.In
	c.wanted()
	return in
}

// LocalAddr is that of the pipe: it has no other.
func (in *input) LocalAddr() net.Addr { return pipeAddr(in.x.addr(in.fd)) }

// RemoteAddr names the child.
func (in *input) RemoteAddr() net.Addr { return pipeAddr(in.x.addr(in.fd)) }

// WriteFiles refuses: descriptors go over sockets only.
func (in *input) WriteFiles([]byte, ...*os.File) error {
	return fmt.Errorf("reactor: a pipe carries no files: %w", errors.ErrUnsupported)
}

// StartTLS refuses: nothing comes back over a pipe.
func (in *input) StartTLS(*tls.Config, twistor.Role, []byte) error {
	return fmt.Errorf("reactor: TLS over a pipe of one direction: %w", errors.ErrUnsupported)
}

// Switch implements twistor.Transport. The new Protocol hears all but Received
// and ReadClosed; the process goes on counting its pipes.
func (in *input) Switch(p twistor.Protocol, unread []byte) {
	in.conn.Switch(&inputEvents{in, p}, unread)
}

// inputEvents is the Protocol of an input, and passes on what it hears.
type inputEvents struct {
	in    *input
	above twistor.Protocol // nil: the ProcessProtocol
}

func (e *inputEvents) Connected() {
	if e.above != nil {
		e.above.Connected()
	}
}

func (e *inputEvents) Received(p []byte) {
	if e.above != nil {
		e.above.Received(p) // what Switch was given
	}
}

// Drained implements twistor.Drainer.
func (e *inputEvents) Drained() {
	hears := any(e.above)
	if e.above == nil {
		hears = e.in.x.p
	}
	if d, ok := hears.(twistor.Drainer); ok {
		d.Drained()
	}
}

// Disconnected says that the pipe is closed.
func (e *inputEvents) Disconnected(err error) {
	x := e.in.x
	if x.ended {
		return
	}
	x.closed()
	if e.above != nil {
		e.above.Disconnected(err)
	}
	if p, ok := x.p.(twistor.InputCloser); ok {
		if errors.Is(err, syscall.EPIPE) {
			err = io.EOF // as when nothing was being written
		}
		p.InputClosed(e.in.fd, err)
	}
}
