package web

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web/internal/h2"
)

// An h2tunnel is a stream of HTTP/2 as a Transport: what follows a CONNECT,
// such as a WebSocket (https://www.rfc-editor.org/rfc/rfc8441). What waits on
// it is bounded by the limits of the connection, not by SetLimits; the peer is
// held back by the window of the stream.
type h2tunnel struct {
	e        *h2exchange
	protocol twistor.Protocol
	held     []byte // came, and is not delivered
	next     twistor.Protocol
	unread   []byte // for next
	fate     error  // of Disconnected, when the event has returned
	started  bool
	inside   bool // an event is being delivered
	paused   bool
	closing  bool // nothing that comes counts any more
	finished bool // nothing more can be sent
	readOver bool // the peer sends no more
	told     bool // and the protocol knows
	over     bool
}

// newH2tunnel gives the stream of e to the protocol that f builds.
func newH2tunnel(e *h2exchange, f twistor.Factory) error {
	t := &h2tunnel{e: e}
	p := f.Build(t)
	if p == nil {
		t.closing, t.over = true, true
		e.tunnel = t
		t.hangUp()
		return twistor.ErrRefused
	}
	t.protocol, e.tunnel = p, t
	e.conn.t.Loop().CallLater(0, func() {
		t.started = true
		t.event(func() { t.protocol.Connected() })
	})
	return nil
}

// event calls the protocol, and does what it asked for afterwards. A panic ends
// the tunnel; the other streams of the connection go on.
func (t *h2tunnel) event(f func()) {
	if t.over {
		return
	}
	t.inside = true
	t.contained(f)
	t.inside = false
	t.settle()
}

func (t *h2tunnel) contained(f func()) {
	defer func() {
		if v := recover(); v != nil {
			err := panicked(v)
			t.e.x.report(err, 0)
			t.cut(err)
		}
	}()
	f()
}

// settle switches, delivers what was held, and ends.
func (t *h2tunnel) settle() {
	if t.over || t.inside || !t.started {
		return
	}
	if p := t.next; p != nil {
		unread := t.unread
		t.next, t.unread = nil, nil
		t.protocol = p
		t.held = append(unread, t.held...)
		t.event(func() { p.Connected() })
		return
	}
	switch {
	case t.fate != nil:
		t.over = true
		t.protocol.Disconnected(t.fate)
	case t.paused || t.closing:
	case len(t.held) > 0:
		p := t.held
		t.held = nil
		t.deliver(p)
	case t.readOver && !t.told:
		t.told = true
		if p, ok := t.protocol.(twistor.HalfCloser); ok {
			t.event(p.ReadClosed)
			return
		}
		t.Close()
	}
}

// received takes what has come.
func (t *h2tunnel) received(p []byte, end bool) {
	t.readOver = t.readOver || end
	switch {
	case t.closing || t.over:
		t.consumed(len(p))
	case !t.started || t.paused || t.inside || len(t.held) > 0:
		t.held = append(t.held, p...) // at most a window of it
	case len(p) > 0:
		t.deliver(p)
		return
	}
	t.settle()
}

func (t *h2tunnel) deliver(p []byte) {
	n := len(p)
	t.event(func() { t.protocol.Received(p) })
	t.consumed(n)
}

func (t *h2tunnel) consumed(n int) {
	if t.e.stream != nil && n > 0 {
		t.e.h2.Consume(t.e.stream, n)
	}
}

// lost hears that the stream is over.
func (t *h2tunnel) lost(err error) {
	if t.fate == nil {
		if errors.As(err, new(h2.Cause)) {
			err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
		}
		t.fate = err
	}
	t.closing, t.finished, t.started = true, true, true
	t.e.loseFiles()
	t.settle()
}

// end makes err the fate, when the event has returned.
func (t *h2tunnel) end(err error) {
	if t.fate == nil {
		t.fate = err
		t.e.conn.t.Loop().CallLater(0, func() { t.started = true; t.settle() })
	}
}

