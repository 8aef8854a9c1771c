package framing

import (
	"errors"
	"io"
	"net"
	"os"

	"github.com/twistor-go/twistor"
)

// events is the side of a stream that the transport below sees. It has every
// optional event and makes the default of those that the protocol lacks.
type events stream

func (e *events) Connected()        { e.protocol.Connected() }
func (e *events) Received(p []byte) { (*stream)(e).feed(p) }

func (e *events) ReadClosed() {
	if h, ok := e.protocol.(twistor.HalfCloser); ok {
		h.ReadClosed()
		return
	}
	if !e.over {
		e.ended = true
		(*stream)(e).Close()
	}
}

func (e *events) Drained() {
	if d, ok := e.protocol.(twistor.Drainer); ok {
		d.Drained()
	}
}

func (e *events) Secured() {
	if d, ok := e.protocol.(twistor.Securer); ok {
		d.Secured()
	}
}

func (e *events) Dismissed() {
	if d, ok := e.protocol.(twistor.Dismisser); ok {
		d.Dismissed()
		return
	}
	(*stream)(e).Close()
}

func (e *events) FileReceived(f *os.File) {
	if r, ok := e.protocol.(twistor.FileReceiver); ok {
		r.FileReceived(f)
		return
	}
	f.Close()
}

// Disconnected says io.ErrUnexpectedEOF instead of io.EOF if the peer stopped
// in the middle of a message, and why we refused its input, if we did.
func (e *events) Disconnected(err error) {
	part := len(e.kept) > 0
	e.over, e.kept = true, nil
	e.later.Stop()
	switch {
	case e.broken != nil && errors.Is(err, net.ErrClosed):
		err = &rejection{e.broken, err}
	case e.ended && err == net.ErrClosed:
		err = io.EOF // we closed because the peer did
	}
	if part && err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	e.protocol.Disconnected(err)
}
