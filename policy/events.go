package policy

import (
	"errors"
	"io"
	"net"
	"os"

	"github.com/twistor-go/twistor"
)

// Connected passes to the protocol above, as all events do.
func (w *Wrapper) Connected() {
	if w.next != nil {
		w.settle() // it had switched before it began: the next one begins
		return
	}
	w.enter()
	if state := w.former; state != nil {
		w.former = nil
		w.above.(twistor.Survivor).Restored(*state)
	} else {
		w.above.Connected()
	}
	w.leave()
}

// HandedOver passes; its default is to stay. So do bytes that the layer holds.
func (w *Wrapper) HandedOver() (state []byte, ok bool) {
	s, ok := w.above.(twistor.Survivor)
	if !ok || w.next != nil || w.closed {
		return nil, false
	}
	return s.HandedOver()
}

// Restored passes, by way of the layer's own Connected: to the layer it is the
// beginning, too. Its default is Connected.
func (w *Wrapper) Restored(state []byte) {
	if _, ok := w.above.(twistor.Survivor); ok {
		w.former = &state
	}
	w.self.Connected()
}

// Received passes.
func (w *Wrapper) Received(p []byte) {
	w.enter()
	w.above.Received(p)
	w.leave()
}

// ReadClosed passes; its default is Close.
func (w *Wrapper) ReadClosed() {
	w.enter()
	if h, ok := w.above.(twistor.HalfCloser); ok {
		h.ReadClosed()
	} else if !w.closed {
		w.ended = true
		w.self.Close()
	}
	w.leave()
}

// Drained passes; its default is nothing.
func (w *Wrapper) Drained() {
	w.enter()
	if d, ok := w.above.(twistor.Drainer); ok {
		d.Drained()
	}
	w.leave()
}

// Secured passes; its default is nothing.
func (w *Wrapper) Secured() {
	w.enter()
	if s, ok := w.above.(twistor.Securer); ok {
		s.Secured()
	}
	w.leave()
}

// Dismissed passes; its default is Close.
func (w *Wrapper) Dismissed() {
	w.enter()
	if d, ok := w.above.(twistor.Dismisser); ok {
		d.Dismissed()
	} else {
		w.self.Close()
	}
	w.leave()
}

// FileReceived passes; its default closes the file.
func (w *Wrapper) FileReceived(f *os.File) {
	w.enter()
	if r, ok := w.above.(twistor.FileReceiver); ok {
		r.FileReceived(f)
	} else {
		f.Close()
	}
	w.leave()
}

// Disconnected passes, with the reason of the layer if that closed.
func (w *Wrapper) Disconnected(err error) {
	w.closed = true
	w.enter()
	w.gone = true
	w.above.Disconnected(w.reason(err))
	w.depth--
}

// reason is what the protocol above is told: err, unless the layer closed, or
// closed in the protocol's name because the peer had.
func (w *Wrapper) reason(err error) error {
	switch {
	case w.why != nil && errors.Is(err, net.ErrClosed):
		return &closedFor{w.why, err}
	case w.ended && err == net.ErrClosed:
		return io.EOF
	}
	return err
}

// closedFor is why a layer closed, and how.
type closedFor struct{ why, how error }

func (e *closedFor) Error() string   { return e.why.Error() }
func (e *closedFor) Unwrap() []error { return []error{e.why, e.how} }
