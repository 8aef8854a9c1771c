package session

import (
	"errors"
	"fmt"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service"
)

// key is where a Request has its session.
type key[T any] struct{}

// Of is the session of a request, in a Handler that stands within one of
// Sessions[T]; in another one it panics.
func Of[T any](r *web.Request) *Session[T] {
	s, ok := r.Value(key[T]{}).(*Session[T])
	if !ok {
		var zero T
		panic(fmt.Sprintf("session: Of: no Handler of Sessions[%T] stands before this one", zero))
	}
	return s
}

// Handler finds the session of each request, before next is served.
func (p *Sessions[T]) Handler(next web.Handler) web.Handler {
	return web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		s := &Session[T]{all: p, w: w, r: r}
		r.SetValue(key[T]{}, s)
		if p.home == nil {
			return deferred.Failed[struct{}](r.Loop(), &web.Error{Status: 503, Err: errors.New("session: not started")})
		}
		id, ok := r.Cookie(s.cookieName())
		if !ok {
			return next.Serve(w, r)
		}
		hash := keyOf(id)
		if hash == "" {
			return next.Serve(w, r) // none of ours
		}
		found := ask(p, r.Loop(), func() *deferred.Deferred[Record] {
			r, _ := p.table.find(hash)
			return deferred.Succeeded(r)
		})
		if o, ok := found.Result(); ok && o.Err == nil {
			s.take(o.Value)
			return next.Serve(w, r)
		}
		return deferred.Chain(found, func(found Record) *deferred.Signal {
			s.take(found)
			if answered := next.Serve(w, r); answered != nil {
				return answered
			}
			return deferred.Succeeded(struct{}{})
		})
	})
}

// ask calls f where the sessions are.
func ask[T, V any](p *Sessions[T], from twistor.Loop, f func() *deferred.Deferred[V]) *deferred.Deferred[V] {
	if from == p.home {
		if !p.running {
			return deferred.Failed[V](from, errStopped)
		}
		return f()
	}
	return deferred.Ask(from, p.home, func() *deferred.Deferred[V] {
		if !p.running {
			return deferred.Failed[V](p.home, errStopped)
		}
		return f()
	})
}

var errStopped error = &web.Error{Status: 503, Err: fmt.Errorf("session: %w", service.ErrStopped)}
