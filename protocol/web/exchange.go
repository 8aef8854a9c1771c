package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strconv"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
)

// errAborted is an answer that its Handler cut.
var errAborted = errors.New("web: aborted by its handler")

// An exchange is a request and its answer, on whatever carries it. They are
// made in one piece, and used again for another when nobody can hold them any
// more: when the answer was complete as Serve returned.
type exchange struct {
	s       *Server
	c       carrier
	req     Request
	w       ResponseWriter
	head    http1.Request // HTTP/1: what the parser fills
	body    http1.BodyReader
	h1      h1exchange // its carrier
	kept    Header     // HTTP/1: what the request needs when its Handler has returned
	line    []byte
	pending *deferred.Signal
	hint    func() // hears that the client may have gone, and when it is over; nil: nobody
	free    *exchange
	serving bool
	late    bool // it was not complete when Serve returned,
	lone    bool // but whoever completes it holds it no longer
}

// take is an exchange for c, new or used.
func (s *Server) take() *exchange {
	x := s.spare
	if x == nil {
		x = &exchange{s: s}
		x.w.x, x.req.w = x, &x.w
		return x
	}
	s.spare, x.free = x.free, nil
	s.spares--
	return x
}

// give returns x for another.
func (s *Server) give(x *exchange) {
	if s.spares >= maxSpares {
		return
	}
	x.c, x.pending = nil, nil
	x.free, s.spare = s.spare, x
	s.spares++
}

// maxSpares is how many exchanges a Server keeps for others.
const maxSpares = 256

// reset prepares the answer; the request is the carrier's to fill.
func (x *exchange) reset(c carrier) {
	x.c, x.late, x.lone, x.hint = c, false, false, nil
	w := &x.w
	w.header.Reset()
	w.trailer.Reset()
	clear(w.after)
	h, tr, after := w.header, w.trailer, w.after[:0]
	*w = ResponseWriter{}
	w.x, w.c, w.header, w.trailer, w.after, w.declared, w.implied = x, c, h, tr, after, -1, 200
	x.req.reset()
}

// begin serves the request. The carrier has filled x.req, and started its body.
func (x *exchange) begin() {
	x.w.noBody = x.req.Method == "HEAD"
	if bytes.Contains(x.req.target, nulEscape) {
		// Nothing that such a path could name exists, and much would be misled.
		x.s.stats.Refused++
		x.over(errNUL)
		return
	}
	x.s.stats.Requests++
	x.serving = true
	done := x.serve()
	x.serving = false
	defer x.repay()
	w := &x.w
	if w.switched || w.ended {
		if done != nil {
			done.Done(nil) // its failure changes nothing any more
		}
		return
	}
	if done == nil {
		x.over(nil)
		return
	}
	if o, ok := done.Result(); ok {
		x.over(o.Err)
		return
	}
	x.late = true
	x.pending = done
	x.c.keep()
	w.streaming = true
	if len(w.buf) > 0 {
		if err := w.begin(false); err != nil {
			x.fail(err)
			return
		}
	}
	done.Done(func(_ struct{}, err error) {
		x.pending = nil
		x.over(err)
	})
}

var (
	nulEscape = []byte("%00")
	errNUL    = &Error{Status: 404, Err: errors.New("a target with %00")}
)

// serve calls the Handler; a panic is a failure.
func (x *exchange) serve() (done *deferred.Signal) {
	c := x.c
	defer func() {
		v := recover()
		switch {
		case v == nil:
		case x.w.ended || x.w.switched: // too late to be one, and x may be another's
			x.s.log(c.transport().Loop()).Error("web: panic after the answer", "conn", c.transport(), "err", panicked(v), "stack", string(debug.Stack()))
		default:
			done = deferred.Failed[struct{}](c.transport().Loop(), panicked(v))
		}
	}()
	return x.s.handler().Serve(&x.w, &x.req)
}

// over ends the answer, as the Handler has.
func (x *exchange) over(err error) {
	w := &x.w
	if w.ending || w.switched {
		return
	}
	if err == nil {
		err = w.complete()
	}
	if err != nil {
		x.fail(err)
		return
	}
	x.done(nil)
}

// fail makes an error page of err, if the head has not left; else it cuts the answer.
func (x *exchange) fail(err error) {
	w := &x.w
	if w.ending || w.switched {
		return
	}
	if w.headSent || err == errAborted {
		x.report(err, 0)
		x.c.abort(err)
		x.done(err)
		return
	}
	status := statusOf(err)
	if errors.Is(err, ErrEnded) {
		x.c.abort(err)
		x.done(err)
		return
	}
	id := x.report(err, status)
	x.page(status, err, id)
	if err := w.complete(); err != nil {
		x.c.abort(err)
	}
	x.done(err)
}

