//go:build linux

package durable

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestVerifyFindsWhatIsLost(t *testing.T) {
	r := Report{Acknowledged: []int64{5, 7}, Begun: []int64{6, 7}}
	for _, tc := range []struct {
		name string
		kept []int64
		want string // in the error; "": none
	}{
		{"all that was acknowledged", []int64{5, 7}, ""},
		{"and what was in flight", []int64{6, 7}, ""},
		{"one is lost", []int64{5, 6}, "account-0001: kept 6 changes, but 7 were acknowledged"},
		{"one too many", []int64{7, 7}, "account-0000: kept 7 changes, but only 6 were made"},
		{"a writer is lost", []int64{5}, "kept 1 counters, want 2"},
		{"nothing is left", []int64{}, "kept 0 counters, want 2"},
		{"it keeps none", nil, ""},
	} {
		err := r.Verify(tc.kept)
		if got := err == nil; got != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.want)
		}
	}
}

// A run may end between any two steps of a writer: what the store has then is
// never less than what is reported as acknowledged, and never more than begun.
func TestTallyStopsAtAnyMoment(t *testing.T) {
	const writers = 4
	for range 50 {
		tally := newTally(writers)
		var store [writers]atomic.Int64
		tally.Go(func(writer int) error {
			store[writer].Add(1)
			return nil
		})
		for tally.changes() < 10 {
			runtime.Gosched()
		}
		begun, acknowledged := tally.stop()
		kept := make([]int64, writers)
		for i := range kept {
			kept[i] = store[i].Load()
		}
		if err := (Report{Begun: begun, Acknowledged: acknowledged}).Verify(kept); err != nil {
			t.Fatal(err)
		}
		if tally.Begin(0) {
			t.Fatal("a writer begins a change after the end")
		}
		// Counted before it asked: else stop could look between the two.
		if got := tally.writers[0].begun.Load(); got <= begun[0] {
			t.Fatalf("got %d changes begun after the end, want more than the %d before", got, begun[0])
		}
	}
}

func TestQuantilesAreNearEnough(t *testing.T) {
	var w waits
	for i := range 1000 {
		w.add(time.Duration(i+1) * 10 * time.Microsecond)
	}
	w.add(-1) // a clock that was set back
	for _, tc := range []struct{ q, want float64 }{{0, 0}, {0.5, 5_000}, {0.99, 9_900}, {1, 10_000}} {
		if got := w.quantile(tc.q); got > tc.want || got < tc.want*0.98 {
			t.Errorf("quantile %v: got %v µs, want %v", tc.q, got, tc.want)
		}
	}
	w.add(1<<63 - 1)
	if got := w.quantile(1); got < 9e15 {
		t.Errorf("the longest wait there can be: got %v µs", got)
	}
}
