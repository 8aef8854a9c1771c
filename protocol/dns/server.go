package dns

import (
	"errors"
	"net/netip"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// What a Server does when its fields are zero.
const (
	DefaultMaxPending       = 10_000
	DefaultMaxInFlight      = 16
	DefaultMaxAmplification = 3
)

// A Server answers queries over UDP (Packets), TCP and TLS (Factory) and, with
// package doh, HTTPS: one Handler, and one policy for all of them. It lives on
// one loop; where all loops serve, each has its own. Its fields are immutable
// after first use. Loop-only.
type Server struct {
	// Handler answers. Nil: everything is refused.
	Handler Handler
	// Opcodes are what the Handler takes beside OpcodeQuery: OpcodeNotify,
	// OpcodeUpdate. Others are answered NOTIMP. Nil: none.
	Opcodes []Opcode
	// Allow says who may ask; others are refused. Nil: everybody.
	Allow func(from netip.Addr) bool
	// Keys are those that sign queries (RFC 8945); with another key, or wrongly
	// signed, a query is answered NOTAUTH. Nil: none.
	Keys *Keyring

	// Cookies make the cookies by which clients that ask again are told from
	// forged senders (RFC 7873). Servers of several loops share them. Nil: the
	// Server makes its own.
	Cookies *Cookies
	// RequireCookie has clients over UDP show a good one: BADCOOKIE with a fresh
	// one is what others get, and those without EDNS a truncated answer.
	RequireCookie bool
	// MaxAmplification is how many bytes a network of strangers, who have
	// neither a cookie nor a key, gets over UDP for each that it sends, above
	// 16 KiB at once and 4 KiB a second that are free. Of the answers beyond,
	// every second one is sent empty and truncated, the others are dropped. A
	// network is a /24, or a /56 of IPv6; this machine is none. Each Server counts
	// for itself. 0: 3; negative: any number.
	MaxAmplification int
	// RatePerSecond is how many answers a second such a network gets, with as
	// many at once; beyond it is as above. 0 and negative: any number.
	RatePerSecond int

	// MaxUDPBytes is how long a datagram may be, if the client takes so much. 0:
	// DefaultUDPBytes.
	MaxUDPBytes int
	// MaxPending is how many answers may be on their way at once; further
	// queries are dropped, as they would be by a full socket. 0: 10,000.
	MaxPending int
	// MaxInFlight is how many of them one connection may have; then it is not
	// read. 0: 16.
	MaxInFlight int
	// IdleTimeout is how long a connection may be silent, with nothing on its
	// way. 0: 10 s; negative: for ever.
	IdleTimeout time.Duration

	// Identity is which of several servers this is, for those who ask for it:
	// by NSID (RFC 5001), and by hostname.bind and id.server in class CH. "":
	// nobody is told.
	Identity string
	// Version is what version.bind and version.server say in class CH. "":
	// refused, as are all other questions of that class.
	Version string

	// Log hears of each answer. Nil: nobody does.
	Log QueryLog

	loop    twistor.Loop
	free    *exchange
	frees   int // of those
	pending int
	jar     jar
	limiter *limiter
	stats   Stats
}

// An exchange is a query and its answer.
type exchange struct {
	q       Query
	w       ResponseWriter
	s       *Server
	to      sink
	next    *exchange        // in Server.free
	done    *deferred.Signal // of the Handler; nil: it answered at once
	signing Signing          // if w.signing is set
	began   time.Time        // if there is a Log
	network uint64           // hash of a stranger's; 0: no stranger
	found   refusal          // by Query.parse
	proven  bool             // the sender is who it says: a good cookie, or a key
}

// take is an exchange to use.
func (s *Server) take() *exchange {
	x := s.free
	if x == nil {
		x = &exchange{s: s}
		x.w.loop = s.loop
	} else {
		s.free, x.next = x.next, nil
		s.frees--
	}
	return x
}

// Of exchanges that are over, maxFree are kept for others, without buffers of
// more than maxFreeBytes.
const (
	maxFree      = 1_000
	maxFreeBytes = 4 << 10
)

func (s *Server) release(x *exchange) {
	x.to, x.done, x.w.sink, x.w.signing = nil, nil, nil, nil
	x.q.raw, x.q.Options, x.q.question = nil, nil, nil
	if s.frees == maxFree {
		return
	}
	for _, b := range []*[]byte{&x.q.kept, &x.w.b, &x.w.scratch} {
		if cap(*b) > maxFreeBytes {
			*b = nil
		}
	}
	s.frees++
	x.next, s.free = s.free, x
}

// serve has the message p answered to to. It reports whether an answer is
// still to come: then it returns the exchange.
func (s *Server) serve(p []byte, from twistor.Peer, network Network, to sink) *exchange {
	s.stats.Queries[network]++
	x := s.take()
	q, w := &x.q, &x.w
	q.From, q.Network = from, network
	r := q.parse(p)
	if r == drop {
		s.stats.Ignored++
		s.release(x)
		return nil
	}
	x.to, x.found, x.network, x.proven = to, r, 0, false
	if s.Log != nil {
		x.began = s.loop.Now()
	}
	w.begin(q, to, s.limit(q))
	if !s.admit(x, r) || !s.within(x) {
		x.complete()
		return nil
	}
	done := s.Handler.Serve(w, q)
	if done == nil {
		x.complete()
		return nil
	}
	if o, fired := done.Result(); fired {
		x.end(o.Err)
		return nil
	}
	q.keep()
	x.done = done
	s.pending++
	done.Done(func(_ struct{}, err error) {
		s.pending--
		x.end(err)
	})
	return x
}

// end completes what the Handler has ended.
func (x *exchange) end(err error) {
	if err != nil && !errors.Is(err, deferred.ErrCanceled) {
		x.s.loop.Log().Warn("cannot answer", "name", x.q.Name.String(), "type", x.q.Type, "err", err)
	}
	if err != nil {
		x.w.Reset()
		x.w.rcode = RcodeServerFailure
	}
	x.complete()
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

// complete sends the answer.
func (x *exchange) complete() {
	s, size := x.s, 0
	if !x.w.dropped {
		p := x.w.finish()
		if err := x.w.err; err != nil {
			s.loop.Log().Warn("cannot answer", "name", x.q.Name.String(), "type", x.q.Type, "err", err)
		}
		if x.network != 0 {
			p = s.ration(x, p)
		}
		if size = len(p); size > 0 {
			x.to.send(&x.w, p, false)
		}
	}
	s.stats.count(x, size)
	if s.Log != nil {
		s.log(x, size)
	}
	x.to.completed(x)
	s.release(x)
}

func (s *Server) idleTimeout() time.Duration {
	if s.IdleTimeout == 0 {
		return DefaultIdleTimeout
	}
	return s.IdleTimeout
}
