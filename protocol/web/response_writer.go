package web

import (
	"context"
	"io"
	"slices"
	"strconv"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// What a Handler may write at once and still have its length told by
// Content-Length instead of chunks.
const bufferedBytes = 32 << 10

// A ResponseWriter writes the answer to one request. Nothing blocks: what is written is
// queued, and Full and Ready say how the client keeps up. Valid until the
// answer is complete. Loop-only.
//
// The head leaves with the first bytes that do: when Serve returns, when more than 32 KiB
// are written before that, or at Flush. An answer that is complete when Serve returns has
// a Content-Length by itself.
type ResponseWriter struct {
	x         *exchange
	c         carrier
	status    int
	implied   int // what it is if nobody says it: 200, or that of an error page
	header    Header
	trailer   Header
	declared  int64 // Content-Length of the Handler; -1: none
	sent      int64 // bytes of body
	buf       []byte
	filter    Filter
	before    []func(status int, h *Header)
	after     []func(status int, sent int64, err error)
	ready     *deferred.Signal
	soon      deferred.Timer
	headSent  bool
	ending    bool // the answer is complete
	ended     bool // and the carrier knows
	noBody    bool // HEAD, 204, 304
	streaming bool // Serve has returned a Signal
	switched  bool
	broken    error
}

// A Filter changes a body on its way out: compression is one. Use sets it.
type Filter interface {
	// Begin sees the answer's status and fields before they leave, with the
	// length of its body (-1: not known), and may change the fields. False: it
	// steps aside.
	Begin(status int, h *Header, length int64) bool
	// Append appends to dst what becomes of p. flush: all that it holds back,
	// too; last: and its end. p is nil at a mere flush.
	Append(dst, p []byte, flush, last bool) ([]byte, error)
}

// Header has the fields of the answer; after the head has left it changes
// nothing. Date, Content-Length, Transfer-Encoding and Connection are taken care of; Content-Length
// may be set to say it before, and Connection: close to end the connection.
func (w *ResponseWriter) Header() *Header { return &w.header }

// Trailer has the fields that are sent after the body, where the version of HTTP and the length allow it.
func (w *ResponseWriter) Trailer() *Header { return &w.trailer }

// SetHeader sets a field; an invalid name or value makes the answer an error page.
func (w *ResponseWriter) SetHeader(name, value string) {
	if err := w.header.Set(name, value); err != nil && w.broken == nil {
		w.broken = err
	}
}

// WriteHeader says the final status, 200 to 599, once; a Write before it says 200. For 1xx
// see Inform.
func (w *ResponseWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 && status <= 999 {
		w.status = status
	}
}

// Status is the status so far; 0: not said.
func (w *ResponseWriter) Status() int { return w.status }

// Sent is how many bytes of body were written so far.
func (w *ResponseWriter) Sent() int64 { return w.sent }

// HeadSent reports whether the head has left, so that status and fields cannot change.
func (w *ResponseWriter) HeadSent() bool { return w.headSent || w.switched }

// Inform sends an interim answer: 103 Early Hints with the fields of h, 102. 100
// Continue is sent by itself at the first wish for the body.
func (w *ResponseWriter) Inform(status int, h *Header) {
	if !w.headSent && !w.ending && status >= 100 && status < 200 && status != 101 {
		w.c.inform(status, h)
	}
}

// Write queues a copy of p. It fails with ErrEnded when the client has left or
// the answer is complete, and with ErrLength beyond Content-Length.
func (w *ResponseWriter) Write(p []byte) (int, error) {
	if err := w.may(len(p)); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	w.sent += int64(len(p))
	if w.noBody {
		return len(p), nil
	}
	if w.headSent {
		return len(p), w.out(p)
	}
	w.buf = append(w.room(), p...)
	return len(p), w.wrote()
}

// WriteString is Write of a string.
func (w *ResponseWriter) WriteString(s string) (int, error) {
	if err := w.may(len(s)); err != nil {
		return 0, err
	}
	if w.noBody || w.headSent || s == "" {
		return w.Write([]byte(s))
	}
	w.sent += int64(len(s))
	w.buf = append(w.room(), s...)
	return len(s), w.wrote()
}

// WriteShared queues p itself: it must never change. It is for what many get,
// and for what is long.
func (w *ResponseWriter) WriteShared(p []byte) error {
	if w.filter != nil || w.noBody || len(p) < 4<<10 {
		_, err := w.Write(p)
		return err
	}
	if err := w.may(len(p)); err != nil {
		return err
	}
	w.sent += int64(len(p))
	if err := w.begin(false); err != nil {
		return err
	}
	switch {
	case w.noBody:
		return nil
	case w.filter != nil: // one that came Before
		return w.filtered(p, false, false)
	}
	return w.c.shared(p)
}

// SendFile queues s among the Writes; s stays open until the Deferred fires,
// with the bytes that went out.
func (w *ResponseWriter) SendFile(s *io.SectionReader) *deferred.Deferred[int64] {
	l := w.c.transport().Loop()
	if err := w.may(int(s.Size())); err != nil {
		return deferred.Failed[int64](l, err)
	}
	w.sent += s.Size()
	if w.noBody {
		return deferred.Succeeded(s.Size())
	}
	if err := w.begin(false); err != nil { // in which the Filter may step aside
		return deferred.Failed[int64](l, err)
	}
	switch {
	case w.noBody:
		return deferred.Succeeded(s.Size())
	case w.filter != nil: // one that came Before
		return w.copyFile(s)
	}
	return w.c.file(s)
}

// copyFile sends s through the Filter, or where files cannot be sent as they are: piece by piece, read on the pool.
func (w *ResponseWriter) copyFile(s *io.SectionReader) *deferred.Deferred[int64] {
	w.sent -= s.Size()
	return deferred.Inline(w.c.transport().Loop(), func(co *deferred.Co) (n int64, err error) {
		piece := make([]byte, 32<<10)
		for {
			k, err := deferred.Go(co.Loop(), func(context.Context) (int, error) { return s.Read(piece) }).Await(co)
			if k > 0 {
				m, err := w.Write(piece[:k])
				n += int64(m)
				if err != nil {
					return n, err
				}
			}
			if err == io.EOF {
				return n, nil
			}
			if err != nil {
				return n, err
			}
			if _, err := w.Ready().Await(co); err != nil {
				return n, err
			}
		}
	})
}

// Flush sends the head and what is written, if the head has not left: an
// answer that goes on gets them out at the end of this event.
func (w *ResponseWriter) Flush() error {
	if w.ending || w.switched {
		return ErrEnded
	}
	if err := w.begin(false); err != nil {
		return err
	}
	if w.filter != nil && !w.noBody {
		return w.filtered(nil, true, false)
	}
	return nil
}

// Full says that the client reads more slowly than we write: stop until Ready.
func (w *ResponseWriter) Full() bool { return !w.ending && w.headSent && w.c.full() }

// Buffered is how many bytes wait to be sent, of all answers on the connection.
func (w *ResponseWriter) Buffered() int { return len(w.buf) + w.c.buffered() }

// Ready fires when the client has taken enough that more may be written: at
// once if it is not Full. It fails with ErrEnded if the client leaves.
func (w *ResponseWriter) Ready() *deferred.Signal {
	if w.ending {
		return deferred.Failed[struct{}](nil, ErrEnded)
	}
	if !w.Full() {
		return deferred.Succeeded(struct{}{})
	}
	if w.ready == nil {
		w.ready = deferred.New[struct{}](w.c.transport().Loop())
	}
	waiting := deferred.New[struct{}](w.c.transport().Loop())
	w.ready.Done(func(_ struct{}, err error) {
		if err != nil {
			waiting.Fail(err)
			return
		}
		waiting.Succeed(struct{}{})
	})
	return waiting
}

// Before has f called with the final status and the fields when the head is
// about to leave, be it of an error page: it may change the fields. The one
// given last is called first.
func (w *ResponseWriter) Before(f func(status int, h *Header)) { w.before = append(w.before, f) }

// After has f called when the answer is over, with what was sent; err is nil if
// it is complete. It is for logs and for what must be given back.
func (w *ResponseWriter) After(f func(status int, sent int64, err error)) {
	w.after = append(w.after, f)
}

// Use has the body pass through f, the last one used first. It comes too late
// when the head has left, and says so.
func (w *ResponseWriter) Use(f Filter) bool {
	if w.headSent || w.ending {
		return false
	}
	if w.filter != nil {
		f = &filters{outer: w.filter, inner: f}
	}
	w.filter = f
	return true
}

// Switch ends HTTP on this connection, or on this stream of HTTP/2: after the
// head (101 for an Upgrade of HTTP/1.1; 2xx for CONNECT) the Protocol that f
// builds gets what follows. For a Protocol asked for by UpgradeTo it says the
// right status for the version by itself: pass 101.
func (w *ResponseWriter) Switch(status int, f twistor.Factory) error {
	if w.headSent || w.ending || w.switched {
		return ErrEnded
	}
	w.status = status
	w.switched = true
	w.soon.Stop()
	return w.c.switchTo(status, &w.header, f)
}

// Abort cuts the answer, so that the client sees that it is not whole.
func (w *ResponseWriter) Abort() { w.x.fail(errAborted) }

// may says whether n more bytes of body can be written.
func (w *ResponseWriter) may(n int) error {
	if w.ending || w.switched {
		return ErrEnded
	}
	if w.status == 0 {
		w.status = w.implied
	}
	if w.declared < 0 && !w.headSent {
		w.readLength()
	}
	if w.declared >= 0 && w.sent+int64(n) > w.declared {
		w.x.wrongLength()
		return ErrLength
	}
	return nil
}

// readLength takes the Handler's Content-Length.
func (w *ResponseWriter) readLength() {
	if v := w.header.Value("Content-Length"); v != nil {
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil && n >= 0 {
			w.declared = n
		}
	}
}

// room is where the bytes before the head are kept: the server's own buffer
// while Serve runs.
func (w *ResponseWriter) room() []byte {
	if w.buf == nil && !w.streaming {
		return w.x.lent()
	}
	return w.buf
}

// wrote sees that what waits does not wait for ever.
func (w *ResponseWriter) wrote() error {
	if len(w.buf) > bufferedBytes {
		return w.begin(false)
	}
	if w.streaming && w.soon.When().IsZero() {
		w.soon = w.c.transport().Loop().CallLater(0, func() {
			if !w.ending && !w.switched {
				w.begin(false)
			}
		})
	}
	return nil
}

// begin sends the head with what is buffered; last: and that is all.
func (w *ResponseWriter) begin(last bool) error {
	if w.headSent {
		return nil
	}
	if w.status == 0 {
		w.status = w.implied
	}
	if w.broken != nil {
		return w.broken
	}
	w.soon.Stop()
	if len(w.before) > 0 {
		if err := w.callBefore(); err != nil {
			return err
		}
	}
	w.readLength()
	body := w.buf
	w.buf = nil
	if !allowsBody(w.status) {
		w.noBody = true
		body = nil
	}
	length := w.declared
	if w.status == 204 {
		// "A server MUST NOT send a Content-Length header field in any response
		// with a status code of 1xx (Informational) or 204 (No Content)."
		// https://www.rfc-editor.org/rfc/rfc9110#section-8.6
		length = -1
	}
	if w.filter != nil {
		if applies, err := w.beginFilter(w.lengthSoFar(last)); err != nil {
			return err
		} else if !applies {
			w.filter = nil
		}
	}
	if w.filter != nil {
		w.declared, length = -1, -1
	} else if length < 0 && allowsBody(w.status) && (w.sent > 0 || !w.noBody) {
		length = w.lengthSoFar(last)
	}
	w.headSent = true
	if w.noBody {
		return w.c.head(w.status, &w.header, length, nil, true)
	}
	if w.filter != nil {
		out, err := w.appendFilter(body, !last, last)
		if err != nil {
			return err
		}
		if last {
			length = int64(len(out))
		}
		return w.c.head(w.status, &w.header, length, out, last && w.trailer.Len() == 0)
	}
	if len(body) > 0 && w.header.Value("Content-Type") == nil {
		w.header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if last && w.trailer.Len() > 0 {
		length = w.declared
		last = false
	}
	return w.c.head(w.status, &w.header, length, body, last)
}

// lengthSoFar is the length of the body as it is known now; -1: it is not. Of a
// HEAD it is what GET would have.
func (w *ResponseWriter) lengthSoFar(last bool) int64 {
	if w.declared < 0 && last {
		return w.sent
	}
	return w.declared
}

// out sends body after the head.
func (w *ResponseWriter) out(p []byte) error {
	if w.filter != nil {
		return w.filtered(p, false, false)
	}
	return w.c.data(p)
}

func (w *ResponseWriter) filtered(p []byte, flush, last bool) error {
	out, err := w.appendFilter(p, flush, last)
	if err != nil || len(out) == 0 {
		return err
	}
	w.x.keepScratch(out)
	return w.c.data(out)
}

// callBefore calls what Before was given. A panic is a failure of the answer, as it is in
// a Filter; the page of that goes without who panicked.
func (w *ResponseWriter) callBefore() (err error) {
	i := len(w.before) - 1
	defer func() {
		if v := recover(); v != nil {
			w.before = slices.Delete(w.before, i, i+1)
			err = panicked(v)
		}
	}()
	for ; i >= 0; i-- {
		w.before[i](w.status, &w.header)
	}
	return nil
}

func (w *ResponseWriter) beginFilter(length int64) (applies bool, err error) {
	if !allowsBody(w.status) {
		return false, nil
	}
	defer recovered(&err)
	return w.filter.Begin(w.status, &w.header, length), nil
}

func (w *ResponseWriter) appendFilter(p []byte, flush, last bool) (out []byte, err error) {
	defer recovered(&err)
	return w.filter.Append(w.x.scratch(), p, flush, last)
}

// recovered makes a panic an error, when it is deferred.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = panicked(v)
	}
}

