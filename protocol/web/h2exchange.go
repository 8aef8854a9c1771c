package web

import (
	"errors"
	"net"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/web/internal/h2"
)

// An h2exchange carries an exchange on a stream of HTTP/2.
type h2exchange struct {
	h2out
	conn      *h2conn
	x         *exchange
	block     []byte    // the request's target and host lie in it
	tunnel    *h2tunnel // the stream is another protocol's now; nil: it is not
	seen      int64     // bytes of body since the last tick
	begun     bool
	continues bool // the client waits for 100 Continue
}

func (e *h2exchange) transport() twistor.Transport { return e.conn.t }
func (e *h2exchange) protocol() (int, int)         { return 2, 0 }

func (e *h2exchange) remote() string {
	return namesOf(&e.conn.names, e.conn.t).remote
}

func (e *h2exchange) local() net.Addr {
	return namesOf(&e.conn.names, e.conn.t).local
}

func (e *h2exchange) buffered() int { return e.h2out.buffered(e.conn.t) }

// keep has nothing to copy: what the request has is its own.
func (e *h2exchange) keep() {}

func (e *h2exchange) bodyWanted() {
	if e.continues && e.stream != nil {
		e.continues = false
		e.h2.Inform(e.stream, 100, nil)
	}
}

// The client is held back by the window of its stream, which grows only as the
// body is consumed.
func (e *h2exchange) bodyPaused()  {}
func (e *h2exchange) bodyResumed() {}

func (e *h2exchange) bodyConsumed(n int) {
	if e.stream != nil {
		e.h2.Consume(e.stream, n)
	}
}

func (e *h2exchange) inform(status int, h *Header) {
	if e.stream != nil {
		e.h2.Inform(e.stream, status, h)
	}
}

func (e *h2exchange) head(status int, h *Header, length int64, body []byte, last bool) error {
	if e.stream == nil {
		return ErrEnded
	}
	return overflown(e.h2.Answer(e.stream, h2.Answer{Status: status, Date: e.conn.date(), Length: length, Header: h, Body: body, End: last}))
}

func (e *h2exchange) data(p []byte) error       { return e.send(p, false) }
func (e *h2exchange) shared(p []byte) error     { return e.send(p, true) }
func (e *h2exchange) end(trailer *Header) error { return e.finish(trailer) }

func (e *h2exchange) abort(error) {
	if e.stream != nil {
		e.h2.Reset(e.stream, h2.InternalError)
	}
	e.loseFiles()
}

// relieved hears that more may be sent.
func (e *h2exchange) relieved() { e.x.w.drained() }

// filesEnded lets go of the stream of an answer whose last was a file.
func (e *h2exchange) filesEnded() { e.release() }

// cut ends an answer whose file could not be read.
func (e *h2exchange) cut(err error) { e.abort(err) }

// tooSlow ends an exchange whose body does not come.
func (e *h2exchange) tooSlow() {
	e.fail(&Error{Status: 408, Err: errors.New("the body came too slowly")})
}

// fail ends an exchange whatever its Handler still waits for.
func (e *h2exchange) fail(err error) {
	x := e.x
	pending := x.pending
	x.pending = nil
	x.fail(err)
	pending.Cancel()
}

// contain makes a panic of what a Handler left behind, such as a function of
// Body.Each, the end of its answer: the other streams go on.
func (e *h2exchange) contain() {
	if v := recover(); v != nil {
		if e.x == nil || e.stream == nil {
			panic(v) // it has ended: this is no Handler's
		}
		e.fail(panicked(v))
	}
}

// ended hears that the answer is complete: it leaves as the windows allow.
func (e *h2exchange) ended(x *exchange, reusable bool) {
	if x.w.switched {
		return
	}
	c := e.conn
	if len(e.files) > 0 {
		return // loseFiles, or the end behind the last, comes
	}
	e.release()
	if !reusable {
		return // somebody may still hold it
	}
	c.s.give(x)
	e.x, e.conn, e.begun, e.continues, e.seen = nil, nil, false, false, 0
	if shared := c.s.http2(); len(shared.spare) < maxSpares && cap(e.block) <= 4<<10 {
		shared.spare = append(shared.spare, e)
	}
}

// switchTo gives the stream to another protocol: of CONNECT, plain or extended.
func (e *h2exchange) switchTo(status int, h *Header, f twistor.Factory) error {
	if e.stream == nil {
		return ErrEnded
	}
	if e.x.req.Method != "CONNECT" {
		e.x.w.switched = false
		return &Error{Status: 400, Public: "only CONNECT can switch in HTTP/2"}
	}
	if status == 101 {
		status = 200 // https://www.rfc-editor.org/rfc/rfc8441#section-5
	}
	if status != 0 {
		if err := e.h2.Answer(e.stream, h2.Answer{Status: status, Date: e.conn.date(), Length: -1, Header: h}); err != nil {
			return err
		}
	}
	x := e.x
	x.done(nil)
	e.tunnel = newH2tunnel(&e.h2out, e.conn.t, f, func(err error) { x.report(err, 0) }, func() {})
	if e.tunnel == nil {
		e.end(nil)
		if len(e.files) == 0 {
			e.release()
		}
		return twistor.ErrRefused
	}
	return nil
}

var _ carrier = (*h2exchange)(nil)
