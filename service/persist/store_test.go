package persist

import (
	"math/big"
	"testing"
)

// fib is the article's state.
type fib struct {
	A, B   *big.Int
	asked  int // volatile
	Limits map[string]int
}

func newFib() *fib {
	return &fib{A: big.NewInt(1), B: big.NewInt(1), Limits: map[string]int{"all": 10}}
}

func (f *fib) next() *big.Int {
	f.A, f.B = f.B, new(big.Int).Add(f.A, f.B)
	return f.B
}

// TestS03StateGoesOn is the article's claim: a server answers 2, 3, 5, is stopped,
// and goes on with 8.
func TestS03StateGoesOn(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{Command: Command{Program: "fibonacci", Options: map[string][]string{"listen": {"tcp:8889"}}}})
	f := newFib()
	if err := s.Persist("fib", f); err != nil {
		t.Fatal(err)
	}
	f.next()
	f.next()
	f.next()
	delete(f.Limits, "all")
	l.save(t, s, "shutdown")
	l.close(t, s)

	s = l.open(t, Config{File: "/var/fib-shutdown.tap"})
	g := newFib()
	g.asked = 7
	if err := s.Persist("fib", g); err != nil {
		t.Fatal(err)
	}
	if got := g.next().String(); got != "8" {
		t.Errorf("got %s, want 8", got)
	}
	if len(g.Limits) != 0 {
		t.Errorf("got limits %v, want none: a key that was deleted came back", g.Limits)
	}
	if g.asked != 7 {
		t.Errorf("a field that is not exported was changed to %d", g.asked)
	}
	l.close(t, s)
}

// TestJournalGoesOn adds numbers in three lives, of which none stops politely.
func TestJournalGoesOn(t *testing.T) {
	l := newLoop(t)
	for life := range 3 {
		s := l.open(t, Config{})
		c := newCounter()
		c.open(t, l, s)
		if c.Sum != life*6 || c.Count != life*3 || c.journal.Sequence() != uint64(life*3) {
			t.Errorf("life %d: got sum %d of %d, sequence %d; want %d of %d", life, c.Sum, c.Count, c.journal.Sequence(), life*6, life*3)
		}
		c.add(t, l, 1, 2)
		c.add(t, l, 3)
		l.disk.CrashKeeping(0)
		l = newLife(l.disk, nil)
	}
	l.die()
}
