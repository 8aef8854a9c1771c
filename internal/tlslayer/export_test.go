package tlslayer

import "github.com/twistor-go/twistor"

// GateOf gives f, a Factory's, a Gate of its own on l, and returns it.
func GateOf(l twistor.Loop, f twistor.Factory) *Gate {
	g := new(Gate).of(l)
	f.(*factory).gate = g
	return g
}

// MaxBlocksLent is the limit of Lent.
const MaxBlocksLent = maxBlocksLent

// Lent is how many blocks hold plaintext that is to be encrypted.
func (g *Gate) Lent() int { return g.lent }

// Exhaust makes no more steps in this turn.
func (g *Gate) Exhaust() {
	g.steps = stepsPerTurn
	g.nextTurn()
}

// Running is how many handshakes go on.
func (g *Gate) Running() int { return g.running }

// HelloAt is how many bytes of b it takes until a client's hello is complete,
// when they come one at a time, or -1.
func HelloAt(b []byte) int {
	var s hello
	for n := range len(b) + 1 {
		if s.complete(b[:n]) {
			return n
		}
	}
	return -1
}

// HelloComplete is the same question of all bytes at once.
func HelloComplete(b []byte) bool { return new(hello).complete(b) }
