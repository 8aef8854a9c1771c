package sim

import (
	"crypto/tls"
	"errors"
	"io"
	"net"

	"github.com/twistor-go/twistor"
)

// wake has step called when the running callback returns.
func (t *Transport) wake() {
	if !t.awake && !t.over {
		t.awake = true
		t.clock.awake = append(t.clock.awake, t)
	}
}

// step makes the one event that is due first, and comes back for the next: a
// new protocol before its bytes, bytes before the end, the end once and last.
func (t *Transport) step() {
	if t.over {
		return
	}
	if f := t.due(); f != nil {
		t.wake()
		t.clock.call(f)
	}
}

// due is the event that is due first; nil: none.
func (t *Transport) due() func() {
	p := t.protocol
	switch {
	case t.next != nil:
		return t.change
	case t.aborted != nil:
		return func() { t.disconnect(t.aborted) }
	case len(t.files) > 0 && t.accepted-int64(t.buffered) >= t.files[0].end:
		return t.sent
	case t.closed && t.buffered == 0:
		return func() { t.disconnect(t.closeReason()) }
	case t.ended && t.writeClosed && t.buffered == 0:
		return func() { t.disconnect(io.EOF) } // both directions are over
	case t.tell:
		t.tell = false
		return func() {
			if s, ok := p.(twistor.Securer); ok {
				s.Secured()
			}
		}
	case t.armed && t.buffered <= max(t.limits.Low, 0) && !t.closed:
		t.armed = false
		return func() {
			if d, ok := p.(twistor.Drainer); ok {
				d.Drained()
			}
		}
	case t.protocol == nil || t.closed:
		return nil // bytes wait for a protocol
	case t.start != nil && t.end == io.EOF:
		return func() { t.disconnect(io.ErrUnexpectedEOF) }
	case t.start != nil && t.end == nil:
		return nil // bytes wait for the handshake
	case t.end != nil && t.end != io.EOF && (t.paused || len(t.inbox) == 0):
		return func() { t.disconnect(t.end) }
	case t.paused:
		return nil
	case len(t.inbox) > 0:
		return t.receive
	case t.end == io.EOF && !t.ended:
		t.ended = true
		return t.readClosed
	}
	return nil
}

// change makes the new protocol the protocol.
func (t *Transport) change() {
	c := t.next
	t.next = nil
	t.protocol = c.protocol
	if len(c.unread) > 0 {
		t.inbox = append([][]byte{c.unread}, t.inbox...)
	}
	t.ended = false // the new one has not heard of it
	c.protocol.Connected()
}

// receive delivers one part, and spoils it afterwards: who kept it will notice.
func (t *Transport) receive() {
	p := t.inbox[0]
	t.inbox = t.inbox[1:]
	defer func() {
		for i := range p {
			p[i] = 0xdb
		}
	}()
	t.protocol.Received(p)
}

func (t *Transport) readClosed() {
	if h, ok := t.protocol.(twistor.HalfCloser); ok {
		h.ReadClosed()
		return
	}
	t.Close()
}

// closeReason is why a closed connection ended: the peer, if the close is the
// default answer to its end.
func (t *Transport) closeReason() error {
	if _, ok := t.protocol.(twistor.HalfCloser); t.ended && !ok {
		return io.EOF
	}
	return net.ErrClosed
}

// sent fires the Deferred of the first file.
func (t *Transport) sent() {
	f := t.files[0]
	t.files = t.files[1:]
	if f.err != nil {
		f.done.Fail(f.err)
	} else {
		f.done.Succeed(f.size)
	}
}

// disconnect ends everything, once.
func (t *Transport) disconnect(err error) {
	t.over, t.err = true, err
	t.inbox, t.buffered = nil, 0
	t.linger.Stop()
	if t.out != nil {
		t.out.over()
	}
	for _, f := range t.files {
		f.done.Fail(err)
	}
	t.files = nil
	if t.protocol != nil {
		t.protocol.Disconnected(err)
	}
}

// A TLSRequest is what a protocol asked StartTLS for.
type TLSRequest struct {
	Config *tls.Config
	Role   twistor.Role
	Unread []byte
}

// StartTLS records the request; nothing more is received until the test calls
// Secure, or FailTLS, or, in a Pipe, the other side has asked too.
func (t *Transport) StartTLS(config *tls.Config, as twistor.Role, unread []byte) error {
	switch {
	case t.over || t.closed || t.aborted != nil:
		return net.ErrClosed
	case t.start != nil || t.secured != nil:
		return errors.New("sim: StartTLS twice")
	case config == nil:
		return errors.New("sim: StartTLS without a *tls.Config")
	}
	t.start = &TLSRequest{config, as, append([]byte(nil), unread...)}
	if t.out != nil {
		t.out.clear = len(t.out.bytes)
	}
	return nil
}

func (t *Transport) TLS() *tls.ConnectionState { return t.secured }

// TLSRequest is the request of a StartTLS that is not answered yet; nil: none.
func (t *Transport) TLSRequest() *TLSRequest { return t.start }

// Secure ends a handshake well: state becomes TLS(), and Secured follows.
// Without a StartTLS before it, it makes the connection one that was secure
// from the first byte: call it before Build.
func (t *Transport) Secure(state tls.ConnectionState) {
	state.HandshakeComplete = true
	if t.start != nil {
		t.start, t.tell = nil, true
	}
	t.secured = &state
	t.wake()
	t.clock.rest(false)
}

// FailTLS ends a handshake with err, and the connection too.
func (t *Transport) FailTLS(err error) {
	t.start = nil
	t.abort(err)
	t.clock.rest(false)
}
