package policy

import (
	"math"
	"testing"
	"time"
)

// TestBucketExact: a third of a second is no number of nanoseconds; after many
// of them the bucket must still be right, to the nanosecond.
func TestBucketExact(t *testing.T) {
	now := time.Unix(0, 0)
	b := &Bucket{Rate: Rate{PerSecond: 3, Burst: 3}}
	var wait time.Duration
	for range 300_000 {
		wait = b.take(now, 1)
	}
	if want := (300_000 - 3) * time.Second / 3; wait != want {
		t.Errorf("300,000 at 3 a second take %v, want %v", wait, want)
	}
}

// TestBucketLarge: no rate and no amount may overflow into the past.
func TestBucketLarge(t *testing.T) {
	now := time.Unix(0, 0)
	for _, r := range []Rate{{1, 1}, {1, math.MaxInt64}, {math.MaxInt64, 1}, {math.MaxInt64, math.MaxInt64}} {
		b := &Bucket{Rate: r}
		for _, n := range []int64{0, 1, 1 << 20, math.MaxInt64} {
			if wait := b.take(now, n); wait < 0 && r.Burst == 1 {
				t.Errorf("%+v: taking %d waits %v", r, n, wait)
			}
		}
	}
}

// TestBucketTry takes only what is there, from all levels or none.
func TestBucketTry(t *testing.T) {
	now := time.Unix(0, 0)
	parent := &Bucket{Rate: Rate{PerSecond: 10, Burst: 3}}
	b := &Bucket{Rate: Rate{PerSecond: 10, Burst: 5}, Parent: parent}
	got := 0
	for range 10 {
		if b.try(now, 1) {
			got++
		}
	}
	if got != 3 {
		t.Errorf("took %d at once, want the parent's burst of 3", got)
	}
	parent.Rate = Rate{}
	for range 10 {
		if b.try(now, 1) {
			got++
		}
	}
	if got != 5 {
		t.Errorf("took %d in all, want the burst of 5: refusals must cost nothing", got)
	}
	if b.full(now.Add(499*time.Millisecond)) || !b.full(now.Add(500*time.Millisecond)) {
		t.Error("five tokens at ten a second are not back after exactly half a second")
	}
}