// hangUp ends our direction, and the stream when what waits has left.
func (t *h2tunnel) hangUp() {
	t.CloseWrite()
	if len(t.e.files) == 0 {
		t.e.release()
	}
}

func (t *h2tunnel) drained() {
	if p, ok := t.protocol.(twistor.Drainer); ok {
		t.event(p.Drained)
	}
}

func (t *h2tunnel) dismissed() {
	if p, ok := t.protocol.(twistor.Dismisser); ok {
		t.event(p.Dismissed)
		return
	}
	t.Close()
}

func (t *h2tunnel) Write(p []byte) (int, error) {
	if t.finished || t.closing {
		return 0, net.ErrClosed
	}
	if err := t.e.data(p); err != nil {
		t.finished = true
		if errors.Is(err, twistor.ErrOverflow) {
			t.end(twistor.ErrOverflow)
			return 0, twistor.ErrOverflow
		}
		return 0, net.ErrClosed
	}
	return len(p), nil
}

// WriteShared implements twistor.Sharer.
func (t *h2tunnel) WriteShared(p []byte) error {
	if t.finished || t.closing {
		return net.ErrClosed
	}
	if t.e.shared(p) != nil {
		return net.ErrClosed
	}
	return nil
}

func (t *h2tunnel) SendFile(s *io.SectionReader) *deferred.Deferred[int64] {
	if t.finished || t.closing {
		return deferred.Failed[int64](t.Loop(), net.ErrClosed)
	}
	return t.e.file(s)
}

func (t *h2tunnel) CloseWrite() {
	if !t.finished {
		t.finished = true
		t.e.end(nil)
	}
}

func (t *h2tunnel) Close() error {
	if !t.closing {
		t.closing = true
		t.hangUp()
		t.end(net.ErrClosed)
	}
	return nil
}

func (t *h2tunnel) Abort() { t.cut(twistor.ErrAborted) }

// cut resets the stream; why is the fate.
func (t *h2tunnel) cut(why error) {
	if t.over || t.fate != nil {
		return
	}
	t.closing, t.finished = true, true
	if t.e.stream != nil {
		t.e.h2.Reset(t.e.stream, h2.Cancel)
	}
	t.e.loseFiles()
	t.end(why)
}

func (t *h2tunnel) Pause() { t.paused = true }

func (t *h2tunnel) Resume() {
	if t.paused {
		t.paused = false
		if !t.inside && (len(t.held) > 0 || t.readOver) {
			t.e.conn.t.Loop().CallLater(0, t.settle)
		}
	}
}

func (t *h2tunnel) Full() bool               { return t.e.full() }
func (t *h2tunnel) Buffered() int            { return t.e.buffered() }
func (t *h2tunnel) SetLimits(twistor.Limits) {}

// StartTLS is refused: nobody speaks TLS within a stream.
func (t *h2tunnel) StartTLS(*tls.Config, twistor.Role, []byte) error {
	return fmt.Errorf("web: TLS within a stream of HTTP/2: %w", errors.ErrUnsupported)
}

func (t *h2tunnel) TLS() *tls.ConnectionState { return t.e.conn.t.TLS() }

func (t *h2tunnel) Switch(p twistor.Protocol, unread []byte) {
	t.next, t.unread = p, append([]byte(nil), unread...)
	if !t.inside {
		t.e.conn.t.Loop().CallLater(0, t.settle)
	}
}

func (t *h2tunnel) LocalAddr() net.Addr  { return t.e.conn.t.LocalAddr() }
func (t *h2tunnel) RemoteAddr() net.Addr { return t.e.conn.t.RemoteAddr() }
func (t *h2tunnel) Loop() twistor.Loop   { return t.e.conn.t.Loop() }
func (t *h2tunnel) LogValue() slog.Value { return t.e.conn.t.LogValue() }

var _ twistor.Transport = (*h2tunnel)(nil)
