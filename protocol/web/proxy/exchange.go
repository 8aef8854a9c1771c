package proxy

import (
	"errors"
	"io"
	"strconv"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// writerKey finds the answer that an outgoing request is for.
type writerKey struct{}

// A passage is the body of a request on its way through: a web.Content.
type passage struct {
	body  *web.Body
	begun bool
	err   error // of the client's side
}

// passageOf is the body of r as the content of another request; nil: it has none.
func passageOf(r *web.Request) *passage {
	if r.Body.Length() == 0 || r.Method == "CONNECT" {
		return nil // what follows a CONNECT is the tunnel
	}
	return &passage{body: r.Body}
}

func (p *passage) Length() int64        { return p.body.Length() }
func (p *passage) Trailer() *web.Header { return p.body.Trailer() }
func (p *passage) SendsOnce() bool      { return true }

// Send passes on what comes, as fast as the other side takes it.
func (p *passage) Send(l twistor.Loop, w web.BodyWriter) *deferred.Signal {
	if p.begun {
		return deferred.Failed[struct{}](l, web.ErrUsed)
	}
	p.begun = true
	sent := pour(l, p.body, w)
	return deferred.Then(sent.Catch(func(err error) (struct{}, error) {
		p.err = err
		return struct{}{}, err
	}), func(struct{}) (struct{}, error) { return struct{}{}, nil })
}

// pour writes a body to w, and holds it back while w is full. It fails with the first error of
// either.
func pour(l twistor.Loop, body *web.Body, w web.BodyWriter) *deferred.Signal {
	done := deferred.New[struct{}](l)
	fail := func(err error) { done.Fail(err) }
	body.Each(func(p []byte) {
		if _, err := w.Write(p); err != nil {
			fail(err)
			return
		}
		if w.Full() {
			body.Pause()
			w.Ready().Done(func(_ struct{}, err error) {
				if err != nil {
					fail(err)
					return
				}
				body.Resume()
			})
		}
	}).Done(func(_ struct{}, err error) {
		if err != nil {
			fail(err)
			return
		}
		done.Succeed(struct{}{})
	})
	return done
}

// answer passes the answer p on to w.
func answer(co *deferred.Co, w *web.ResponseWriter, r *web.Request, p *web.Response) error {
	defer p.Close()
	h := w.Header()
	copyHeader(h, &p.Header)
	if n := p.Body.Length(); n > 0 {
		// A Content-Length of a body that is decoded or in chunks is none.
		h.Set("Content-Length", strconv.FormatInt(n, 10))
	} else if n < 0 {
		h.Del("Content-Length")
	}
	w.WriteHeader(p.Status)
	if p.Body.Length() == 0 {
		return nil
	}
	if !p.Header.Has("Content-Type") {
		// What the back end did not say of its body, we do not know: our server would guess.
		if err := w.Flush(); err != nil {
			return err
		}
	}
	poured := pour(r.Loop(), p.Body, w)
	// A body that is here already leaves together with the head; one that comes late does not hold
	// it up.
	soon := r.Loop().CallLater(0, func() { w.Flush() })
	_, err := poured.Await(co)
	soon.Stop()
	if err != nil {
		return err
	}
	if t := p.Body.Trailer(); t != nil {
		copyHeader(w.Trailer(), t)
	}
	return nil
}

// inform passes interim answers on to whom they are for; 100 (Continue) is between neighbours.
func inform(out *web.Request, status int, h *web.Header) {
	w, ok := out.Value(writerKey{}).(*web.ResponseWriter)
	if !ok || status == 100 {
		return
	}
	var passed web.Header
	copyHeader(&passed, h)
	w.Inform(status, &passed)
}

// failure is what a client is told of what went wrong behind us: not more than a status.
func failure(err error, sent *passage) error {
	if sent != nil && sent.err != nil {
		// The client broke its own request off, or it is too large.
		var told *web.Error
		if errors.As(sent.err, &told) {
			return told
		}
		if errors.Is(sent.err, io.ErrUnexpectedEOF) {
			return &web.Error{Status: 400, Err: sent.err}
		}
	}
	var told *web.Error
	switch {
	case errors.Is(err, deferred.ErrCanceled):
		return err
	case errors.As(err, &told):
		return told // Permit's
	case errors.Is(err, deferred.ErrTimeout):
		return &web.Error{Status: 504, Err: err}
	case errors.Is(err, web.ErrBusy):
		return &web.Error{Status: 503, Err: err}
	}
	return &web.Error{Status: 502, Err: err}
}
