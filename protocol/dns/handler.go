package dns

import "github.com/twistor-go/twistor/deferred"

// A Handler answers queries: a zone, a resolver, a program's own. It is
// called on the loop.
//
// Serve returns nil if the answer is complete when it returns; else the answer
// is complete when the Signal fires, and until then q and w are Serve's. If it
// fails, the client is told SERVFAIL. It is cancelled when nobody waits any more.
type Handler interface {
	Serve(w *ResponseWriter, q *Query) *deferred.Signal
}

// A HandlerFunc is a Handler that answers at once.
type HandlerFunc func(w *ResponseWriter, q *Query)

// Serve implements Handler.
func (f HandlerFunc) Serve(w *ResponseWriter, q *Query) *deferred.Signal {
	f(w, q)
	return nil
}

// Inline is a Handler that reads straight down, and may wait.
func Inline(f func(co *deferred.Co, w *ResponseWriter, q *Query) error) Handler { return inline(f) }

type inline func(co *deferred.Co, w *ResponseWriter, q *Query) error

func (f inline) Serve(w *ResponseWriter, q *Query) *deferred.Signal {
	return deferred.Inline(w.loop, func(co *deferred.Co) (struct{}, error) { return struct{}{}, f(co, w, q) })
}

// Resolving is the Handler that answers with what r finds: a forwarder, a
// cache, a recursive resolver for other programs. Who does not want recursion
// (RFC 1035 section 4.1.1) is refused.
func Resolving(r Resolver) Handler { return resolving{r} }

type resolving struct{ r Resolver }

func (h resolving) Serve(w *ResponseWriter, q *Query) *deferred.Signal {
	w.SetRecursionAvailable(true)
	if !q.RecursionDesired || q.Opcode != OpcodeQuery {
		w.SetRcode(RcodeRefused)
		return nil
	}
	d := h.r.Resolve(q.Question(), Options{DNSSECOK: q.DNSSECOK, CheckingDisabled: q.CheckingDisabled})
	return deferred.Then(d, func(m *Message) (struct{}, error) {
		w.WriteMessage(m)
		w.SetAuthoritative(false)
		return struct{}{}, nil
	})
}
