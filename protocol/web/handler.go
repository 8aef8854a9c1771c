package web

import (
	"github.com/twistor-go/twistor/deferred"
)

// A Handler answers requests, on the loop of its Server.
type Handler interface {
	// Serve answers r by w. If it returns nil the answer is complete; else it
	// is when the Signal fires. A failure before the head was sent becomes an
	// error page, of its Status if it is an *Error, else of 500; one after it
	// aborts the answer, so that the client sees it cut. The Signal is
	// cancelled when the client leaves.
	//
	// w and r are valid until the answer is complete, and used again for others
	// then: keep copies, not pointers. A panic is a failure.
	Serve(w *ResponseWriter, r *Request) *deferred.Signal
}

// A HandlerFunc is a Handler that answers at once.
type HandlerFunc func(w *ResponseWriter, r *Request)

// Serve calls f.
func (f HandlerFunc) Serve(w *ResponseWriter, r *Request) *deferred.Signal {
	f(w, r)
	return nil
}

// A Later is a Handler whose answer may come later.
type Later func(w *ResponseWriter, r *Request) *deferred.Signal

// Serve calls f.
func (f Later) Serve(w *ResponseWriter, r *Request) *deferred.Signal { return f(w, r) }

// Inline is a Handler that reads straight down: f runs as a coroutine on the
// loop, and may wait. The answer is complete when it returns.
type Inline func(co *deferred.Co, w *ResponseWriter, r *Request) error

// Serve begins f.
func (f Inline) Serve(w *ResponseWriter, r *Request) *deferred.Signal {
	return deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, f(co, w, r)
	})
}
