package service

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"
)

// A Backoff says how long to wait before trying again: longer each time, and
// not as long as everybody else. Its zero is 1 s, then half as much more each
// time up to 60 s, within 20 %, for ever. Immutable after first use.
type Backoff struct {
	// Min is the first delay, Max the longest. 0: 1 s and 60 s; a Max below Min
	// is Min.
	Min, Max time.Duration
	// Factor is what each delay is multiplied with. 0: 1.5; below 1 it is 1.
	Factor float64
	// Jitter is how much of a delay is left to chance, up and down, at most 1.
	// 0: 0.2; negative: none.
	Jitter float64
	// MaxTries is how often to try again. 0: for ever.
	MaxTries int
}

// Delay returns how long to wait after n tries that failed, n from 1, and
// whether to try again at all. Chance is read from rand, a Loop's Rand.
func (b Backoff) Delay(n int, rand io.Reader) (d time.Duration, again bool) {
	if b.MaxTries > 0 && n > b.MaxTries {
		return 0, false
	}
	least, most := b.Min, b.Max
	if least <= 0 {
		least = time.Second
	}
	if most <= 0 {
		most = time.Minute
	}
	most = max(most, least)
	factor := max(1, b.Factor)
	if b.Factor == 0 {
		factor = 1.5
	}
	delay := min(float64(least)*math.Pow(factor, float64(n-1)), float64(most))

	jitter := min(b.Jitter, 1)
	if b.Jitter == 0 {
		jitter = 0.2
	}
	if jitter > 0 {
		delay *= 1 + jitter*(2*chance(rand)-1)
	}
	return time.Duration(delay), true
}

// chance is a number from 0 up to 1.
func chance(rand io.Reader) float64 {
	var p [8]byte
	if _, err := io.ReadFull(rand, p[:]); err != nil {
		panic(fmt.Sprintf("service: no randomness: %v", err))
	}
	return float64(binary.LittleEndian.Uint64(p[:])>>11) / (1 << 53)
}
