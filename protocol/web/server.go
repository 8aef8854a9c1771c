package web

import (
	"encoding/binary"
	"io"
	"log/slog"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/framing/http1"
)

// What a Server does when its fields are zero.
const (
	DefaultMaxBodyBytes  = 10 << 20
	DefaultHeaderTimeout = 10 * time.Second
	DefaultIdleTimeout   = time.Minute
	DefaultBodyGrace     = 10 * time.Second
	DefaultMinBodyRate   = 1 << 10
	DefaultWriteTimeout  = 30 * time.Second
	DefaultLinger        = 2 * time.Second
)

// A Server is the factory of connections that ask Handler: HTTP/1.0, HTTP/1.1
// and HTTP/2, the last one where TLS agrees on "h2" or the client begins with
// its preface. It lives on one loop; where all loops serve, each has its own
// (service.ListenEach). Its zero answers 404 to all.
type Server struct {
	// Handler answers. Nil: all is 404.
	Handler Handler

	// Heads bounds the heads of requests.
	Heads http1.Limits
	// MaxBodyBytes is how much body a request may have, unless its Handler says otherwise by Body.Limit. 0: 10
	// MiB; negative: no limit.
	MaxBodyBytes int64
	// HeaderTimeout is how long the head of a request may take from its first byte, or the first one from the
	// connection's; bytes do not extend it. 0: 10 s; negative: for ever.
	HeaderTimeout time.Duration
	// IdleTimeout is how long a connection may wait between requests. 0: 60 s; negative: for ever.
	IdleTimeout time.Duration
	// MinBodyRate is how many bytes a second a body must bring, after 10 s. 0:
	// 1 KiB; negative: any.
	MinBodyRate int64
	// WriteTimeout is how long a client may take nothing of what waits for it.
	// 0: 30 s; negative: for ever.
	WriteTimeout time.Duration
	// MaxRequests is how many one connection may make. 0, or negative: no limit.
	MaxRequests int
	// DisableHTTP2 leaves HTTP/1 only.
	DisableHTTP2 bool
	// HTTP2 bounds what an HTTP/2 connection may do.
	HTTP2 HTTP2Limits

	// ErrorPage writes the page of a failure; nil: WriteError. public is for
	// the client's eyes, id is what the log calls the failure, both may be "".
	ErrorPage func(w *ResponseWriter, r *Request, status int, public, id string)
	// AccessLog hears of each answer; nil: none.
	AccessLog AccessLog
	// Debug shows failures to clients: never where strangers are.
	Debug bool
	// Log hears of failures. Nil: the loop's.
	Log *slog.Logger

	// Owned by the loop.

	stats     Stats
	parser    *http1.Parser // for heads that come whole
	spare     *exchange
	spares    int
	h2        *h2shared // nil: no connection of HTTP/2 so far
	pad       []byte    // what a Handler writes at once
	padUser   *exchange
	filterPad []byte
	out       []byte // a head on its way
	date      []byte // the Date field, of dated
	dated     int64
	failures  uint64
	id        uint64
}

// An AccessLog hears of each answer when it is over. err is nil if the client
// could get all of it.
type AccessLog interface {
	Ended(r *Request, w *ResponseWriter, err error)
}

// A RefusalLog is an AccessLog that also hears of what never became a Request,
// because it was malformed, too large or too slow: the server answered status by
// itself, and closes t.
type RefusalLog interface {
	Refused(t twistor.Transport, status int, err error)
}

// Stats counts what a Server did so far.
type Stats struct {
	Connections int    // open now
	Accepted    uint64 // connections so far
	Requests    uint64 // that reached the Handler
	Refused     uint64 // messages that were none, or beyond a limit
}

// Stats returns what s did so far.
func (s *Server) Stats() Stats { return s.stats }

// NextProtos is what a Server offers by ALPN where it listens under TLS.
func (s *Server) NextProtos() []string {
	if s.DisableHTTP2 {
		return []string{"http/1.1"}
	}
	return []string{"h2", "http/1.1"}
}

// Build serves a connection.
func (s *Server) Build(t twistor.Transport) twistor.Protocol {
	s.ready()
	if tls := t.TLS(); tls != nil && tls.NegotiatedProtocol == "h2" && !s.DisableHTTP2 {
		return s.buildHTTP2(t)
	}
	return &h1conn{t: t, s: s}
}

// ready makes what all connections share.
func (s *Server) ready() {
	if s.parser == nil {
		s.parser = &http1.Parser{Limits: s.Heads}
		s.pad = make([]byte, 0, 4<<10)
	}
}

func (s *Server) handler() Handler {
	if s.Handler == nil {
		return HandlerFunc(NotFound)
	}
	return s.Handler
}

func (s *Server) log(l twistor.Loop) *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return l.Log()
}

// instance tells the ids of this Server's failures from those of others.
func (s *Server) instance(l twistor.Loop) uint64 {
	if s.id == 0 {
		var b [4]byte
		io.ReadFull(l.Rand(), b[:])
		s.id = uint64(binary.BigEndian.Uint32(b[:])) | 1<<32
	}
	return s.id & (1<<32 - 1)
}

// appendDate appends the Date field, which is made once a second.
func (s *Server) appendDate(dst []byte, now time.Time) []byte {
	if sec := now.Unix(); sec != s.dated || s.date == nil {
		s.dated = sec
		s.date = append(http1.AppendDate(append(s.date[:0], "Date: "...), now), "\r\n"...)
	}
	return append(dst, s.date...)
}

func (s *Server) maxBody() int64 {
	if s.MaxBodyBytes == 0 {
		return DefaultMaxBodyBytes
	}
	return s.MaxBodyBytes
}

// within resolves a time limit: 0 is the default, negative none, which is 0.
func within(d, zero time.Duration) time.Duration {
	switch {
	case d == 0:
		return zero
	case d < 0:
		return 0
	}
	return d
}
