package web

import (
	"io"
	"net"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
)

// Header is an ordered list of header fields; see package http1.
type Header = http1.Header

// A carrier takes one answer to the wire and brings its request's body: an
// exchange of an HTTP/1 connection, or a stream of an HTTP/2 one. The
// ResponseWriter above it keeps the order: inform* head (data | shared | file)*
// end, or abort at any time, or switchTo instead of all. head with last, end,
// abort and switchTo are said once and are the last.
//
// To begin, the carrier's owner calls exchange.begin; it calls w.drained when it is
// no longer full after it was, r.Body.deliver and r.Body.finish as the body
// comes, and exchange.left when the client has gone before the end. It must not
// touch the exchange after it has ended.
type carrier interface {
	source
	// inform sends an interim answer, 1xx.
	inform(status int, h *Header)
	// head sends the final status and the fields of h, to which it adds Date.
	// length is that of the body, -1 if nobody knows; body is its first bytes,
	// which it copies; last says that they are all of it. A status or method that has no
	// body comes with body nil and last true; length is then what
	// Content-Length shall say, -1 nothing.
	head(status int, h *Header, length int64, body []byte, last bool) error
	data(p []byte) error   // copies p
	shared(p []byte) error // p never changes
	file(s *io.SectionReader) *deferred.Deferred[int64]
	end(trailer *Header) error // nil: none
	abort(err error)
	full() bool
	buffered() int
	// switchTo gives the connection, or the stream, to another protocol after
	// the head; status 0: without one.
	switchTo(status int, h *Header, f twistor.Factory) error
	// transport is that of the connection: for its addresses, TLS and Loop.
	transport() twistor.Transport
	// remote is the address of the other end, as text; made once a connection.
	remote() string
	local() net.Addr // our end
	// protocol is the version of HTTP.
	protocol() (major, minor int)
	// keep is said when Serve has returned and the answer is not complete: what
	// the request has of the bytes that came must be copied.
	keep()
	// ended tells the carrier that the answer is complete and that the exchange
	// may be used again if reusable.
	ended(x *exchange, reusable bool)
}

// A source is where a Body comes from.
type source interface {
	bodyWanted()        // the first wish for it: 100 Continue, if the peer waits for that
	bodyPaused()        // deliver no more, soon
	bodyResumed()       // deliver again
	bodyConsumed(n int) // the application took n bytes: the peer may send so many more
}
