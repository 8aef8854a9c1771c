package netconn

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A wire is the Transport of a served connection. Loop-only.
type wire struct {
	loop          twistor.Loop
	conn          net.Conn // to read and write: the given one, or TLS over it
	local, remote net.Addr
	pump          *pump
	protocol      twistor.Protocol
	limits        twistor.Limits
	over          *deferred.Signal // fires with Disconnected

	next    *change // Switch
	calling bool    // an event of ours is being handled
	soon    bool    // settle will be called
	failure error   // the connection is to end for it
	dead    bool    // Disconnected was called

	// What comes.
	inbox   []byte // read and not delivered; the reader's own buffer, or more
	readErr error  // what Read ended with: to be told after the inbox
	told    bool   // ReadClosed was called
	reading bool   // the reader reads
	paused  bool

	// What goes.
	queue    []piece
	buffered int  // bytes in queue, and with the writer
	working  bool // the writer has the first of queue
	full     bool // Drained is owed
	ending   bool // CloseWrite
	ended    bool // our direction is over
	closed   bool // Close
	linger   deferred.Timer

	// TLS.
	shake   *shake
	secured *tls.ConnectionState
	tell    bool // Secured is owed
}

var _ twistor.Transport = (*wire)(nil)

// A change is a Switch to come.
type change struct {
	protocol twistor.Protocol
	unread   []byte
}

// A piece is one thing to be sent: bytes, a file, the end of our direction, or
// what was in clear before TLS.
type piece struct {
	p    []byte
	file *io.SectionReader
	sent *deferred.Deferred[int64] // of file
	end  bool
	tls  bool
}

// A shake is StartTLS until it is done.
type shake struct {
	begun  []byte // came too early, and is TLS
	config *tls.Config
	server bool
	conn   *tls.Conn // the writer's, until it is done
	limit  deferred.Timer
}

// handshakeTimeout is absolute, as everywhere.
const handshakeTimeout = 10 * time.Second

// pieceBytes is how much small writes are gathered into one of c's.
const pieceBytes = 64 << 10

func (w *wire) gone() bool { return w.dead || w.failure != nil }

// Write implements twistor.Transport, and so do all that follow.
func (w *wire) Write(p []byte) (int, error) {
	if w.gone() || w.closed || w.ending {
		return 0, net.ErrClosed
	}
	if w.limits.Max >= 0 && w.buffered+len(p) > w.limits.Max {
		w.fail(twistor.ErrOverflow)
		return 0, twistor.ErrOverflow
	}
	if len(p) == 0 {
		return 0, nil
	}
	last := len(w.queue) - 1
	if fresh := last < 0 || last == 0 && w.working; !fresh && w.queue[last].p != nil && len(w.queue[last].p)+len(p) <= pieceBytes {
		w.queue[last].p = append(w.queue[last].p, p...)
	} else {
		w.queue = append(w.queue, piece{p: append([]byte(nil), p...)})
	}
	w.buffered += len(p)
	w.full = w.full || w.Full()
	w.later()
	return len(p), nil
}

func (w *wire) SendFile(s *io.SectionReader) *deferred.Deferred[int64] {
	sent := deferred.New[int64](w.loop)
	if w.gone() || w.closed || w.ending {
		sent.Fail(net.ErrClosed)
		return sent
	}
	w.queue = append(w.queue, piece{file: s, sent: sent})
	w.later()
	return sent
}

func (w *wire) Close() error {
	if w.gone() || w.closed {
		return nil
	}
	w.closed = true
	w.inbox = nil
	if w.limits.Linger >= 0 {
		w.linger = w.loop.CallLater(w.limits.Linger, func() {
			w.fail(net.ErrClosed)
			w.settle()
		})
	}
	w.endWrite()
	return nil
}

func (w *wire) CloseWrite() {
	if !w.gone() && !w.closed {
		w.endWrite()
	}
}

func (w *wire) endWrite() {
	if !w.ending {
		w.ending = true
		w.queue = append(w.queue, piece{end: true})
	}
	w.later()
}

func (w *wire) Abort() { w.fail(twistor.ErrAborted) }

// fail ends the connection, soon, because of err.
func (w *wire) fail(err error) {
	if !w.gone() {
		w.failure = err
		w.later()
	}
}

func (w *wire) Pause() { w.paused = true }

func (w *wire) Resume() {
	w.paused = false
	w.later()
}

func (w *wire) Full() bool    { return w.limits.High >= 0 && w.buffered > w.limits.High }
func (w *wire) Buffered() int { return w.buffered }

func (w *wire) SetLimits(l twistor.Limits) { w.limits = l.Resolved() }

func (w *wire) StartTLS(config *tls.Config, as twistor.Role, unread []byte) error {
	switch {
	case w.gone() || w.closed || w.ending:
		return net.ErrClosed
	case w.shake != nil || w.secured != nil:
		return errors.New("netconn: TLS is already started")
	case config == nil:
		return errors.New("netconn: want a tls.Config")
	}
	// What Pause has held back came after what was understood in clear: it can
	// only be TLS, and if it is not, the handshake fails.
	begun := append(append([]byte(nil), unread...), w.inbox...)
	w.inbox = nil
	w.shake = &shake{begun: begun, config: config, server: as != twistor.AsClient}
	w.shake.limit = w.loop.CallLater(handshakeTimeout, func() {
		w.fail(deferred.ErrTimeout)
		w.settle()
	})
	w.queue = append(w.queue, piece{tls: true})
	w.later()
	return nil
}

func (w *wire) TLS() *tls.ConnectionState { return w.secured }

func (w *wire) Switch(p twistor.Protocol, unread []byte) {
	if !w.gone() {
		w.next = &change{p, append([]byte(nil), unread...)}
		w.later()
	}
}

func (w *wire) LocalAddr() net.Addr  { return w.local }
func (w *wire) RemoteAddr() net.Addr { return w.remote }
func (w *wire) Loop() twistor.Loop   { return w.loop }

func (w *wire) LogValue() slog.Value {
	return slog.GroupValue(slog.String("proto", w.remote.Network()),
		slog.String("peer", w.remote.String()), slog.String("local", w.local.String()))
}
