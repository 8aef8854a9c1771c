package websocket

// Deflate turns on permessage-deflate (RFC 7692): messages are compressed if
// both sides can. Zero fields are defaults; nil, where a *Deflate is wanted,
// means never.
//
// What compresses and inflates belongs to the loop, not to a connection: 100
// KiB, and 1.1 MiB for each size of window that a message beyond 4 KiB was sent
// in. A connection keeps what the next message may refer to, and only after the
// first that was compressed: up to 2 KiB of what it sent, and up to
// 1<<PeerWindowBits bytes of what came. Immutable after first use.
type Deflate struct {
	// WindowBits says how far back, 1<<WindowBits bytes, a message that we send may
	// refer, from 8 to 15; 0: 15, unless the peer wants less.
	WindowBits int
	// PeerWindowBits is the same for what comes; 0: 12 for a Server, if the
	// client can, 15 for a Client.
	PeerWindowBits int
	// NoContext makes each message that we send stand alone: what it says cannot be
	// guessed at by how well it compresses beside another.
	NoContext bool
	// PeerNoContext asks the same of the peer: nothing is kept of what came.
	PeerNoContext bool
	// MinBytes is how long a message must be to be compressed; 0: 64.
	MinBytes int
}

const (
	maxWindowBits     = 15
	minWindowBits     = 8
	serverWindowBits  = 12 // of what comes to a Server, where nobody says otherwise
	minDeflateBytes   = 64
	maxDictBytes      = 2 << 10 // of what was sent, that the next message may refer to
	maxStatelessBytes = 4 << 10 // of a message that does
	maxFinalBlocks    = 16      // of one message: each costs a window
)

// A deflation is what one connection agreed on, and what messages refer to.
type deflation struct {
	on       bool
	minBytes int
	out, in  direction
}

// A direction is one side's part.
type direction struct {
	bits      uint8
	noContext bool
	tail      []byte // the end of what was compressed so far
}

// keep adds p to the tail, of which the last most bytes are of use.
func (d *direction) keep(p []byte, most int) {
	switch old := len(d.tail); {
	case d.noContext:
	case len(p) >= most:
		d.tail = append(d.tail[:0], p[len(p)-most:]...)
	case old+len(p) > most:
		d.tail = append(d.tail[:copy(d.tail, d.tail[old+len(p)-most:])], p...)
	default:
		d.tail = append(d.tail, p...)
	}
}

// dictBytes is how much of what was sent is kept.
func (d *direction) dictBytes() int { return min(maxDictBytes, 1<<d.bits/2) }

// sent notes that p was sent compressed.
func (d *deflation) sent(p []byte) { d.out.keep(p, d.out.dictBytes()) }

// sentAlone notes that something was sent compressed that referred to nothing;
// the next message will not refer to it.
func (d *deflation) sentAlone() { d.out.tail = d.out.tail[:0] }

// drop lets go of the tails.
func (d *deflation) drop() { d.out.tail, d.in.tail = nil, nil }

// deflateSlack is how much longer than n what n bytes compress to may be: of
// random bytes that a peer sends in small stored blocks.
func deflateSlack(n int) int { return n/64 + 64 }
