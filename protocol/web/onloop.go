package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// OnLoop makes a native Handler of h, and runs all of it as coroutines on the
// loop: its code may share what it likes with other code of that loop, without
// locks, and waits by Co(r). It must not block: what reads a request's body or
// writes an answer waits by itself, and everything else by an Await. Use HTTP
// for Handlers that block. The mark stands at the root of a tree of Handlers,
// since a mark on a leaf would be invisible behind a router.
//
// It has what net/http promises: Flusher, ResponseController (but Hijack, which
// needs a goroutine), contexts that end when the client leaves, trailers, 1xx.
func OnLoop(h http.Handler) Handler { return &onLoop{h} }

type onLoop struct{ h http.Handler }

type coKey struct{}

// Co is the coroutine of a request within OnLoop, to Await on; nil elsewhere.
func Co(r *http.Request) *deferred.Co {
	co, _ := r.Context().Value(coKey{}).(*deferred.Co)
	return co
}

func (o *onLoop) Serve(w *ResponseWriter, r *Request) *deferred.Signal {
	return deferred.Inline(r.Loop(), func(co *deferred.Co) (none struct{}, err error) {
		ctx := &coContext{co: co}
		a := &coAnswer{w: w, co: co, ctx: ctx}
		body := io.ReadCloser(http.NoBody)
		if r.Body.Length() != 0 {
			body = &coBody{a: a, body: r.Body}
		}
		w.x.hint, w.x.lone = ctx.end, true
		a.req = host(ctx, r, body)
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler {
					err = errAborted
					return
				}
				err = panicked(v)
			}
		}()
		o.h.ServeHTTP(a, a.req)
		return none, a.finish()
	})
}

// A coContext is a request's context on the loop: made for one and without a goroutine.
type coContext struct {
	co   *deferred.Co
	done chan struct{}
	left chan bool // of CloseNotify
	over bool
}

func (c *coContext) Deadline() (time.Time, bool) { return time.Time{}, false }

func (c *coContext) Done() <-chan struct{} {
	if c.done == nil {
		c.done = make(chan struct{})
		if c.over {
			close(c.done)
		}
	}
	return c.done
}

func (c *coContext) Err() error {
	if c.over {
		return context.Canceled
	}
	return nil
}

func (c *coContext) Value(key any) any {
	if key == (coKey{}) {
		return c.co
	}
	return nil
}

func (c *coContext) end() {
	if c.over {
		return
	}
	c.over = true
	if c.done != nil {
		close(c.done)
	}
	if c.left != nil {
		c.left <- true
	}
}

// A coBody is a request's body, read by a coroutine.
type coBody struct {
	a      *coAnswer
	body   *Body
	closed bool
}

func (b *coBody) Read(p []byte) (int, error) {
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.body.Read(b.a.co, p)
	if err == io.EOF {
		fill(b.a.req, b.body.Trailer())
	}
	return n, stdError(err)
}

func (b *coBody) Close() error {
	b.closed = true
	return nil
}

// stdError is an error as net/http's Handlers know it.
func stdError(err error) error {
	switch {
	case errors.Is(err, ErrTooLarge):
		return &http.MaxBytesError{}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	}
	return err
}

// A coAnswer is a ResponseWriter for net/http's Handlers on a coroutine.
type coAnswer struct {
	w      *ResponseWriter
	co     *deferred.Co
	ctx    *coContext
	req    *http.Request
	header http.Header
	head   outline
	wrote  bool // the head is with w
	apart  bool // header is no longer the head's
}

var (
	_ http.Flusher    = (*coAnswer)(nil)
	_ io.ReaderFrom   = (*coAnswer)(nil)
	_ http.Hijacker   = (*coAnswer)(nil)
	_ io.StringWriter = (*coAnswer)(nil)
)

func (a *coAnswer) Header() http.Header {
	if a.header == nil {
		a.header = make(http.Header, 4)
	}
	if a.head.status != 0 && !a.apart {
		a.apart, a.header = true, a.header.Clone() // for the trailer
	}
	return a.header
}

func (a *coAnswer) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != 101 {
		var h Header
		addFields(&h, a.Header())
		a.w.Inform(status, &h)
		return
	}
	if a.head.status == 0 {
		a.head.status = status
		a.head.header = a.header
	}
}

// begin gives the head to w; first is the beginning of the body.
func (a *coAnswer) begin(first []byte) {
	if a.wrote {
		return
	}
	a.wrote = true
	if a.head.status == 0 {
		a.head.status, a.head.header = 200, a.header
	}
	a.head.apply(a.w, a.head.header, first)
}

func (a *coAnswer) Write(p []byte) (int, error) {
	if a.head.status != 0 && !allowsBody(a.head.status) {
		return 0, http.ErrBodyNotAllowed
	}
	a.begin(p)
	n, err := a.w.Write(p)
	if err != nil {
		return n, stdWrite(err)
	}
	if a.w.Full() {
		_, err = a.w.Ready().Await(a.co)
	}
	return n, err
}

func (a *coAnswer) WriteString(s string) (int, error) { return a.Write([]byte(s)) }

// stdWrite is an error of Write as net/http's Handlers know it.
func stdWrite(err error) error {
	if errors.Is(err, ErrLength) {
		return http.ErrContentLength
	}
	return err
}

// ReadFrom sends files as files.
func (a *coAnswer) ReadFrom(src io.Reader) (int64, error) {
	if s := section(src); s != nil && a.w.filter == nil {
		a.begin(peek(s))
		return a.w.SendFile(s).Await(a.co)
	}
	return io.CopyBuffer(writerOnly{a}, src, make([]byte, 32<<10))
}

type writerOnly struct{ io.Writer }

func (a *coAnswer) Flush() { a.FlushError() }

func (a *coAnswer) FlushError() error {
	a.begin(nil)
	return a.w.Flush()
}

// Hijack is not there on a loop: its net.Conn would block it.
func (a *coAnswer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}

func (a *coAnswer) EnableFullDuplex() error { return nil }

// CloseNotify is what contexts have replaced; there are still those who use it.
func (a *coAnswer) CloseNotify() <-chan bool {
	if a.ctx.left == nil {
		a.ctx.left = make(chan bool, 1)
		if a.ctx.over {
			a.ctx.left <- true
		}
	}
	return a.ctx.left
}

// finish ends the answer as its Handler has.
func (a *coAnswer) finish() error {
	a.begin(nil)
	trailers(a.w, a.Header())
	return nil
}

// section finds the file in what io.Copy and http.ServeContent pass on, and
// takes it to have been read; nil: it is none.
func section(src io.Reader) *io.SectionReader {
	n := int64(-1)
	if l, ok := src.(*io.LimitedReader); ok {
		src, n = l.R, l.N
	}
	f, ok := src.(*os.File)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil
	}
	if left := info.Size() - at; n < 0 || left < n {
		n = max(left, 0)
	}
	if _, err := f.Seek(n, io.SeekCurrent); err != nil {
		return nil
	}
	return io.NewSectionReader(f, at, n)
}

// peek is the beginning of s, for its type.
func peek(s *io.SectionReader) []byte {
	p := make([]byte, 512)
	n, _ := s.ReadAt(p, 0)
	return p[:n]
}
