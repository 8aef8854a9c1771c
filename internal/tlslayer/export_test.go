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

// Running is how many handshakes go on.
func (g *Gate) Running() int { return g.running }