// complete ends the answer.
func (w *ResponseWriter) complete() error {
	if w.declared >= 0 && w.sent != w.declared && !w.noBody {
		return ErrLength
	}
	if !w.headSent {
		first := w.trailer.Len() == 0
		if err := w.begin(true); err != nil {
			return err
		}
		if first || w.noBody {
			return nil
		}
		return w.c.end(&w.trailer)
	}
	if w.noBody {
		return nil
	}
	if w.filter != nil {
		if err := w.filtered(nil, true, true); err != nil {
			return err
		}
	}
	if w.trailer.Len() > 0 {
		return w.c.end(&w.trailer)
	}
	return w.c.end(nil)
}

// drained is the carrier's: it is no longer full.
func (w *ResponseWriter) drained() {
	if r := w.ready; r != nil {
		w.ready = nil
		r.Succeed(struct{}{})
	}
}

// allowsBody says whether an answer of that status can have a body.
// https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1
func allowsBody(status int) bool {
	return status >= 200 && status != 204 && status != 304
}

// filters is two Filters, one after the other.
type filters struct {
	inner, outer Filter // inner is first to see the body
	mid          []byte
	in, out      bool
}

func (f *filters) Begin(status int, h *Header, length int64) bool {
	if f.in = f.inner.Begin(status, h, length); f.in {
		length = -1
	}
	f.out = f.outer.Begin(status, h, length)
	return f.in || f.out
}

func (f *filters) Append(dst, p []byte, flush, last bool) (_ []byte, err error) {
	if !f.out {
		return f.inner.Append(dst, p, flush, last)
	}
	if f.in {
		if f.mid, err = f.inner.Append(f.mid[:0], p, flush, last); err != nil {
			return dst, err
		}
		p = f.mid
	}
	return f.outer.Append(dst, p, flush, last)
}
