package web

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// RoundTripper makes of c what an http.Client wants as its Transport, so that programs that know
// net/http ask over the loop: from any goroutine but the loop's. It has a pool of its own.
// Redirects and cookies are the http.Client's; there is no Timeout and no MaxBodyBytes unless c
// sets them, for contexts bound the one and readers the other. An Upgrade is refused. Safe for
// concurrent use.
func (c *Client) RoundTripper() http.RoundTripper {
	d := *c
	d.origins, d.idle, d.out, d.h2, d.plain = nil, nil, nil, nil, nil
	d.MaxRedirects, d.Cookies = -1, nil
	if d.MaxBodyBytes == 0 {
		d.MaxBodyBytes = -1
	}
	if d.Timeout == 0 {
		d.Timeout = -1
	}
	return &roundTripper{&d}
}

type roundTripper struct {
	c *Client // Owned by the loop, but for Loop.
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (t *roundTripper) CloseIdleConnections() { t.c.Loop.Post(t.c.CloseIdle) }

func (t *roundTripper) RoundTrip(q *http.Request) (*http.Response, error) {
	r, err := requestOf(q)
	if err == nil {
		var answer *http.Response
		answer, err = deferred.Call(q.Context(), t.c.Loop, func() *deferred.Deferred[*http.Response] {
			return deferred.Then(t.c.Do(r), func(p *Response) (*http.Response, error) { return stdResponse(q, p), nil })
		})
		if err == nil {
			return answer, nil
		}
	}
	if q.Body != nil {
		q.Body.Close()
	}
	return nil, err
}

// requestOf is q as a Request.
func requestOf(q *http.Request) (*Request, error) {
	method := q.Method
	if method == "" {
		method = "GET"
	}
	r, err := NewRequest(method, q.URL.String())
	if err != nil {
		return nil, err
	}
	if q.Header.Get("Upgrade") != "" {
		return nil, r.refuse("upgrade: want Client.Upgrade")
	}
	if q.Host != "" && q.Host != q.URL.Host {
		if err := r.SetHost(q.Host); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.Header)) {
		for i, value := range q.Header[name] {
			// What the URL said of the user yields to a field.
			set := r.Header.Add
			if i == 0 {
				set = r.Header.Set
			}
			if err := set(name, value); err != nil {
				return nil, err
			}
		}
	}
	if q.Close {
		r.Header.Set("Connection", "close")
	}
	if q.Body != nil && q.Body != http.NoBody {
		length := q.ContentLength
		if length == 0 {
			length = -1
		}
		r.Content = &stdContent{readerContent{r: q.Body, length: length}, q}
		for _, name := range slices.Sorted(maps.Keys(q.Trailer)) {
			r.Header.Add("Trailer", name)
		}
	}
	return r, nil
}

// refuse is the error of a request that a Client does not send.
func (r *Request) refuse(why string) error {
	return &RequestError{Method: r.Method, URL: describe("", r.url), Op: "parse", Err: errors.New(why)}
}

// A stdContent is the body of an http.Request, which is closed when it was sent.
type stdContent struct {
	readerContent
	q *http.Request
}

func (c *stdContent) Send(l twistor.Loop, w BodyWriter) *deferred.Signal {
	sent := c.readerContent.Send(l, w)
	return sent.Always(func() {
		deferred.Go(l, func(context.Context) (struct{}, error) { return struct{}{}, c.q.Body.Close() }).Done(nil)
	})
}

// Trailer has the fields that q's owner has set by the end of its body.
func (c *stdContent) Trailer() *Header {
	if len(c.q.Trailer) == 0 {
		return nil
	}
	h := new(Header)
	for _, name := range slices.Sorted(maps.Keys(c.q.Trailer)) {
		for _, value := range c.q.Trailer[name] {
			h.Add(name, value)
		}
	}
	return h
}

// stdResponse is p as an http.Response, made on the loop.
func stdResponse(q *http.Request, p *Response) *http.Response {
	a := &http.Response{
		Status:     strconv.Itoa(p.Status) + " " + p.Reason,
		StatusCode: p.Status,
		Proto:      protoName(p.major, p.minor), ProtoMajor: p.major, ProtoMinor: p.minor,
		Header:        http.Header{},
		ContentLength: p.Body.Length(),
		Uncompressed:  p.Decoded,
		Request:       q,
	}
	for name, value := range p.Header.All() {
		a.Header.Add(name, value)
	}
	if p.hop.wire != nil {
		a.TLS = p.hop.wire.transport().TLS()
	}
	if a.ContentLength == 0 {
		if n, err := strconv.ParseInt(p.Header.Get("Content-Length"), 10, 64); err == nil && q.Method == "HEAD" {
			a.ContentLength = n
		}
		a.Body = http.NoBody
		return a
	}
	if a.ContentLength < 0 && !p.Decoded && p.Header.Has("Transfer-Encoding") {
		a.TransferEncoding = []string{"chunked"}
		a.Header.Del("Transfer-Encoding")
	}
	b := &stdBody{ctx: q.Context(), l: p.Body.loop, p: p, answer: a}
	b.stop = context.AfterFunc(q.Context(), b.end)
	a.Body = b
	return a
}

// A stdBody is a Body for an ordinary goroutine: each Read asks the loop.
type stdBody struct {
	ctx    context.Context // a reader's, as in net/http
	l      twistor.Loop
	p      *Response // Owned by the loop.
	answer *http.Response
	stop   func() bool
	buf    []byte // lent to the loop during a Read
	rest   []byte // of buf
	err    error
}

// A stdPiece is what the loop gives for a Read.
type stdPiece struct {
	p       []byte
	err     error
	trailer http.Header
}

func (b *stdBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 && b.err == nil && len(p) > 0 {
		b.more()
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	if n == 0 && b.err != nil {
		return 0, b.err
	}
	return n, nil
}

// more asks the loop for a piece.
func (b *stdBody) more() {
	buf := b.buf
	if buf == nil {
		buf = make([]byte, piece)
	}
	b.buf = nil // not ours while the loop has it, or may have it if ctx ends
	got, err := deferred.Call(b.ctx, b.l, func() *deferred.Deferred[stdPiece] {
		return deferred.Inline(b.l, func(co *deferred.Co) (stdPiece, error) {
			n, err := b.p.Body.Read(co, buf)
			s := stdPiece{p: buf[:n], err: err}
			if h := b.p.Body.Trailer(); h != nil && errors.Is(err, io.EOF) {
				s.trailer = http.Header{}
				for name, value := range h.All() {
					s.trailer.Add(name, value)
				}
			}
			return s, nil
		})
	})
	if err != nil {
		b.err = err
		return
	}
	b.buf, b.rest, b.err = got.p[:piece], got.p, got.err
	if got.trailer != nil {
		b.answer.Trailer = got.trailer
	}
	if b.err != nil {
		b.stop()
	}
}

func (b *stdBody) Close() error {
	b.stop()
	b.end()
	return nil
}

// end drops what is left.
func (b *stdBody) end() { b.l.Post(b.p.Close) }
