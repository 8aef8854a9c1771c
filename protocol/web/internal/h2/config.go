package h2

import "time"

// A Role is a side of the connection.
type Role uint8

const (
	Server Role = iota
	Client
)

// A Config is the limits of connections; its zero has the defaults. Negative
// numbers are taken as zero. Immutable after first use.
type Config struct {
	// MaxStreams is how many requests may be answered at once, those that the
	// peer has reset included until we let go of them; 0: 100. More are refused
	// with REFUSED_STREAM, which makes the peer send them again.
	MaxStreams int
	// MaxHeaderBytes is how large a list of fields may be, in the measure of
	// RFC 9113: name, value and 32 for each; 0: 16 KiB. A larger one is told as
	// Head.TooLarge, without what is too much.
	MaxHeaderBytes int
	// MaxFields is how many fields a list may have; 0: 100. As MaxHeaderBytes.
	MaxFields int
	// MaxBlockBytes is how long a list may be on the wire, the heads of its
	// frames included; 0: 64 KiB. The connection ends with ENHANCE_YOUR_CALM.
	MaxBlockBytes int
	// MaxHeldBytes is what the headers of all streams together may take, in the
	// same measure; 0: 1 MiB. A stream beyond it is reset with ENHANCE_YOUR_CALM.
	MaxHeldBytes int
	// MaxResets is how many more streams than were completed may be reset within
	// 10 s, by the peer or for its faults; 0: 200. Then the connection ends with
	// ENHANCE_YOUR_CALM. Servers only.
	MaxResets int
	// MaxControlBytes is how much of what a peer must be answered at once (PING,
	// SETTINGS, resets) may wait because it does not read; 0: 17,408. The
	// connection is aborted.
	MaxControlBytes int
	// MaxUseless is how many frames without a use (PRIORITY, empty DATA, types
	// that nobody knows) may come within 10 s; 0: 10,000. Then the connection
	// ends with ENHANCE_YOUR_CALM.
	MaxUseless int

	// StreamWindowBytes is how much of a body may come that nobody has consumed
	// yet; 0: 256 KiB; at least 65,535.
	StreamWindowBytes int
	// ConnWindowBytes is the same for all streams together; 0: 1 MiB; at least
	// 65,535.
	ConnWindowBytes int
	// StreamSendBytes is how much may wait on one stream until Full says so; 0:
	// 64 KiB.
	StreamSendBytes int
	// SendBytes is how much may wait on all of them; 0: 1 MiB. At half of it
	// Congested says so, and all are Full. Who does not ask is refused with
	// ErrOverflow, and its stream reset, when so much waits on it alone, or twice
	// as much on all.
	SendBytes int

	// HeaderTimeout is how long the peer's first SETTINGS, and a list of fields
	// that has begun, may take; 0: 10 s.
	HeaderTimeout time.Duration
	// IdleTimeout is how long the connection lives without a stream, and how
	// long we wait for the rest of a request before its answer begins; 0: 60 s.
	IdleTimeout time.Duration
	// StallTimeout is how long a stream may take for the next 1,024 bytes of
	// what waits to be sent; 0: 30 s. Then it is reset with CANCEL.
	StallTimeout time.Duration

	// Connect offers extended CONNECT (RFC 8441): WebSockets. Servers only.
	Connect bool
}

// window is how long a budget of faults lasts.
const window = 10 * time.Second

// stallBytes is what must leave within StallTimeout.
const stallBytes = 1024

// resolved is c with its zeros replaced.
func (c Config) resolved() Config {
	bytes := func(n *int, whenZero, least int) {
		if *n <= 0 {
			*n = whenZero
		}
		*n = min(max(*n, least), maxWindow)
	}
	bytes(&c.MaxStreams, 100, 1)
	bytes(&c.MaxHeaderBytes, 16<<10, 1)
	bytes(&c.MaxFields, 100, 1)
	bytes(&c.MaxBlockBytes, 64<<10, 1)
	bytes(&c.MaxHeldBytes, 1<<20, 1)
	bytes(&c.MaxResets, 200, 1)
	bytes(&c.MaxControlBytes, 17<<10, 1)
	bytes(&c.MaxUseless, 10_000, 1)
	// Less than 65,535 would be a promise that the peer does not know of before
	// it has read our SETTINGS.
	bytes(&c.StreamWindowBytes, 256<<10, firstWindow)
	bytes(&c.ConnWindowBytes, 1<<20, firstWindow)
	bytes(&c.StreamSendBytes, 64<<10, 1)
	bytes(&c.SendBytes, 1<<20, 1)
	for _, d := range []struct {
		of       *time.Duration
		whenZero time.Duration
	}{{&c.HeaderTimeout, 10 * time.Second}, {&c.IdleTimeout, time.Minute}, {&c.StallTimeout, 30 * time.Second}} {
		if *d.of <= 0 {
			*d.of = d.whenZero
		}
	}
	return c
}
