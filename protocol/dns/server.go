package dns

import (
	"errors"
	"net/netip"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// What a Server does when its fields are zero.
const (
	DefaultMaxPending  = 10_000
	DefaultMaxInFlight = 16
)

// A Server answers queries over UDP (Packets), TCP and TLS (Factory) and, with
// package doh, HTTPS: one Handler, and one policy for all of them. It lives on
// one loop; where all loops serve, each has its own.
type Server struct {
	// Handler answers. Nil: everything is refused.
	Handler Handler
	// Allow says who may ask; others are refused. Nil: everybody.
	Allow func(from netip.Addr) bool
	// MaxUDPBytes is how long a datagram may be, if the client takes so much. 0:
	// DefaultUDPBytes.
	MaxUDPBytes int
	// MaxPending is how many answers may be on their way at once; further
	// queries are dropped, as they would be by a full socket. 0: 10,000.
	MaxPending int
	// MaxInFlight is how many of them one connection may have; then it is not
	// read. 0: 16.
	MaxInFlight int

	loop    twistor.Loop
	free    *exchange
	pending int
}

// An exchange is a query and its answer.
type exchange struct {
	q    Query
	w    ResponseWriter
	s    *Server
	to   sink
	next *exchange        // in Server.free
	done *deferred.Signal // of the Handler; nil: it answered at once
}

// take is an exchange to use.
func (s *Server) take() *exchange {
	x := s.free
	if x == nil {
		x = &exchange{s: s}
		x.w.loop = s.loop
	} else {
		s.free = x.next
	}
	return x
}

func (s *Server) release(x *exchange) {
	x.to, x.done, x.w.sink = nil, nil, nil
	x.next, s.free = s.free, x
}

// serve has the message p answered to to. It reports whether an answer is
// still to come: then it returns the exchange.
func (s *Server) serve(p []byte, from twistor.Peer, network Network, to sink) *exchange {
	x := s.take()
	q, w := &x.q, &x.w
	q.From, q.Network = from, network
	x.to = to
	r := q.parse(p)
	if r == drop {
		s.release(x)
		return nil
	}
	w.begin(q, to, s.limit(q))
	if s.refuse(w, q, r) || s.Handler == nil {
		x.complete()
		return nil
	}
	done := s.Handler.Serve(w, q)
	if done == nil {
		x.complete()
		return nil
	}
	q.keep()
	x.done = done
	s.pending++
	done.Done(func(_ struct{}, err error) {
		s.pending--
		if err != nil && !errors.Is(err, deferred.ErrCanceled) {
			s.loop.Log().Warn("cannot answer", "name", q.Name.String(), "type", q.Type, "err", err)
		}
		if err != nil {
			w.Reset()
			w.rcode = RcodeServerFailure
		}
		x.complete()
	})
	return x
}

func (s *Server) maxPending() int {
	if s.MaxPending == 0 {
		return DefaultMaxPending
	}
	return s.MaxPending
}

func (s *Server) maxInFlight() int {
	if s.MaxInFlight == 0 {
		return DefaultMaxInFlight
	}
	return s.MaxInFlight
}

// limit is how long the answer to q may be.
func (s *Server) limit(q *Query) int {
	if q.Network.Stream() {
		return MaxMessageBytes
	}
	most := s.MaxUDPBytes
	if most == 0 {
		most = DefaultUDPBytes
	}
	return max(512, min(most, int(q.UDPSize)))
}

// refuse is the policy of all networks: it answers what no Handler is to see,
// and reports whether it did.
func (s *Server) refuse(w *ResponseWriter, q *Query, r refusal) bool {
	switch {
	case r == formError:
		w.SetRcode(RcodeFormatError)
	case r == notImplemented:
		w.SetRcode(RcodeNotImplemented)
	case r == badVersion:
		w.SetRcode(RcodeBadVersion)
	case s.Handler == nil, s.Allow != nil && !s.Allow(q.From.Addr.Addr()):
		w.SetRcode(RcodeRefused)
	default:
		return false
	}
	return true
}

// complete sends the answer.
func (x *exchange) complete() {
	if !x.w.dropped {
		p := x.w.finish()
		if err := x.w.err; err != nil {
			x.s.loop.Log().Warn("cannot answer", "name", x.q.Name.String(), "type", x.q.Type, "err", err)
		}
		x.to.send(&x.w, p, false)
	}
	x.to.completed(x)
	x.s.release(x)
}
