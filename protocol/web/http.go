package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/netconn"
)

// What a Handler on a goroutine may have on its way to the loop, or a body from
// it, before it waits.
const (
	goBuffer = 64 << 10
	goFirst  = 4 << 10 // kept back, so that a short answer gets its length
)

// How long a goroutine waits for another request before it ends.
const goIdle = time.Second

// HTTP makes a native Handler of h, and runs all of it on goroutines, one for
// each request under way: any router, middleware and Handler of net/http's
// world runs unchanged. They are as many as requests are served at a time, which
// the limits of connections and streams bound. What they share with code of
// the loop must be told by Post. OnLoop is the other way.
//
// Everything that net/http promises is there: Flusher, Hijacker (HTTP/1),
// ResponseController, contexts that end when the client leaves, trailers, 1xx,
// files by sendfile. A panic is a 500 instead of a cut connection, where that is
// still possible; http.ErrAbortHandler cuts it. May be given to the Servers of all loops.
func HTTP(h http.Handler) Handler { return &goroutines{h: h, jobs: make(chan *goAnswer)} }

type goroutines struct {
	h    http.Handler
	jobs chan *goAnswer // to goroutines that wait for one
}

func (g *goroutines) Serve(w *ResponseWriter, r *Request) *deferred.Signal {
	a := &goAnswer{loop: r.Loop(), w: w, from: r, done: deferred.New[struct{}](r.Loop())}
	a.work = a.turn
	a.room.L = &a.mu
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), http.LocalAddrContextKey, r.LocalAddr()))
	a.cancel = cancel
	body := io.ReadCloser(http.NoBody)
	if r.Body.Length() != 0 {
		a.body = &goBody{a: a}
		a.body.come.L = &a.mu
		body = a.body
	}
	a.req = host(ctx, r, body)
	a.done.OnCancel(a.left)
	w.x.hint, w.x.lone = cancel, true
	select {
	case g.jobs <- a:
	default:
		go g.run(a)
	}
	return a.done
}

// run serves a, and others that come soon after.
func (g *goroutines) run(a *goAnswer) {
	idle := time.NewTimer(goIdle)
	defer idle.Stop()
	for {
		a.serve(g.h)
		a = nil
		idle.Reset(goIdle)
		select {
		case a = <-g.jobs:
		case <-idle.C:
			return
		}
	}
}

// A goAnswer joins a Handler on a goroutine with its exchange on the loop: what
// the one writes is taken by the other in turns, many writes at once.
type goAnswer struct {
	loop   twistor.Loop
	work   func() // turn
	req    *http.Request
	cancel context.CancelFunc

	// Owned by the loop; nil w: it is over.
	w    *ResponseWriter
	from *Request
	done *deferred.Signal

	// Owned by the goroutine.
	header http.Header
	apart  bool // header is no longer the head's
	head   outline
	body   *goBody

	mu   sync.Mutex
	room sync.Cond // there is room in out, or an answer to an ask
	// Guarded by mu.
	out      []byte
	begun    bool // the head is for the loop to take
	taken    bool // it has
	flush    bool
	ended    bool // the Handler has returned
	failure  error
	posted   bool
	full     bool // the client is slow
	gone     error
	asks     []func() // to be done on the loop, after what was written before
	sendEnd  time.Time
	hijacked bool
}

var (
	_ http.Flusher    = (*goAnswer)(nil)
	_ http.Hijacker   = (*goAnswer)(nil)
	_ io.ReaderFrom   = (*goAnswer)(nil)
	_ io.StringWriter = (*goAnswer)(nil)
)

// serve runs the Handler.
func (a *goAnswer) serve(h http.Handler) {
	var failure error = errGoexit
	defer func() {
		if v := recover(); v == http.ErrAbortHandler {
			failure = errAborted
		} else if v != nil {
			failure = &deferred.PanicError{Value: v, Stack: debug.Stack()}
		}
		a.cancel()
		a.mu.Lock()
		if a.hijacked {
			a.mu.Unlock()
			return
		}
		a.ended, a.failure = true, failure
		a.begun = true
		a.post()
		a.mu.Unlock()
	}()
	h.ServeHTTP(a, a.req)
	failure = nil
	if a.head.status == 0 {
		a.say(200)
	}
}

var errGoexit = errors.New("web: the handler's goroutine was ended")

func (a *goAnswer) Header() http.Header {
	if a.header == nil {
		a.header = make(http.Header, 4)
	}
	if a.head.status != 0 && !a.apart {
		// The loop reads the head: what comes now is for the trailer.
		a.apart, a.header = true, a.header.Clone()
	}
	return a.header
}

func (a *goAnswer) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != 101 {
		h := new(Header)
		addFields(h, a.Header())
		a.ask(func() { a.w.Inform(status, h) }, false)
		return
	}
	if a.head.status == 0 {
		a.say(status)
	}
}

// say fixes the head; it leaves with the first bytes, or the end.
func (a *goAnswer) say(status int) {
	a.head.status = status
	a.head.header = a.header
}

