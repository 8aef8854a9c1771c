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
// such as a WebSocket (https://www.rfc-editor.org/rfc/rfc8441), on both sides.
// What waits on it is bounded by the limits of the connection, which SetLimits
// can only raise; the peer is held back by the window of the stream.
type h2tunnel struct {
	out      *h2out
	conn     twistor.Transport // of the stream
	report   func(error)       // hears of a panic
	ended    func()            // the stream counts no more
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

// newH2tunnel gives the stream of out, which is one of conn, to the protocol
// that f builds; nil: f refuses, and the stream is its owner's as before.
func newH2tunnel(out *h2out, conn twistor.Transport, f twistor.Factory, report func(error), ended func()) *h2tunnel {
	t := &h2tunnel{out: out, conn: conn, report: report, ended: ended}
	if t.protocol = f.Build(t); t.protocol == nil {
		t.closing, t.finished, t.over = true, true, true
		return nil
	}
	out.owner = t
	conn.Loop().CallLater(0, t.start)
	return t
}

// start tells the protocol that it is connected, once.
func (t *h2tunnel) start() {
	if !t.started {
		t.started = true
		t.event(func() { t.protocol.Connected() })
	}
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
			t.report(err)
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
		t.ended()
		t.contained(func() { t.protocol.Disconnected(t.fate) })
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
	if t.out.stream != nil && n > 0 {
		t.out.h2.Consume(t.out.stream, n)
	}
}

// lost hears that the stream is over: of the protocol, which was told first
// that there is one, it is the end.
func (t *h2tunnel) lost(err error) {
	t.start()
	if t.fate == nil {
		if errors.As(err, new(h2.Cause)) {
			err = fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
		}
		t.fate = err
	}
	t.closing, t.finished = true, true
	t.out.loseFiles()
	t.settle()
}

// end makes err the fate, when the event has returned.
func (t *h2tunnel) end(err error) {
	if t.fate == nil {
		t.fate = err
		t.Loop().CallLater(0, t.settle)
	}
}

// hangUp ends our direction, and the stream when what waits has left.
func (t *h2tunnel) hangUp() {
	t.CloseWrite()
	if len(t.out.files) == 0 {
		t.out.release()
	}
}

// filesEnded lets go of the stream when a file was the last of it.
func (t *h2tunnel) filesEnded() {
	if t.closing {
		t.out.release()
	}
}

// relieved hears that more may be sent.
func (t *h2tunnel) relieved() {
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
	if err := t.out.send(p, false); err != nil {
		if errors.Is(err, twistor.ErrOverflow) {
			t.cut(twistor.ErrOverflow)
			return 0, twistor.ErrOverflow
		}
		t.finished = true
		return 0, net.ErrClosed
	}
	return len(p), nil
}

// WriteShared implements twistor.Sharer.
func (t *h2tunnel) WriteShared(p []byte) error {
	if t.finished || t.closing {
		return net.ErrClosed
	}
	if t.out.send(p, true) != nil {
		return net.ErrClosed
	}
	return nil
}

func (t *h2tunnel) SendFile(s *io.SectionReader) *deferred.Deferred[int64] {
	if t.finished || t.closing {
		return deferred.Failed[int64](t.Loop(), net.ErrClosed)
	}
	return t.out.file(s)
}

func (t *h2tunnel) CloseWrite() {
	if !t.finished {
		t.finished = true
		t.out.finish(nil)
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
	if t.out.stream != nil {
		t.out.h2.Reset(t.out.stream, h2.Cancel)
	}
	t.out.loseFiles()
	t.end(why)
}

func (t *h2tunnel) Pause() { t.paused = true }

func (t *h2tunnel) Resume() {
	if t.paused {
		t.paused = false
		if !t.inside && (len(t.held) > 0 || t.readOver) {
			t.Loop().CallLater(0, t.settle)
		}
	}
}

func (t *h2tunnel) Full() bool    { return t.out.full() }
func (t *h2tunnel) Buffered() int { return t.out.buffered(t.conn) }

// SetLimits takes Max alone, where it is more than the connection's own: a
// protocol that says how long its messages are can send one.
func (t *h2tunnel) SetLimits(l twistor.Limits) {
	if t.out.stream != nil {
		t.out.h2.Allow(t.out.stream, l.Resolved().Max)
	}
}

// StartTLS is refused: nobody speaks TLS within a stream.
func (t *h2tunnel) StartTLS(*tls.Config, twistor.Role, []byte) error {
	return fmt.Errorf("web: TLS within a stream of HTTP/2: %w", errors.ErrUnsupported)
}

func (t *h2tunnel) TLS() *tls.ConnectionState { return t.conn.TLS() }

func (t *h2tunnel) Switch(p twistor.Protocol, unread []byte) {
	t.next, t.unread = p, append([]byte(nil), unread...)
	if !t.inside {
		t.Loop().CallLater(0, t.settle)
	}
}

func (t *h2tunnel) LocalAddr() net.Addr  { return t.conn.LocalAddr() }
func (t *h2tunnel) RemoteAddr() net.Addr { return t.conn.RemoteAddr() }
func (t *h2tunnel) Loop() twistor.Loop   { return t.conn.Loop() }
func (t *h2tunnel) LogValue() slog.Value { return t.conn.LogValue() }

var _ twistor.Transport = (*h2tunnel)(nil)
