package zone

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
)

// TestTrie: a trie is a map, also where hashes are the same; and versions of it
// stay what they were.
func TestTrie(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, mask := range []uint64{^uint64(0), 0xff, 0xf << 60, 0} {
		hash := func(n dns.Name) uint64 { return hashName(n, 0) & mask }
		var now *trie
		want := map[string]entry{}
		var old *trie
		var oldWant map[string]entry
		for i := range 3000 {
			n := dns.MustParseName(fmt.Sprintf("h%d.example", r.IntN(40)))
			if r.IntN(3) == 0 {
				now = now.without(n, hash(n), 0)
				delete(want, string(n))
			} else if mask == ^uint64(0) || want[string(n)] != nil || len(want) < 2 {
				e := emptyEntry(n)
				now = now.with(e, hash(n), 0)
				want[string(n)] = e
			}
			if i == 1500 {
				old, oldWant = now, map[string]entry{}
				for k, v := range want {
					oldWant[k] = v
				}
			}
			for k := range 40 {
				n := dns.MustParseName(fmt.Sprintf("h%d.example", k))
				got, w := now.get(n, hash(n)), want[string(n)]
				if (got == nil) != (w == nil) || got != nil && &got[0] != &w[0] {
					t.Fatalf("mask %x, step %d: %s: got %v, want %v", mask, i, n, got, w)
				}
			}
		}
		for k := range 40 {
			n := dns.MustParseName(fmt.Sprintf("h%d.example", k))
			if got, w := old.get(n, hash(n)), oldWant[string(n)]; (got == nil) != (w == nil) || got != nil && &got[0] != &w[0] {
				t.Fatalf("mask %x: an older version: %s: got %v, want %v", mask, n, got, w)
			}
		}
	}
}
