package weblog

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestBacklog reads at random places and paces, and compares with a list of
// all hits that ever were.
func TestBacklog(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		l := backlog{keep: rnd.IntN(20), maxBytes: rnd.IntN(400)}
		var all []string
		for range 60 {
			var xml []byte
			var ends []int
			for range 1 + rnd.IntN(6) {
				hit := fmt.Sprintf("<%d%s>", len(all), strings.Repeat("x", rnd.IntN(30)))
				all = append(all, hit)
				xml = append(xml, hit...)
				ends = append(ends, len(xml))
			}
			l.add(xml, ends)
			for i := range xml {
				xml[i] = '!' // the caller's buffer is its own again
			}

			if got, want := l.next, uint64(len(all)); got != want {
				t.Fatalf("seed %d: next: got %d, want %d", seed, got, want)
			}
			if kept := l.next - l.oldest(); kept < uint64(min(l.keep, len(all))) {
				t.Fatalf("seed %d: %d hits are kept, want %d", seed, kept, l.keep)
			}
			// One batch less would be too few hits, or is not needed to be small enough.
			if first := l.batches[0]; len(l.batches) > 1 && l.bytes > l.maxBytes && l.next-l.batches[1].first >= uint64(l.keep) {
				t.Fatalf("seed %d: %d bytes are kept, want at most %d (first %d)", seed, l.bytes, l.maxBytes, first.first)
			}
			if _, _, ok := l.read(cursor{hit: l.oldest() - 1}, l.next, 10); ok && l.oldest() > 0 {
				t.Fatalf("seed %d: a hit that was forgotten can be read", seed)
			}

			from := l.oldest() + rnd.Uint64N(l.next-l.oldest()+1)
			end := from + rnd.Uint64N(l.next-from+1)
			var got strings.Builder
			for c := (cursor{hit: from}); ; {
				max := 1 + rnd.IntN(50)
				p, after, ok := l.read(c, end, max)
				if !ok || len(p) > max {
					t.Fatalf("seed %d: read of %d: got %d bytes, %v", seed, max, len(p), ok)
				}
				if p == nil {
					break
				}
				got.Write(p)
				c = after
			}
			if want := strings.Join(all[from:end], ""); got.String() != want {
				t.Fatalf("seed %d: from %d to %d: got %q, want %q", seed, from, end, got.String(), want)
			}
		}
	}
}

func TestRecent(t *testing.T) {
	l := backlog{keep: 3}
	if got := l.recent(5); got != 0 {
		t.Errorf("of an empty one: got %d, want 0", got)
	}
	for range 10 {
		l.add([]byte("x"), []int{1})
	}
	for n, want := range []uint64{10, 9, 8, 7, 7, 7} {
		if got := l.recent(n); got != want {
			t.Errorf("recent(%d): got %d, want %d", n, got, want)
		}
	}
}
