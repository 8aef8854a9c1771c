package netconn

import (
	"errors"
	"io"
	"net"
	"runtime/debug"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// later has settle called: when the running callback returns, or, asked from
// elsewhere, in the next turn.
func (w *wire) later() {
	if !w.calling && !w.soon && !w.dead {
		w.soon = true
		w.loop.CallLater(0, func() {
			w.soon = false
			w.settle()
		})
	}
}

// settle makes the events that are due, one after another, and then gives the
// goroutines what they can do.
func (w *wire) settle() {
	if w.calling {
		return
	}
	for {
		event := w.due()
		if event == nil {
			break
		}
		w.call(event)
	}
	if w.dead {
		return
	}
	// The inbox may be the reader's buffer: it is read again only when empty.
	// After Close what comes is dropped, so that the end is heard.
	if !w.reading && w.readErr == nil && len(w.inbox) == 0 && w.shake == nil && (!w.paused || w.closed) {
		w.reading = true
		w.pump.reads <- w.conn
	}
	if !w.working && len(w.queue) > 0 {
		if j := w.job(&w.queue[0]); j != nil {
			w.working = true
			w.pump.jobs <- j
		}
	}
}

// due is the event that comes first; nil: none.
func (w *wire) due() func() {
	switch {
	case w.dead:
		return nil
	case w.next != nil:
		return w.change
	case w.failure != nil:
		return func() { w.disconnect(w.failure) }
	case w.closed && w.ended && (w.readErr != nil || !w.canEndAlone()):
		return func() { w.disconnect(w.closeReason()) }
	case w.closed:
		return nil
	case w.tell:
		return w.tellSecured
	case w.full && w.buffered <= max(w.limits.Low, 0):
		return w.drained
	case w.paused || w.shake != nil:
		return nil
	case len(w.inbox) > 0:
		return w.deliver
	case w.readErr == nil:
		return nil
	case w.readErr != io.EOF:
		return func() { w.disconnect(w.readErr) }
	case !w.told:
		return w.readClosed
	case w.ended:
		return func() { w.disconnect(io.EOF) }
	}
	return nil
}

// call makes one callback. A panic of the Protocol ends its connection.
func (w *wire) call(event func()) {
	w.calling = true
	defer func() {
		w.calling = false
		if r := recover(); r != nil {
			failure := &deferred.PanicError{Value: r, Stack: debug.Stack()}
			w.loop.Report(failure)
			w.fail(failure)
		}
	}()
	event()
}

func (w *wire) change() {
	c := w.next
	w.next = nil
	w.protocol = c.protocol
	if len(c.unread) > 0 {
		w.inbox = append(c.unread, w.inbox...)
	}
	w.told = false
	c.protocol.Connected()
}

func (w *wire) tellSecured() {
	w.tell = false
	if s, ok := w.protocol.(twistor.Securer); ok {
		s.Secured()
	}
}

func (w *wire) drained() {
	w.full = false
	if d, ok := w.protocol.(twistor.Drainer); ok {
		d.Drained()
	}
}

func (w *wire) deliver() {
	p := w.inbox
	w.inbox = nil
	w.protocol.Received(p)
}

func (w *wire) readClosed() {
	w.told = true
	if h, ok := w.protocol.(twistor.HalfCloser); ok {
		h.ReadClosed()
		return
	}
	w.Close()
}

// closeReason is the peer's end, if our Close was but the answer to it.
func (w *wire) closeReason() error {
	if _, ok := w.protocol.(twistor.HalfCloser); w.told && !ok {
		return io.EOF
	}
	return net.ErrClosed
}

// disconnect ends everything, once. It is an event: the last.
func (w *wire) disconnect(err error) {
	w.dead = true
	w.linger.Stop()
	if w.shake != nil {
		w.shake.limit.Stop()
	}
	w.pump.end(w.conn, errors.Is(err, twistor.ErrAborted) || errors.Is(err, twistor.ErrOverflow))
	queue := w.queue
	w.inbox, w.queue, w.buffered = nil, nil, 0
	for _, q := range queue {
		if q.sent != nil {
			q.sent.Fail(net.ErrClosed)
		}
	}
	w.over.Succeed(struct{}{})
	w.protocol.Disconnected(err)
}

// received is what the reader has read.
func (w *wire) received(p []byte, err error) {
	w.reading = false
	if w.dead {
		return
	}
	switch {
	case w.shake != nil: // interrupted, perhaps with the first bytes of TLS
		w.shake.begun = append(w.shake.begun, p...)
		if err != nil && !interrupted(err) {
			w.readErr = err
			w.fail(unexpected(err))
		}
	default:
		if !w.closed {
			w.inbox = p
		}
		w.readErr = err
	}
	w.settle()
}

// unexpected is err as the end of something that was not over.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// did is what came of the writer's job, the first of the queue.
func (w *wire) did(n int64, err error) {
	if w.dead {
		return
	}
	w.working = false
	q := w.queue[0]
	w.queue[0] = piece{}
	w.queue = w.queue[1:]
	w.buffered -= len(q.p)
	switch {
	case q.tls:
		w.shaken(err)
	case q.end:
		w.ended = true // whether or not the peer could be told
	case q.sent != nil:
		if err != nil {
			q.sent.Fail(err)
		} else {
			q.sent.Succeed(n)
		}
	case err != nil:
		w.fail(err)
	}
	w.settle()
}

// shaken is what came of the handshake.
func (w *wire) shaken(err error) {
	s := w.shake
	w.shake = nil
	s.limit.Stop()
	if err != nil {
		w.fail(err)
		return
	}
	w.conn = s.conn
	state := s.conn.ConnectionState()
	w.secured, w.tell = &state, true
}

// canEndAlone reports whether the peer could be told that we send no more.
func (w *wire) canEndAlone() bool {
	_, ok := w.conn.(interface{ CloseWrite() error })
	return ok
}

// job is what the writer has to do for q; nil: it must wait.
func (w *wire) job(q *piece) job {
	c := w.conn
	switch {
	case q.tls:
		if w.reading {
			w.pump.interrupt()
			return nil
		}
		return w.pump.secure(w.shake.begun, w.shake.config, w.shake.server, &w.shake.conn)
	case q.end:
		return func() (int64, error) {
			if h, ok := c.(interface{ CloseWrite() error }); ok {
				return 0, h.CloseWrite()
			}
			return 0, nil
		}
	case q.file != nil:
		file := q.file
		return func() (int64, error) { return io.Copy(c, file) }
	}
	p := q.p
	return func() (int64, error) {
		n, err := c.Write(p)
		return int64(n), err
	}
}