func (a *goAnswer) Write(p []byte) (n int, err error) {
	if a.head.status == 0 {
		a.say(200)
	}
	if !allowsBody(a.head.status) {
		return 0, http.ErrBodyNotAllowed
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(p) > 0 {
		if err := a.over(); err != nil {
			return n, err
		}
		if free := goBuffer - len(a.out); free > 0 && !(a.full && len(a.out) > 0) {
			k := min(free, len(p))
			a.out = append(a.out, p[:k]...)
			p, n = p[k:], n+k
			if len(a.out) > goFirst || a.taken {
				a.begun = true
				a.post()
			}
			continue
		}
		a.room.Wait()
	}
	return n, nil
}

func (a *goAnswer) WriteString(s string) (int, error) { return a.Write([]byte(s)) }

// over is why nothing more can be written; nil: it can.
func (a *goAnswer) over() error {
	switch {
	case a.hijacked:
		return http.ErrHijacked
	case a.gone != nil:
		return a.gone
	case !a.sendEnd.IsZero() && !time.Now().Before(a.sendEnd):
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (a *goAnswer) Flush() { a.FlushError() }

// FlushError hands what is written to the loop.
func (a *goAnswer) FlushError() error {
	if a.head.status == 0 {
		a.say(200)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begun, a.flush = true, true
	a.post()
	return a.over()
}

// ReadFrom sends files as files.
func (a *goAnswer) ReadFrom(src io.Reader) (int64, error) {
	s := section(src)
	if s == nil {
		return io.CopyBuffer(writerOnly{a}, src, make([]byte, 32<<10))
	}
	if a.head.status == 0 {
		a.say(200)
	}
	a.mu.Lock()
	if !a.begun && len(a.out) == 0 && a.head.header["Content-Type"] == nil {
		if a.head.header == nil {
			a.head.header = http.Header{}
		}
		a.head.header.Set("Content-Type", http.DetectContentType(peek(s)))
	}
	a.begun = true
	a.mu.Unlock()
	type result struct {
		n   int64
		err error
	}
	sent := make(chan result, 1)
	ok := a.ask(func() {
		a.w.SendFile(s).Done(func(n int64, err error) { sent <- result{n, err} })
	}, false)
	if !ok {
		return 0, net.ErrClosed
	}
	select {
	case r := <-sent:
		return r.n, r.err
	case <-a.req.Context().Done():
		return 0, net.ErrClosed
	}
}

// ask has f done on the loop, after what was written; wait: and waits for it. It reports
// false when that is too late.
func (a *goAnswer) ask(f func(), wait bool) bool {
	var did chan struct{}
	if wait {
		did = make(chan struct{})
		g := f
		f = func() { g(); close(did) }
	}
	a.mu.Lock()
	if a.over() != nil {
		a.mu.Unlock()
		return false
	}
	a.asks = append(a.asks, f)
	a.post()
	a.mu.Unlock()
	if wait {
		select {
		case <-did:
		case <-a.req.Context().Done():
			return false
		}
	}
	return true
}

// post has the loop take what there is. mu is held.
func (a *goAnswer) post() {
	if a.posted {
		return
	}
	a.posted = true
	if !a.loop.Post(a.work) {
		a.gone = twistor.ErrStopped
		a.cancel()
		a.room.Broadcast()
	}
}

// turn is the loop's: it takes what the goroutine has written.
func (a *goAnswer) turn() {
	a.mu.Lock()
	a.posted = false
	w := a.w
	if w == nil || w.ending {
		a.mu.Unlock()
		return
	}
	out, asks, flush, ended, failure := a.out, a.asks, a.flush, a.ended, a.failure
	begun := a.begun && !a.taken
	if a.begun {
		a.taken = true
	} else {
		out = nil // a head that may still change
	}
	if out != nil {
		a.out = nil
	}
	a.asks, a.flush = nil, false
	a.mu.Unlock()

	if begun && (failure == nil || len(out) > 0) && !w.switched {
		a.head.apply(w, a.head.header, out)
	}
	if len(out) > 0 {
		if !flush && ended {
			w.streaming = false // it is complete: no need to hurry
		}
		w.Write(out)
	}
	if flush {
		w.Flush()
	}
	for _, f := range asks {
		if a.w == nil || w.ending {
			break
		}
		f()
	}
	if ended && a.w != nil {
		a.w = nil
		if failure != nil {
			a.done.Fail(failure)
			return
		}
		trailers(w, a.header)
		a.done.Succeed(struct{}{})
		return
	}
	a.mu.Lock()
	a.full = w.Full()
	if a.full {
		w.Ready().Done(func(_ struct{}, err error) {
			if err == nil && a.w != nil {
				a.mu.Lock()
				a.full = false
				a.room.Broadcast()
				more := len(a.out) > 0
				if more {
					a.post()
				}
				a.mu.Unlock()
			}
		})
	}
	a.room.Broadcast()
	a.mu.Unlock()
}

// left is the loop's: the client has gone.
func (a *goAnswer) left() {
	a.w = nil
	a.mu.Lock()
	if a.gone == nil {
		a.gone = net.ErrClosed
	}
	a.room.Broadcast()
	if a.body != nil {
		a.body.failed(io.ErrUnexpectedEOF)
	}
	a.mu.Unlock()
	a.cancel()
}

// SetWriteDeadline serves http.ResponseController.
func (a *goAnswer) SetWriteDeadline(t time.Time) error {
	a.mu.Lock()
	a.sendEnd = t
	a.room.Broadcast()
	a.mu.Unlock()
	if !t.IsZero() {
		a.ask(func() {
			a.loop.CallLater(t.Sub(a.loop.Now()), func() {
				a.mu.Lock()
				a.room.Broadcast()
				a.mu.Unlock()
			})
		}, false)
	}
	return nil
}

// SetReadDeadline serves http.ResponseController.
func (a *goAnswer) SetReadDeadline(t time.Time) error {
	b := a.body
	if b == nil {
		return nil
	}
	a.mu.Lock()
	b.limit = t
	b.come.Broadcast()
	a.mu.Unlock()
	if !t.IsZero() {
		a.ask(func() {
			a.loop.CallLater(t.Sub(a.loop.Now()), func() {
				a.mu.Lock()
				b.come.Broadcast()
				a.mu.Unlock()
			})
		}, false)
	}
	return nil
}

// CloseNotify is what contexts have replaced; there are still those who use it.
func (a *goAnswer) CloseNotify() <-chan bool {
	left := make(chan bool, 1)
	context.AfterFunc(a.req.Context(), func() { left <- true })
	return left
}

// EnableFullDuplex is so from the start.
func (a *goAnswer) EnableFullDuplex() error { return nil }

// Hijack gives the connection to the Handler, as net/http does: what the client
// sent behind the request can be read from both.
func (a *goAnswer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if a.req.ProtoMajor != 1 {
		return nil, nil, http.ErrNotSupported
	}
	got := make(chan *netconn.Conn, 1)
	failed := errors.New("web: Hijack: the connection is gone, or an answer was begun")
	ok := a.ask(func() {
		w := a.w
		if w.HeadSent() {
			close(got)
			return
		}
		w.switched = true
		err := w.c.switchTo(0, &w.header, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			c, p := netconn.New(t)
			got <- c
			return p
		}))
		if err != nil {
			close(got)
			return
		}
		a.w = nil
		a.done.Succeed(struct{}{})
	}, true)
	if !ok {
		return nil, nil, failed
	}
	c, ok := <-got
	if !ok {
		return nil, nil, failed
	}
	a.mu.Lock()
	a.hijacked = true
	a.mu.Unlock()
	return c, bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c)), nil
}

