package policy

import (
	"errors"
	"fmt"
	"os"

	"github.com/twistor-go/twistor"
)

// A Layer stands between a transport and a protocol, and is both: to the
// protocol above it is the Transport, to the transport below the Protocol. A
// struct that embeds Wrapper is one, and overrides what it wants to change; an
// override that passes the call on calls the Wrapper's method of that name.
type Layer interface {
	twistor.Transport
	twistor.Protocol
	twistor.HalfCloser
	twistor.Drainer
	twistor.Securer
	twistor.Dismisser
	twistor.FileReceiver
	twistor.Survivor
	wrapper() *Wrapper
}

// Wrap puts l between t and the protocol that f builds, and returns what t's
// factory returns from its Build: l, or nil if f refused.
func Wrap(l Layer, t twistor.Transport, f twistor.Factory) twistor.Protocol {
	w := l.wrapper()
	w.Transport, w.self = t, l
	if w.above = f.Build(l); w.above == nil {
		return nil
	}
	return l
}

// A Wrapper is a layer that changes nothing: each call passes to the Transport
// below, each event to the protocol above. It has all optional events, makes
// the default of those that the protocol lacks, and hides none; twistor.As
// looks through it. It keeps Switch to itself: the layer stays, the protocol
// above it changes.
//
// Use it by embedding, and by Wrap. Its zero value is ready for that. Loop-only.
type Wrapper struct {
	twistor.Transport // below

	self   Layer
	above  twistor.Protocol
	depth  int // events of above going on
	paused bool
	held   bool
	closed bool    // Received is over
	ended  bool    // closed, because the peer ended and above is no HalfCloser
	gone   bool    // Disconnected is said
	why    error   // CloseFor's
	former *[]byte // what Restored said, until Connected
	next   *successor
}

func (w *Wrapper) wrapper() *Wrapper { return w }

// Above is the protocol above.
func (w *Wrapper) Above() twistor.Protocol { return w.above }

// Unwrap is the Transport below; twistor.As uses it.
func (w *Wrapper) Unwrap() twistor.Transport { return w.Transport }

// Hold is the layer's own Pause, beside that of the protocol above: bytes come
// only when neither asks for a pause. Idempotent.
func (w *Wrapper) Hold() {
	w.held = true
	w.Transport.Pause()
}

// Release ends a Hold.
func (w *Wrapper) Release() {
	if w.held {
		w.held = false
		w.resume()
	}
}

// CloseFor is the layer's own Close: Disconnected will say why, wrapped
// together with net.ErrClosed.
func (w *Wrapper) CloseFor(why error) {
	if w.why == nil {
		w.why = why
	}
	w.self.Close()
}

// AbortFor is the layer's own Abort: Disconnected will say why, wrapped
// together with net.ErrClosed.
func (w *Wrapper) AbortFor(why error) {
	if w.why == nil {
		w.why = why
	}
	w.self.Abort()
}

// Pause is that of the protocol above.
func (w *Wrapper) Pause() {
	w.paused = true
	w.Transport.Pause()
}

// Resume is that of the protocol above.
func (w *Wrapper) Resume() {
	if w.paused {
		w.paused = false
		w.resume()
	}
}

func (w *Wrapper) resume() {
	if n := w.next; n != nil && !w.paused {
		w.soon() // below stays paused until unread is delivered
	} else if !w.paused && !w.held {
		w.Transport.Resume()
	}
}

// Close passes.
func (w *Wrapper) Close() error {
	w.closed = true
	return w.Transport.Close()
}

// Abort passes.
func (w *Wrapper) Abort() {
	w.closed = true
	w.Transport.Abort()
}

// WriteShared is twistor.Sharer's. Here it is the layer's Write, so that a layer
// which overrides only that one sees all bytes.
func (w *Wrapper) WriteShared(p []byte) error {
	_, err := w.self.Write(p)
	return err
}

// share is WriteShared for the layers of this package that need not copy. It
// asks the next transport only, not what twistor.As would find further below:
// bytes must not pass by a TLS layer.
func (w *Wrapper) share(p []byte) error {
	if s, ok := w.Transport.(twistor.Sharer); ok {
		return s.WriteShared(p)
	}
	_, err := w.Transport.Write(p)
	return err
}

// WriteFiles is twistor.FileSender's: it passes, or fails with
// errors.ErrUnsupported if the next transport below can send no files.
func (w *Wrapper) WriteFiles(p []byte, files ...*os.File) error {
	if s, ok := w.Transport.(twistor.FileSender); ok {
		return s.WriteFiles(p, files...)
	}
	return fmt.Errorf("policy: WriteFiles: %w", errors.ErrUnsupported)
}
