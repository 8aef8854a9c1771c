package web

import (
	"errors"
	"io"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web/internal/h2"
)

// An h2exchange carries an exchange on a stream of HTTP/2.
type h2exchange struct {
	conn      *h2conn
	x         *exchange
	stream    *h2.Stream // nil: it is over
	block     []byte     // the request's target and host lie in it
	files     []fileOut  // on their way, and what was written behind them
	tunnel    *h2tunnel  // the stream is another protocol's now; nil: it is not
	seen      int64      // bytes of body since the last tick
	begun     bool
	continues bool // the client waits for 100 Continue
}

func (e *h2exchange) transport() twistor.Transport { return e.conn.t }
func (e *h2exchange) protocol() (int, int)         { return 2, 0 }

func (e *h2exchange) remote() string {
	c := e.conn
	if c.from == "" {
		c.from = c.t.RemoteAddr().String()
	}
	return c.from
}

func (e *h2exchange) full() bool {
	return e.stream != nil && (len(e.files) > 0 || e.conn.h2.Full(e.stream))
}

func (e *h2exchange) buffered() int {
	n := e.conn.t.Buffered()
	if e.stream != nil {
		n += e.conn.h2.Buffered(e.stream)
	}
	return n
}

// keep has nothing to copy: what the request has is its own.
func (e *h2exchange) keep() {}

func (e *h2exchange) bodyWanted() {
	if e.continues && e.stream != nil {
		e.continues = false
		e.conn.h2.Inform(e.stream, 100, nil)
	}
}

// The client is held back by the window of its stream, which grows only as the
// body is consumed.
func (e *h2exchange) bodyPaused()  {}
func (e *h2exchange) bodyResumed() {}

func (e *h2exchange) bodyConsumed(n int) {
	if e.stream != nil {
		e.conn.h2.Consume(e.stream, n)
	}
}

func (e *h2exchange) inform(status int, h *Header) {
	if e.stream != nil {
		e.conn.h2.Inform(e.stream, status, h)
	}
}

func (e *h2exchange) head(status int, h *Header, length int64, body []byte, last bool) error {
	if e.stream == nil {
		return ErrEnded
	}
	return e.conn.h2.Answer(e.stream, h2.Answer{Status: status, Date: e.conn.date(), Length: length, Header: h, Body: body, End: last})
}

func (e *h2exchange) data(p []byte) error {
	if e.stream == nil {
		return ErrEnded
	}
	if len(e.files) > 0 {
		return e.behind(append([]byte(nil), p...))
	}
	return e.conn.h2.SendData(e.stream, p, false)
}

func (e *h2exchange) shared(p []byte) error {
	if e.stream == nil {
		return ErrEnded
	}
	if len(e.files) > 0 {
		return e.behind(p)
	}
	return e.conn.h2.SendShared(e.stream, p, false)
}

func (e *h2exchange) end(trailer *Header) error {
	if e.stream == nil {
		return ErrEnded
	}
	if len(e.files) > 0 {
		e.endBehind(trailer)
		return nil
	}
	return e.conn.h2.SendTrailer(e.stream, trailer)
}

func (e *h2exchange) abort(error) {
	if e.stream != nil {
		e.conn.h2.Reset(e.stream, h2.InternalError)
	}
	e.loseFiles()
}

// drained hears that more may be sent.
func (e *h2exchange) drained() {
	switch {
	case e.tunnel != nil:
		e.tunnel.drained()
	case len(e.files) > 0:
		e.nextPiece()
	default:
		e.x.w.drained()
	}
}

// tooSlow ends an exchange whose body does not come.
func (e *h2exchange) tooSlow() {
	x := e.x
	pending := x.pending
	x.pending = nil
	x.fail(&Error{Status: 408, Err: errors.New("the body came too slowly")})
	pending.Cancel()
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
	if e.stream != nil {
		stream := e.stream
		e.stream = nil
		c.h2.Release(stream)
	}
	if !reusable {
		return // somebody may still hold it
	}
	c.s.give(x)
	e.x, e.conn, e.begun, e.continues, e.seen = nil, nil, false, false, 0
	if shared := c.s.http2(); len(shared.spare) < maxSpares && cap(e.block) <= 4<<10 {
		shared.spare = append(shared.spare, e)
	}
}

// release lets go of the stream of an answer whose last was a file.
func (e *h2exchange) release() {
	if e.stream != nil {
		stream := e.stream
		e.stream = nil
		e.conn.h2.Release(stream)
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
		if err := e.conn.h2.Answer(e.stream, h2.Answer{Status: status, Date: e.conn.date(), Length: -1, Header: h}); err != nil {
			return err
		}
	}
	e.x.done(nil)
	return newH2tunnel(e, f)
}

var _ carrier = (*h2exchange)(nil)

// A fileOut is a file on its way, and what was written behind it.
type fileOut struct {
	s       *io.SectionReader // nil: bytes
	p       []byte            // then
	sent    int64
	done    *deferred.Deferred[int64]
	end     bool // after it the answer ends
	trailer *Header
}