// A goBody is a request's body on its way from the loop to the goroutine.
type goBody struct {
	a    *goAnswer
	come sync.Cond
	// Guarded by a.mu.
	in      []byte
	read    int
	err     error
	asked   bool
	paused  bool
	closed  bool
	limit   time.Time
	trailer *Header
}

func (b *goBody) Read(p []byte) (int, error) {
	a := b.a
	a.mu.Lock()
	defer a.mu.Unlock()
	if !b.asked && !b.closed && a.gone == nil {
		b.asked = true
		a.asks = append(a.asks, b.begin)
		a.post()
	}
	for {
		switch {
		case b.closed:
			return 0, http.ErrBodyReadAfterClose
		case !b.limit.IsZero() && !time.Now().Before(b.limit):
			return 0, os.ErrDeadlineExceeded
		case b.read < len(b.in):
			n := copy(p, b.in[b.read:])
			b.read += n
			if b.read == len(b.in) {
				b.in, b.read = b.in[:0], 0
			}
			if b.paused && len(b.in)-b.read <= goBuffer/2 {
				b.paused = false
				a.asks = append(a.asks, func() { a.from.Body.Resume() })
				a.post()
			}
			return n, nil
		case b.err != nil:
			if b.err == io.EOF && b.trailer != nil {
				fill(a.req, b.trailer)
				b.trailer = nil
			}
			return 0, b.err
		case a.gone != nil:
			return 0, io.ErrUnexpectedEOF
		case len(p) == 0:
			return 0, nil
		}
		b.come.Wait()
	}
}

func (b *goBody) Close() error {
	b.a.mu.Lock()
	b.closed = true
	b.come.Broadcast()
	b.a.mu.Unlock()
	return nil
}

// begin is the loop's: somebody reads.
func (b *goBody) begin() {
	a, body := b.a, b.a.from.Body
	body.Each(func(p []byte) {
		a.mu.Lock()
		if b.closed {
			a.mu.Unlock()
			return
		}
		if b.read > 0 {
			b.in, b.read = b.in[:copy(b.in, b.in[b.read:])], 0
		}
		b.in = append(b.in, p...)
		if len(b.in) >= goBuffer && !b.paused {
			b.paused = true
			body.Pause()
		}
		b.come.Broadcast()
		a.mu.Unlock()
	}).Done(func(_ struct{}, err error) {
		if err == nil {
			err = io.EOF
		}
		a.mu.Lock()
		b.trailer = body.Trailer()
		b.failed(stdError(err))
		a.mu.Unlock()
	})
}

// failed ends the body. a.mu is held.
func (b *goBody) failed(err error) {
	if b.err == nil {
		b.err = err
	}
	b.come.Broadcast()
}
