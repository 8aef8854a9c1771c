package zone

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
)

// TestHash: who knows how names are hashed cannot make many with one hash. The
// seed follows from the whole zone, and no label makes what is above it
// forgotten.
func TestHash(t *testing.T) {
	z, other := read(t, head+"a A 192.0.2.1\n"), read(t, head+"a A 192.0.2.2\n")
	again := read(t, head+"a A 192.0.2.1\n")
	a := dns.MustParseName("a.example")
	if z.hashOf(a) == other.hashOf(a) || z.hashOf(a) != again.hashOf(a) {
		t.Errorf("got hashes %x, %x and %x; want the first and the last the same", z.hashOf(a), other.hashOf(a), again.hashOf(a))
	}
	next, err := z.Apply(Change{Added: records(t, "b.example. 60 IN A 192.0.2.1")})
	if err != nil || next.hashOf(a) != z.hashOf(a) {
		t.Errorf("the next version: got %x, %v, want the hash %x", next.hashOf(a), err, z.hashOf(a))
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		g, h := r.Uint64(), r.Uint64()
		zero := func(h uint64) uint64 { return 0xe7037ed1a0b428db ^ bits.RotateLeft64(h, 32) } // makes a factor zero
		if mix(g, zero(g)) == mix(h, zero(h)) {
			t.Errorf("%x and %x are the same behind labels that were made for them", g, h)
		}
	}
}

// TestKey: keys sort as names do.
func TestKey(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	origin := dns.MustParseName("example")
	name := func() dns.Name {
		n := origin
		for range r.IntN(4) {
			label := make([]byte, 1+r.IntN(3))
			for i := range label {
				label[i] = []byte{0, 1, 2, 'a', 'b', 0xff}[r.IntN(6)]
			}
			n, _ = n.Prefix(string(label))
		}
		return n
	}
	for range 20_000 {
		a, b := name(), name()
		got := bytes.Compare(appendKey(nil, a, origin), appendKey(nil, b, origin))
		if want := dns.Compare(a, b); signOf(got) != signOf(want) {
			t.Fatalf("%s and %s: got %d, want %d", a, b, got, want)
		}
	}
}

func signOf(n int) int { return max(-1, min(1, n)) }
