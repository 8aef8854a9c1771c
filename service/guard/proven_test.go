package guard

import (
	"encoding/binary"
	"testing"
	"time"
)

// TestProvenFull: of too many logins the one longest unused is forgotten.
func TestProvenFull(t *testing.T) {
	var p proven
	now := time.Unix(1e9, 0)
	hash := func(i int) (h proof) {
		binary.BigEndian.PutUint64(h[:], uint64(i))
		return h
	}
	for i := range maxProven + 10 {
		p.add(&login{proof: hash(i), until: now.Add(time.Minute)})
		p.find(hash(0), now) // used all the time
	}
	if len(p.known) != maxProven || p.order.Len() != maxProven {
		t.Errorf("got %d and %d, want %d", len(p.known), p.order.Len(), maxProven)
	}
	if p.find(hash(0), now) == nil || p.find(hash(1), now) != nil || p.find(hash(maxProven+9), now) == nil {
		t.Error("another one than the longest unused was forgotten")
	}
	if p.find(hash(0), now.Add(time.Minute)) != nil || len(p.known) != maxProven-1 {
		t.Error("what is over is still known")
	}
}
