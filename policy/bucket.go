package policy

import (
	"fmt"
	"math/bits"
	"time"
)

// A Rate is how much may pass: bytes, or connections. Zero: as much as there
// is. Immutable after first use.
type Rate struct {
	PerSecond int64 // 0: no limit; a negative number panics
	// Burst is how much may pass at once after a rest; 0: what passes in one
	// second. A negative number panics.
	Burst int64
}

func (r Rate) check() {
	if r.PerSecond < 0 || r.Burst < 0 {
		panic(fmt.Sprintf("policy: Rate of %d a second, burst %d: want numbers from 0", r.PerSecond, r.Burst))
	}
}

// A Bucket holds a Rate's worth of leave to pass. What passes through it passes
// through its Parent too: hosts below a service below the whole line. Set its
// fields before first use. Loop-only.
type Bucket struct {
	Rate   Rate
	Parent *Bucket // nil: none

	// paid is the time up to which the rate is used up: in the past, down to
	// span ago, there is leave; in the future it has been given in advance.
	// Integers, so that it is the same on every machine.
	paid  int64 // nanoseconds since zero
	rest  int64 // of paid: nanoseconds times PerSecond
	span  int64 // nanoseconds that fill the bucket; 0: not begun
	zero  time.Time
	users int // connections, of a bucket of Buckets
}

const second = int64(time.Second)

// begin makes a full bucket of an unused one.
func (b *Bucket) begin(now time.Time) {
	burst := b.Rate.Burst
	if burst == 0 {
		burst = b.Rate.PerSecond
	}
	b.zero = now
	span, _ := muldiv(burst, second, b.Rate.PerSecond)
	b.span = max(1, span)
	b.paid = -b.span
}

// at is now in the bucket's time, and forgets what was left unused too long ago.
func (b *Bucket) at(now time.Time) int64 {
	if b.span == 0 {
		b.begin(now)
	}
	n := int64(now.Sub(b.zero))
	if b.paid < n-b.span {
		b.paid, b.rest = n-b.span, 0
	}
	return n
}

// take takes leave for n from b and its parents, in advance if there is none,
// and returns how long to wait for it.
func (b *Bucket) take(now time.Time, n int64) (wait time.Duration) {
	for ; b != nil; b = b.Parent {
		rate := b.Rate.PerSecond
		if rate == 0 {
			continue
		}
		at := b.at(now)
		cost, rest := muldiv(n, second, rate)
		b.paid += cost
		if b.rest += rest; b.rest >= rate {
			b.rest -= rate
			b.paid++
		}
		wait = max(wait, time.Duration(b.paid-at))
	}
	return wait
}

// try is take that takes only if nobody has to wait.
func (b *Bucket) try(now time.Time, n int64) bool {
	for p := b; p != nil; p = p.Parent {
		if rate := p.Rate.PerSecond; rate != 0 {
			at := p.at(now)
			if cost, _ := muldiv(n, second, rate); at < p.paid+cost {
				return false
			}
		}
	}
	b.take(now, n)
	return true
}

// full reports whether b is as good as new.
func (b *Bucket) full(now time.Time) bool {
	return b.Rate.PerSecond == 0 || b.span == 0 || b.at(now)-b.paid >= b.span
}

// slowest is the smallest rate of b and its parents; 0: none has one.
func (b *Bucket) slowest() (rate int64) {
	for ; b != nil; b = b.Parent {
		b.Rate.check()
		if r := b.Rate.PerSecond; r != 0 && (rate == 0 || r < rate) {
			rate = r
		}
	}
	return rate
}

// muldiv is a*b/c and the rest of it, at most some seventy years of nanoseconds.
func muldiv(a, b, c int64) (quotient, rest int64) {
	const most = uint64(1) << 61
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return int64(most), 0
	}
	q, r := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, most)), int64(r)
}
