package web

import (
	"errors"
	"io"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// What a Body keeps that nobody has taken, before it holds the peer back.
const bodyHeld = 64 << 10

// errCut is how a body ends whose client has stopped before its end: it is
// io.ErrUnexpectedEOF, and the client's fault.
var errCut error = &Error{Status: 400, Err: io.ErrUnexpectedEOF}

// A Body is what comes after a head, as it comes: of a request on a server, of
// a response on a client. Take it in one of three ways, once: by events (Each),
// whole (Bytes), or straight down (Read, Reader). A body that nobody takes is
// held back, and what is left of it when the answer is complete is dropped: up to
// 256 KiB are read for that, beyond it the connection ends. Loop-only.
type Body struct {
	loop    twistor.Loop
	src     source
	length  int64 // declared; -1: unknown
	limit   int64 // -1: none
	got     int64
	held    []byte // decoded, and not taken
	each    func(p []byte)
	done    *deferred.Signal // of Each
	waiting *deferred.Signal // of Read
	trailer *Header
	err     error // after the end; io.EOF: all of it came
	taken   bool
	wanted  bool
	stopped bool // Pause
	full    bool // we held the peer back by ourselves
}

// Length is what the peer says the length will be; -1: it does not say.
func (b *Body) Length() int64 { return b.length }

// Limit sets how many bytes the body may have: more is ErrTooLarge, for who
// takes it, and the peer is not listened to any longer. Negative: no limit. On a server it is
// Server.MaxBodyBytes unless set, on a client Client.MaxBodyBytes. Set it
// before the body is taken.
func (b *Body) Limit(n int64) { b.limit = n }

// Each calls f with each piece as it comes; p is valid only during the call.
// The Signal fires after the last, or fails: with ErrTooLarge, with
// io.ErrUnexpectedEOF if it was cut, with ErrEnded if the answer was complete before.
func (b *Body) Each(f func(p []byte)) *deferred.Signal {
	done := deferred.New[struct{}](b.loop)
	if b.taken {
		done.Fail(ErrBodyTaken)
		return done
	}
	b.taken, b.each, b.done = true, f, done
	b.want()
	switch {
	case len(b.held) > 0:
		b.loop.CallLater(0, b.flush)
	case b.err != nil:
		b.fire()
	}
	return done
}

// Bytes takes the whole body, of at most limit bytes; negative: as many as
// Limit allows.
func (b *Body) Bytes(limit int64) *deferred.Deferred[[]byte] {
	if limit >= 0 && (b.limit < 0 || limit < b.limit) {
		b.limit = limit
	}
	var all []byte
	if b.length > 0 && (b.limit < 0 || b.length <= b.limit) {
		all = make([]byte, 0, min(b.length, bodyHeld))
	}
	done := b.Each(func(p []byte) { all = append(all, p...) })
	return deferred.Then(done, func(struct{}) ([]byte, error) { return all, nil })
}

// Read waits for the next bytes; io.EOF after the last.
func (b *Body) Read(co *deferred.Co, p []byte) (int, error) {
	if b.each != nil || b.waiting != nil {
		return 0, ErrBodyTaken
	}
	b.taken = true
	b.want()
	for len(b.held) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		if len(p) == 0 {
			return 0, nil
		}
		b.waiting = deferred.New[struct{}](b.loop)
		_, err := b.waiting.Await(co)
		b.waiting = nil
		if err != nil {
			return 0, err
		}
	}
	n := copy(p, b.held)
	b.held = b.held[:copy(b.held, b.held[n:])]
	b.consumed(n)
	return n, nil
}

// Reader is Read for code that takes an io.Reader, such as encoding/json, on
// the coroutine co.
func (b *Body) Reader(co *deferred.Co) io.Reader { return bodyReader{b, co} }

type bodyReader struct {
	b  *Body
	co *deferred.Co
}

func (r bodyReader) Read(p []byte) (int, error) { return r.b.Read(r.co, p) }

// Pause holds Each's pieces back until Resume; the peer is held back too when
// 64 KiB wait.
func (b *Body) Pause() { b.stopped = true }

// Resume ends Pause.
func (b *Body) Resume() {
	if !b.stopped {
		return
	}
	b.stopped = false
	if len(b.held) > 0 || b.err != nil {
		b.loop.CallLater(0, b.flush)
	}
}

// Trailer has the fields that came after the body; nil: none, or not yet.
func (b *Body) Trailer() *Header { return b.trailer }

// start makes b ready for a body of the length that the peer says, or for none: 0.
func (b *Body) start(l twistor.Loop, src source, length, limit int64) {
	*b = Body{}
	b.loop, b.src, b.length, b.limit = l, src, length, limit
	if length == 0 {
		b.err = io.EOF
	}
}

// want says that somebody takes it.
func (b *Body) want() {
	if b.wanted {
		return
	}
	b.wanted = true
	if b.limit >= 0 && max(b.length, b.got) > b.limit && (b.err == nil || errors.Is(b.err, io.EOF)) {
		// got: what came before somebody wanted it counts too.
		b.held, b.err = nil, nil
		b.finish(ErrTooLarge, nil)
		return
	}
	if b.err == nil {
		b.src.bodyWanted()
	}
}

// deliver is the carrier's: the next piece has come.
func (b *Body) deliver(p []byte) {
	if b.err != nil {
		return
	}
	b.got += int64(len(p))
	if b.limit >= 0 && b.got > b.limit && b.wanted {
		b.finish(ErrTooLarge, nil)
		return
	}
	if b.each != nil && !b.stopped && len(b.held) == 0 {
		b.give(p)
		b.src.bodyConsumed(len(p))
		return
	}
	b.held = append(b.held, p...)
	if len(b.held) >= bodyHeld && !b.full {
		b.full = true
		b.src.bodyPaused()
	}
	b.wake()
}

// finish is the carrier's: nothing more comes. nil: the body is whole.
func (b *Body) finish(err error, trailer *Header) {
	if b.err != nil {
		return
	}
	if err == nil {
		err = io.EOF
	}
	b.err, b.trailer = err, trailer
	if b.each != nil && !b.stopped && len(b.held) == 0 {
		b.fire()
	}
	b.wake()
}

// wake resumes who waits in Read.
func (b *Body) wake() {
	if w := b.waiting; w != nil {
		w.Succeed(struct{}{})
	}
}

// flush gives what is held to Each.
func (b *Body) flush() {
	if b.each == nil || b.stopped {
		return
	}
	if n := len(b.held); n > 0 {
		p := b.held
		b.held = nil
		b.give(p)
		b.consumed(n)
	}
	if b.err != nil && !b.stopped && len(b.held) == 0 {
		b.fire()
	}
}

// give calls Each's function; a panic in it is the end of the body, for who waits for that.
func (b *Body) give(p []byte) {
	defer func() {
		if v := recover(); v != nil {
			b.held, b.err = nil, panicked(v)
			b.fire()
		}
	}()
	b.each(p)
}

func (b *Body) fire() {
	done := b.done
	if done == nil {
		return
	}
	b.done = nil
	if errors.Is(b.err, io.EOF) {
		done.Succeed(struct{}{})
	} else {
		done.Fail(b.err)
	}
}

// consumed lets the peer go on.
func (b *Body) consumed(n int) {
	if b.err == nil {
		b.src.bodyConsumed(n)
	}
	if b.full && len(b.held) < bodyHeld/2 {
		b.full = false
		b.src.bodyResumed()
	}
}

// whole says that all of it has come, or never will.
func (b *Body) whole() bool { return b.err != nil }