// page replaces what was to be the answer by that of an error.
func (x *exchange) page(status int, err error, id string) {
	w := &x.w
	w.header.Reset()
	w.trailer.Reset()
	w.filter, w.broken = nil, nil
	w.buf, w.sent, w.declared, w.status = nil, 0, -1, 0
	w.soon.Stop()
	w.ready, w.implied = nil, status
	if status == 413 || status == 408 {
		w.header.Set("Connection", "close")
	}
	func() {
		defer func() {
			if v := recover(); v != nil {
				x.report(panicked(v), 0)
			}
		}()
		var public string
		if e := (*Error)(nil); errors.As(err, &e) {
			public = e.Public
		}
		if x.s.Debug && status >= 500 {
			public = err.Error()
		}
		if x.s.ErrorPage != nil {
			x.s.ErrorPage(w, &x.req, status, public, id)
		} else {
			WriteError(w, &x.req, status, public, id)
		}
	}()
}

// ours says whether a failure is one of the server or of its Handler, and not its
// client's.
func ours(err error) bool { return statusOf(err) >= 500 && !errors.Is(err, ErrEnded) }

// statusOf is what the peer is told of err.
func statusOf(err error) int {
	var e *Error
	var g *http1.Error
	switch {
	case errors.As(err, &e):
		return e.Status
	case errors.As(err, &g):
		return g.Status
	}
	return 500
}

// report logs a failure and gives it the id that its page shows.
func (x *exchange) report(err error, status int) (id string) {
	level := slog.LevelDebug
	switch {
	case errors.Is(err, twistor.ErrOverflow):
		level = slog.LevelWarn // a client that does not read
	case status >= 500 || status == 0 && ours(err):
		x.s.failures++
		id = fmt.Sprintf("%x-%s", x.s.instance(x.c.transport().Loop()), strconv.FormatUint(x.s.failures, 36))
		level = slog.LevelError
	}
	log := x.s.log(x.c.transport().Loop())
	attrs := []any{"method", x.req.Method, "path", x.req.Path(), "conn", x.c.transport(), "err", err}
	if id != "" {
		attrs = append(attrs, "id", id)
	}
	var p *deferred.PanicError
	if errors.As(err, &p) {
		attrs = append(attrs, "stack", string(p.Stack))
	}
	log.Log(context.Background(), level, "web: request failed", attrs...)
	return id
}

// halfLeft says that the client may have gone: it sends no more. An answer that has
// not begun is not waited for, one that has goes on until a write fails.
func (x *exchange) halfLeft() {
	switch {
	case x.hint != nil:
		x.hint()
	case x.pending != nil && !x.w.headSent:
		x.left(io.EOF)
	}
}

// left says that the client has gone.
func (x *exchange) left(err error) {
	w := &x.w
	if w.ending {
		return
	}
	pending := x.pending
	x.pending = nil
	x.done(err)
	pending.Cancel()
}

// done ends the exchange: nothing more is said.
func (x *exchange) done(err error) {
	w := &x.w
	w.ending, w.ended = true, true
	w.soon.Stop()
	x.repay()
	if r := w.ready; r != nil {
		w.ready = nil
		r.Fail(ErrEnded)
	}
	if x.hint != nil && !w.switched {
		x.hint()
	}
	if err != nil {
		x.req.Body.finish(unexpected(err), nil)
	}
	for i := len(w.after) - 1; i >= 0; i-- {
		x.contain(func() { w.after[i](w.status, w.sent, err) })
	}
	if log := x.s.AccessLog; log != nil {
		x.contain(func() { log.Ended(&x.req, w, err) })
	}
	x.req.Body.finish(ErrEnded, nil)
	x.c.ended(x, err == nil && (!x.late || x.lone) && !x.req.body.taken && len(w.after) == 0)
}

// contain reports a panic of f, which comes too late to be the answer's failure.
func (x *exchange) contain(f func()) {
	defer func() {
		if v := recover(); v != nil {
			x.report(panicked(v), 0)
		}
	}()
	f()
}

// wrongLength ends an answer that is longer than its Content-Length.
func (x *exchange) wrongLength() {
	if x.w.headSent {
		x.fail(ErrLength)
	} else {
		x.w.broken = ErrLength
	}
}

// lent is the Server's buffer, for what is written while Serve runs; nil if
// another answer, that runs this one, has it.
func (x *exchange) lent() []byte {
	s := x.s
	if s.padUser != nil && s.padUser != x {
		return nil
	}
	s.padUser = x
	return s.pad[:0]
}

// repay ends that.
func (x *exchange) repay() {
	if s := x.s; s.padUser == x {
		s.padUser = nil
	}
}

// scratch is for the bytes between a Filter and the wire.
func (x *exchange) scratch() []byte { return x.s.filterPad[:0] }

// keepScratch has what scratch has grown to used again.
func (x *exchange) keepScratch(p []byte) {
	if cap(p) <= 64<<10 {
		x.s.filterPad = p
	}
}

// panicked is a panic as a failure, with the stack that it was on.
func panicked(v any) error {
	if err, ok := v.(*deferred.PanicError); ok {
		return err
	}
	return &deferred.PanicError{Value: v, Stack: debug.Stack()}
}

// unexpected is an error for who reads a body that was cut.
func unexpected(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
