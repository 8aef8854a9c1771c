//go:build linux

package durable

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Waits count how long changes took, in steps of at most 1.6 %.
type waits struct {
	buckets [64 * 59]atomic.Int64
}

// add counts one. The first 128 buckets are a nanosecond wide, and each further
// 64 twice as wide as those before.
func (w *waits) add(d time.Duration) {
	ns := uint64(max(d, 0))
	wide := max(bits.Len64(ns)-7, 0)
	w.buckets[64*wide+int(ns>>wide)].Add(1)
}

// quantile is the wait in microseconds that a share q of all did not exceed.
func (w *waits) quantile(q float64) float64 {
	var all, sum int64
	for i := range w.buckets {
		all += w.buckets[i].Load()
	}
	for i := range w.buckets {
		if sum += w.buckets[i].Load(); sum > 0 && float64(sum) >= q*float64(all) {
			wide := max(i/64-1, 0)
			return float64(uint64(i-64*wide)<<wide) / 1e3
		}
	}
	return 0
}
