package sim

import (
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/twistor-go/twistor"
)

// A Pipe connects two protocols in memory: what A writes B receives, at the
// Clock's next Advance or the Pipe's Flush. Each side may Hold. Loop-only.
type Pipe struct {
	A, B *Transport // A accepted, B dialed

	clock  *Clock
	cut    *rand.Rand
	sides  [2]side
	secure bool
}

// A side is one direction: what one Transport wrote and the other has not got.
type side struct {
	from, to *Transport
	bytes    []byte
	free     int // of bytes: not held
	clear    int // of bytes: written before StartTLS, while that is going on
	ended    bool
}

// NewPipe builds a protocol of each factory, A's first, and connects them. If
// one refuses, the other sees the end at the next Advance.
func NewPipe(c *Clock, a, b twistor.Factory) *Pipe {
	p := &Pipe{A: NewTransport(c), B: NewTransport(c), clock: c}
	p.B.SetAddrs(p.A.RemoteAddr(), p.A.LocalAddr())
	p.sides = [2]side{{from: p.A, to: p.B}, {from: p.B, to: p.A}}
	p.A.out, p.B.out = &p.sides[0], &p.sides[1]
	c.pipes = append(c.pipes, p)
	p.A.Build(a)
	p.B.Build(b)
	return p
}

// Cut makes bytes arrive in parts cut by the seed, most of them short; without
// it, all that was written since arrives as one.
func (p *Pipe) Cut(seed uint64) { p.cut = rand.New(rand.NewPCG(seed, 0)) }

// Flush moves bytes, in turn, until both sides are quiet.
func (p *Pipe) Flush() { p.clock.rest(true) }

// flow moves one part, or one end, in each direction that has any.
func (p *Pipe) flow() (moved bool) {
	p.shake()
	for i := range p.sides {
		moved = p.sides[i].flow(p.cut) || moved
	}
	if p.A.over && p.B.over {
		p.clock.pipes = slices.DeleteFunc(p.clock.pipes, func(q *Pipe) bool { return q == p })
	}
	return moved
}

func (s *side) flow(cut *rand.Rand) bool {
	if s.to.over {
		s.bytes, s.free = nil, 0
	}
	n := s.free
	if s.from.start != nil {
		n = min(n, s.clear) // the rest goes after the handshake
	}
	switch {
	case n > 0 && s.to.start != nil && s.from.secured == nil && s.from.start == nil:
		s.to.FailTLS(errors.New("sim: bytes in clear during the TLS handshake"))
	case n > 0 && (s.to.start != nil || s.to.paused && len(s.to.inbox) > 0):
		return false // as a full socket would
	case n > 0:
		if cut != nil {
			n = 1 + cut.IntN(min(n, 1<<cut.IntN(12)))
		}
		s.to.deliver(append([]byte(nil), s.bytes[:n]...))
		s.bytes, s.free, s.clear = s.bytes[n:], s.free-n, max(s.clear-n, 0)
	case s.from.writeClosed && len(s.bytes) == 0 && !s.ended:
		s.ended = true
		s.to.End()
	default:
		return false
	}
	return true
}

// over ends the other side: after its bytes when the end was orderly, else at
// once, as a reset does.
func (s *side) over() {
	if s.ended {
		return
	}
	if s.from.aborted != nil {
		s.ended, s.bytes, s.free = true, nil, 0
		s.to.Reset()
		return
	}
	s.from.writeClosed = true
}

// shake ends the handshake when both sides have asked for one.
func (p *Pipe) shake() {
	a, b := p.A.start, p.B.start
	if p.secure || a == nil || b == nil {
		return
	}
	p.secure = true
	state := tls.ConnectionState{Version: tls.VersionTLS13}
	for _, proto := range a.Config.NextProtos {
		if state.NegotiatedProtocol == "" && slices.Contains(b.Config.NextProtos, proto) {
			state.NegotiatedProtocol = proto
		}
	}
	state.ServerName = b.Config.ServerName
	if b.Role == twistor.AsServer {
		state.ServerName = a.Config.ServerName
	}
	p.A.Secure(state)
	p.B.Secure(state)
}
