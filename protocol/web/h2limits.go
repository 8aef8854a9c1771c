package web

import (
	"time"

	"github.com/twistor-go/twistor/protocol/web/internal/h2"
)

// HTTP2Limits bounds what an HTTP/2 connection may do. Zeros, and negative
// numbers, are the defaults. What it does not name is Server's: how long heads
// may take and be, how long a connection may be idle, how long a client may
// take nothing. Immutable after first use.
type HTTP2Limits struct {
	// MaxStreams is how many requests of a connection are served at a time; 0:
	// 100. More are refused so that the client sends them again later.
	MaxStreams int
	// StreamWindowBytes is how much of a body may come that its Handler has not
	// taken; 0: 256 KiB.
	StreamWindowBytes int
	// ConnWindowBytes is the same for all bodies of a connection; 0: 1 MiB.
	ConnWindowBytes int
	// SendBytes is how much of all answers may wait for a client; 0: 1 MiB. One
	// answer is Full at 64 KiB.
	SendBytes int
	// MaxResets is how many more requests than were answered a client may have
	// given up within 10 s, or broken; 0: 200. Then the connection ends.
	MaxResets int

	// WithoutConnect leaves WebSockets to HTTP/1.1. Else they are offered on
	// HTTP/2, too (extended CONNECT, RFC 8441), unless Server.Handler is one of
	// HTTP or OnLoop: an http.Handler takes them by Hijack, which HTTP/2 does not
	// have, and a browser that was offered CONNECT does not ask again without.
	WithoutConnect bool
}

// offersConnect says whether a WebSocket may come by HTTP/2.
func (s *Server) offersConnect() bool {
	switch s.Handler.(type) {
	case *goroutines, *onLoop:
		return false
	}
	return !s.HTTP2.WithoutConnect
}

// forever is a time limit of those who want none.
const forever = 365 * 24 * time.Hour

// http2 is what they share, made once.
func (s *Server) http2() *h2shared {
	if s.h2 == nil {
		limit := func(d, zero time.Duration) time.Duration {
			if d = within(d, zero); d == 0 {
				return forever
			}
			return d
		}
		s.h2 = &h2shared{config: h2.Config{
			MaxStreams:        s.HTTP2.MaxStreams,
			MaxHeaderBytes:    s.Heads.MaxHead,
			MaxFields:         s.Heads.MaxFields,
			StreamWindowBytes: s.HTTP2.StreamWindowBytes,
			ConnWindowBytes:   s.HTTP2.ConnWindowBytes,
			SendBytes:         s.HTTP2.SendBytes,
			MaxResets:         s.HTTP2.MaxResets,
			HeaderTimeout:     limit(s.HeaderTimeout, DefaultHeaderTimeout),
			IdleTimeout:       limit(s.IdleTimeout, DefaultIdleTimeout),
			StallTimeout:      limit(s.WriteTimeout, DefaultWriteTimeout),
			Connect:           s.offersConnect(),
		}}
	}
	return s.h2
}
