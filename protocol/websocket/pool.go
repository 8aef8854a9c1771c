package websocket

import (
	"io"
	"time"

	"github.com/twistor-go/twistor/protocol/web"
)

const (
	maxPooled      = 16       // buffers that a pool keeps
	maxPooledBytes = 64 << 10 // of one of them
	keyBytes       = 256      // of random bytes fetched at once, for masks
)

// A pool is what the connections of one Server or Client share: their limits, and
// what one needs only while it reads or writes a message. Loop-only.
type pool struct {
	maxMessageBytes int
	maxFragments    int
	pingInterval    time.Duration // not positive: none
	closeTimeout    time.Duration

	web *web.Client // a Client's: who asks for connections

	free     [][]byte // of up to maxPooledBytes each
	out      []byte   // where frames are made; nil while in use
	inflated []byte   // where messages are inflated; nil while in use
	keys     []byte   // random bytes not used yet
	keyBuf   [keyBytes]byte

	compressors compressors
	inflater    inflater
}

// take is a buffer of n bytes, whatever they are.
func (p *pool) take(n int) []byte {
	if last := len(p.free) - 1; last >= 0 && n <= maxPooledBytes {
		b := p.free[last]
		p.free[last] = nil
		p.free = p.free[:last]
		if n <= cap(b) {
			return b[:n]
		}
	}
	return make([]byte, n)
}

// give takes a buffer back.
func (p *pool) give(b []byte) {
	if n := cap(b); n > 0 && n <= maxPooledBytes && len(p.free) < maxPooled {
		p.free = append(p.free, b)
	}
}

// key is a mask: "The masking key needs to be unpredictable".
// https://www.rfc-editor.org/rfc/rfc6455#section-5.3
func (p *pool) key(random io.Reader) uint32 {
	if len(p.keys) == 0 {
		p.keys = p.keyBuf[:]
		if _, err := io.ReadFull(random, p.keys); err != nil {
			panic("websocket: internal error: no random bytes: " + err.Error())
		}
	}
	k := p.keys
	p.keys = k[4:]
	return uint32(k[0]) | uint32(k[1])<<8 | uint32(k[2])<<16 | uint32(k[3])<<24
}

// giveInflated takes back what inflate made.
func (p *pool) giveInflated(b []byte) {
	if cap(b) <= maxPooledBytes {
		p.inflated = b[:0]
	}
}
