package websocket

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// maxUnreadBytes is how much of its messages a conversation may leave unread
// before the connection pauses.
const maxUnreadBytes = 64 << 10

// Conversation is a Server.Build whose connections are served by talk:
// straight-line code, one coroutine for each connection, which waits where it
// reads.
//
// When talk returns nil the connection is closed with Normal; an *Error is the
// close frame that is sent; any other error is logged as a warning, unless it
// is how connections end, and the peer is told InternalError; a panic cuts the
// connection and is reported to the loop. When the connection is gone, whatever
// talk waits for is cancelled, and reads fail with the reason. When the service
// stops, reads say io.EOF after what has come by then, so that talk ends in
// order.
func Conversation(talk func(co *deferred.Co, c *Conn) error) func(*Conn, *web.Request) Protocol {
	if talk == nil {
		panic("websocket: Conversation of nil")
	}
	return func(c *Conn, _ *web.Request) Protocol { return newConversation(c, talk) }
}

// newConversation is a Protocol that keeps messages for c's Read; talk may be
// nil.
func newConversation(c *Conn, talk func(co *deferred.Co, c *Conn) error) *conversation {
	c.talk = &conversation{c: c, talk: talk}
	return c.talk
}

// A conversation keeps messages until they are read.
type conversation struct {
	c      *Conn
	talk   func(co *deferred.Co, c *Conn) error
	task   *deferred.Signal
	unread []Message
	bytes  int              // of unread
	wait   *deferred.Signal // of the reader
	dry    *deferred.Signal // of Flush
	held   bool             // c is paused, because too much is unread
	end    error            // why no more will come
	failed error            // what the last Read that failed said
	lost   bool             // Disconnected
}

func (v *conversation) Connected() {
	if v.talk == nil {
		return
	}
	c := v.c
	v.task = deferred.Inline(c.Loop(), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, v.talk(co, c)
	})
	v.task.Done(func(_ struct{}, err error) { v.finished(err) })
	if v.lost {
		v.task.Cancel() // it was gone before talk waited for the first time
	}
}

func (v *conversation) MessageReceived(kind Kind, p []byte) {
	if v.end != nil {
		return // dismissed: talk is to end
	}
	v.unread = append(v.unread, Message{kind, slices.Clone(p)})
	if v.bytes += len(p) + 64; v.bytes >= maxUnreadBytes && !v.held {
		v.held = true
		v.c.Pause()
	}
	v.wake()
}

func (v *conversation) Drained() {
	if d := v.dry; d != nil {
		v.dry = nil
		d.Succeed(struct{}{})
	}
}

// Dismissed lets talk end; without talk, the connection is closed.
func (v *conversation) Dismissed() {
	if v.talk == nil {
		v.c.CloseWith(GoingAway, "")
		return
	}
	v.stop(io.EOF)
}

func (v *conversation) Disconnected(err error) {
	v.lost = true
	if v.end == nil || v.end == io.EOF {
		v.end = err
	}
	v.wake()
	v.Drained()
	v.task.Cancel()
}

// stop says that no more will come, and why. What is unread can still be read
// if it was the peer who ended.
func (v *conversation) stop(why error) {
	if v.end == nil {
		v.end = why
	}
	if errors.Is(why, net.ErrClosed) {
		v.unread, v.bytes = nil, 0
	}
	v.wake()
}

func (v *conversation) wake() {
	if v.wait != nil {
		v.wait.Succeed(struct{}{})
	}
}

// finished hears how talk ended.
func (v *conversation) finished(err error) {
	c := v.c
	v.unread, v.bytes = nil, 0
	var told *Error
	var panicked *deferred.PanicError
	switch {
	case errors.As(err, &panicked), errors.Is(err, deferred.ErrGoexit):
		c.Abort()
		c.Loop().Report(err)
	case err == nil || v.ordinary(err):
		c.Close()
	case errors.As(err, &told) && told.Code.sendable():
		c.CloseWith(told.Code, told.Text)
	default:
		c.Loop().Log().Warn("websocket: conversation ended", "conn", c, "err", err)
		c.CloseWith(InternalError, "")
	}
}

// ordinary reports whether err is how connections end.
func (v *conversation) ordinary(err error) bool {
	return v.end != nil && errors.Is(err, v.end) || v.lost && errors.Is(err, context.Canceled) ||
		errors.Is(err, io.EOF) && !isError(err) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, deferred.ErrStopped)
}

func isError(err error) bool {
	var e *Error
	return errors.As(err, &e)
}

var _ twistor.Dismisser = (*conversation)(nil)
