package endpoint

import (
	"errors"
	"io"
	"net"
	"runtime/debug"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/policy"
)

// maxErrorBytes is how much is logged at once of what a child writes to its
// errors; the rest of that piece is dropped.
const maxErrorBytes = 4 << 10

// Spawned implements twistor.ProcessProtocol.
func (p *program) Spawned(process twistor.Process) {
	p.process = process
	p.pipes = &pipes{Transport: process.Input(0), program: p, limits: twistor.Limits{}.Resolved()}
}

// begin builds the Protocol; it reports whether there is one.
func (p *program) begin() bool {
	built := false
	p.guard(func() {
		if built = policy.Wrap(p, p.pipes, p.factory) != nil; built {
			p.Connected()
		}
	})
	if !built {
		p.over = true
		p.pipes.Close() // what Build wrote is still sent
	}
	return built
}

// guard calls the Protocol; a panic aborts the connection, and goes on to the
// loop.
func (p *program) guard(f func()) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		err, ok := v.(*deferred.PanicError)
		if !ok {
			err = &deferred.PanicError{Value: v, Stack: debug.Stack()}
		}
		if p.Above() == nil {
			p.over = true // of Build: nobody is there to hear
		}
		p.pipes.abort(err)
		panic(err)
	}()
	f()
}

// OutputReceived implements twistor.ProcessProtocol.
func (p *program) OutputReceived(fd int, b []byte) {
	switch {
	case fd == 2:
		p.Loop().Log().Warn("a child writes to its errors", "peer", p.RemoteAddr().String(), "text", string(b[:min(len(b), maxErrorBytes)]))
	case !p.over && !p.pipes.closed:
		p.guard(func() { p.Received(b) })
	}
}

// OutputClosed is the end of the peer's direction.
func (p *program) OutputClosed(fd int) {
	if fd == 1 && !p.over && !p.pipes.closed {
		p.guard(p.ReadClosed)
	}
}

// InputClosed implements twistor.InputCloser. That the child reads no more is no
// end of what it says; but who is beyond the limits is cut off.
func (p *program) InputClosed(_ int, err error) {
	if errors.Is(err, twistor.ErrOverflow) {
		p.pipes.abort(err)
	}
}

// Drained implements twistor.Drainer, for the ProcessProtocol and for the
// Protocol above.
func (p *program) Drained() {
	if !p.over && !p.pipes.closed {
		p.guard(p.Wrapper.Drained)
	}
}

// Exited implements twistor.ProcessProtocol.
func (p *program) Exited(error) {}

// Ended is the end of the connection: in order with status 0.
func (p *program) Ended(err error) {
	switch {
	case err == nil && p.pipes.closed, err != nil && p.pipes.killed:
		err = net.ErrClosed
	case err == nil:
		err = io.EOF
	}
	p.end(err)
}

func (p *program) end(err error) {
	p.pipes.linger.Stop()
	if p.why != nil {
		err = p.why
	}
	if !p.over {
		p.over = true
		p.Wrapper.Disconnected(err)
	}
}
