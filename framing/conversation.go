package framing

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Conversation is a factory whose protocol is talk: straight-line code, one
// coroutine for each connection, which waits where it reads.
//
// When talk returns, what it wrote is flushed and the connection closed. An
// error that is not just the end of the connection is logged once, as a
// warning; a panic aborts the connection and is reported to the loop. When the
// connection is gone, whatever talk waits for is cancelled, and reads fail
// with the reason. When the service stops, reads say io.EOF after what has
// come by then, so that talk ends in order; who never reads is cut off when
// the service's patience ends.
func Conversation(talk func(co *deferred.Co, c *Conn) error) twistor.Factory {
	if talk == nil {
		panic("framing: Conversation of nil")
	}
	return twistor.FactoryFunc(func(below twistor.Transport) twistor.Protocol {
		return &conversation{Conn{Transport: below, split: newSplitter("", 0), talk: talk}}
	})
}

// A conversation is the side of a Conn that the transport sees.
type conversation struct{ Conn }

func (v *conversation) Connected() {
	c := &v.Conn
	c.task = deferred.Inline(c.Loop(), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, c.talk(co, c)
	})
	c.task.Done(func(_ struct{}, err error) { c.finished(err) })
	if c.lost != nil {
		c.task.Cancel() // it was gone before talk waited for the first time
	}
}

func (v *conversation) Received(p []byte) {
	c := &v.Conn
	if c.end != nil || c.dismissed {
		return
	}
	c.in = append(c.in, p...)
	if len(c.in) >= max(maxUnreadBytes, c.split.max) {
		c.pause()
	}
	c.wake()
}

// ReadClosed ends reading only: the conversation may still answer.
func (v *conversation) ReadClosed() {
	if v.end == nil {
		v.end = io.EOF
	}
	v.wake()
}

func (v *conversation) Drained() {
	if d := v.drained; d != nil {
		v.drained = nil
		d.Succeed(struct{}{})
	}
}

func (v *conversation) Secured() {
	if d := v.secured; d != nil {
		v.secured = nil
		d.Succeed(struct{}{})
	}
}

func (v *conversation) Dismissed() {
	v.dismissed = true
	v.wake()
}

func (v *conversation) Disconnected(err error) {
	v.lost, v.end, v.in = err, err, nil
	v.task.Cancel()
}

// finished hears how talk ended.
func (c *Conn) finished(err error) {
	c.in = nil
	if c.switched {
		return
	}
	var panicked *deferred.PanicError
	switch {
	case errors.As(err, &panicked), errors.Is(err, deferred.ErrGoexit):
		c.Transport.Abort()
		c.Loop().Report(err)
		return
	case err != nil && !c.ordinary(err):
		c.Loop().Log().Warn("framing: conversation ended", "conn", c.Transport, "err", err)
	}
	c.Transport.Close()
}

// ordinary reports whether err is how connections end.
func (c *Conn) ordinary(err error) bool {
	return c.lost != nil && (errors.Is(err, c.lost) || errors.Is(err, context.Canceled)) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, deferred.ErrStopped)
}
