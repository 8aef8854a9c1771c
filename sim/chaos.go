package sim

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// Chaos draws a Net of the seed in which everything still works: some of its
// knobs are turned, up to where bytes come one by one, late and in fits, and
// readiness lies; but nothing is lost or broken. Seed 0 is the perfect network.
// New makes a World with it.
//
// Which knobs are turned differs by seed, because a run with all of them turned
// hides what happens with one.
func Chaos(seed uint64) (n Net) {
	if seed == 0 {
		return n
	}
	r := rand.New(rand.NewPCG(seed, 0xc4a05))
	maybe := func(f func()) {
		if r.IntN(2) == 0 {
			f()
		}
	}
	maybe(func() { n.Latency = upTo(r, 200*time.Millisecond) })
	maybe(func() { n.Jitter = upTo(r, 200*time.Millisecond) })
	maybe(func() { n.Bandwidth = 64<<10 + r.Int64N(10<<20) })
	maybe(func() { n.MSS = pick(r, 1, 16, 536, 1220, 1460, 9000) })
	maybe(func() { n.Cut = r.Float64() })
	maybe(func() { n.SendBuffer = pick(r, 1, 17, 1000, 4608, 64<<10) })
	maybe(func() { n.ReceiveBuffer = pick(r, 1, 17, 1000, 4608, 64<<10) })
	maybe(func() { n.ShortWrite = r.Float64() })
	maybe(func() { n.ShortRead = r.Float64() })
	maybe(func() { n.Again = r.Float64() / 2 })
	maybe(func() { n.Spurious = r.Float64() / 2 })
	maybe(func() { n.WorkTime = upTo(r, 100*time.Millisecond) })
	maybe(func() { n.WorkJitter = upTo(r, 100*time.Millisecond) })
	maybe(func() { n.ShuffleTies = true })
	// A buffer empties once in a round trip: tiny ones go with short ways, or
	// nothing would be done within anybody's time limits.
	longest := time.Duration(min(orDefault(n.SendBuffer, 4000), orDefault(n.ReceiveBuffer, 4000))) * 50 * time.Microsecond
	n.Latency, n.Jitter = min(n.Latency, longest), min(n.Jitter, longest)
	return n
}

func pick(r *rand.Rand, of ...int) int { return of[r.IntN(len(of))] }

// Havoc is Chaos in which things break as well: dials are refused, connections
// reset, accepts fail, handshakes do, datagrams get lost, come twice or in
// another order. What is served must end well or with an error, and leave
// nothing behind.
func Havoc(seed uint64) Net {
	n := Chaos(seed)
	if seed == 0 {
		return n
	}
	r := rand.New(rand.NewPCG(seed, 0x4a70c))
	maybe := func(f func()) {
		if r.IntN(2) == 0 {
			f()
		}
	}
	maybe(func() { n.Refuse = r.Float64() / 4 })
	maybe(func() { n.Reset = r.Float64() / 50 })
	maybe(func() { n.ResetAfter = 1 + r.Int64N(64<<10) })
	maybe(func() {
		n.AcceptError = r.Float64() / 4
		n.AcceptErrors = []syscall.Errno{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE,
			syscall.ENOBUFS, syscall.ENOMEM, syscall.EPROTO, syscall.EPERM, syscall.ENETDOWN}
	})
	maybe(func() { n.TLSFailure = r.Float64() / 4 })
	maybe(func() { n.Loss = r.Float64() / 4 })
	maybe(func() { n.Duplicate = r.Float64() / 4 })
	maybe(func() { n.Reorder = r.Float64() })
	maybe(func() { n.NoBuffers = r.Float64() / 10 })
	return n
}

// Seeds runs body n times, as subtests, each in a World of its own: of the
// seeds from 0 to n-1, or of SIM_SEED only, if the environment has that.
func Seeds(t *testing.T, n int, body func(t *testing.T, w *World)) {
	first := uint64(0)
	if seed, ok := seedFromEnvironment(); ok {
		first, n = seed, 1
	}
	for i := range uint64(n) {
		t.Run(fmt.Sprintf("%#x", first+i), func(t *testing.T) { body(t, New(t, first+i)) })
	}
}
