package web

import (
	"io"

	"github.com/twistor-go/twistor/deferred"
)

// An outgoing is the BodyWriter that a Content gets.
type outgoing struct {
	x        *hop
	declared int64 // -1: nobody knows
	sent     int64
	ready    *deferred.Signal
	halted   bool // the server wants no more
}

// may says whether n more bytes can be written.
func (w *outgoing) may(n int64) error {
	switch {
	case w.x.over || w.halted:
		return ErrEnded
	case w.declared >= 0 && w.sent+n > w.declared:
		return ErrLength
	}
	w.sent += n
	return nil
}

func (w *outgoing) Write(p []byte) (int, error) {
	if err := w.may(int64(len(p))); err != nil {
		return 0, err
	}
	if err := w.x.wire.data(p); err != nil {
		return 0, err
	}
	w.watch()
	return len(p), nil
}

func (w *outgoing) SendFile(s *io.SectionReader) *deferred.Deferred[int64] {
	if err := w.may(s.Size()); err != nil {
		return deferred.Failed[int64](w.x.fetch.c.Loop, err)
	}
	return w.x.wire.file(s)
}

// watch sees that the server takes what it is sent.
func (w *outgoing) watch() {
	if w.x.resp == nil && w.x.wire.full() && w.x.timer.When().IsZero() {
		w.x.reading()
	}
}

func (w *outgoing) Full() bool { return !w.x.over && !w.halted && w.x.wire.full() }

func (w *outgoing) Ready() *deferred.Signal {
	l := w.x.fetch.c.Loop
	if w.x.over || w.halted {
		return deferred.Failed[struct{}](l, ErrEnded)
	}
	if !w.Full() {
		return deferred.Succeeded(struct{}{})
	}
	if w.ready == nil {
		w.ready = deferred.New[struct{}](l)
	}
	waiting := deferred.New[struct{}](l)
	w.ready.Done(func(_ struct{}, err error) {
		if err != nil {
			waiting.Fail(err)
			return
		}
		waiting.Succeed(struct{}{})
	})
	return waiting
}

// wake resumes who waits for Ready.
func (w *outgoing) wake(err error) {
	ready := w.ready
	w.ready = nil
	switch {
	case ready == nil:
	case err != nil:
		ready.Fail(err)
	default:
		ready.Succeed(struct{}{})
	}
}
