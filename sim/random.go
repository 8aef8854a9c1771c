package sim

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"time"
)

// Split returns a stream of chance of its own for whoever has name: what one
// part of a world draws does not change what another one gets. The same name
// gives the same stream, from where it was.
func (w *World) Split(name string) *rand.Rand {
	if s := w.streams[name]; s != nil {
		return s.rand
	}
	h := fnv.New64a()
	h.Write([]byte(name))
	state := rand.NewPCG(w.Seed, h.Sum64())
	s := &chances{state, rand.New(state)}
	w.streams[name] = s
	return s.rand
}

// chances is one stream of chance.
type chances struct {
	state *rand.PCG
	rand  *rand.Rand
}

// chance draws whether something of probability p happens. What cannot happen,
// or must, draws nothing: a knob at zero leaves the others' draws as they were.
func chance(r *rand.Rand, p float64) bool {
	return p > 0 && (p >= 1 || r.Float64() < p)
}

// upTo draws a duration from 0 to d.
func upTo(r *rand.Rand, d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(r.Int64N(int64(d) + 1))
}

// entropy is a seeded io.Reader of secure-looking bytes, for Loop.Rand.
func entropy(seed uint64, name string) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	h := fnv.New128a()
	h.Write([]byte(name))
	h.Sum(key[:16])
	return rand.NewChaCha8(key)
}
