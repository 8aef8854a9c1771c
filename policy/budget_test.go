package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// TestF02Budget has a thousand connections written to, of which every tenth
// reads nothing: what is queued stays within the budget, those with the most
// go, the honest ones hear all, and each shed is told once.
func TestF02Budget(t *testing.T) {
	c := sim.NewClock(t)
	var all []*server
	const budget = 1 << 20
	f := &policy.Budget{MaxBytes: budget, Factory: twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		s := &server{Transport: t}
		all = append(all, s)
		return s
	})}
	const n = 300
	var trs []*sim.Transport
	for i := range n {
		tr := sim.Connect(c, f)
		if i%10 == 0 {
			tr.Hold()
		}
		trs = append(trs, tr)
	}
	written := make([]int, n)
	piece := make([]byte, 1000)
	for round := range 100 {
		for i, s := range all {
			k, _ := s.Write(piece[:1000-i]) // the first ones owe most
			written[i] += k
		}
		if got := f.Buffered(); got > budget+budget/256+1000 {
			t.Fatalf("round %d: %d bytes queued, want %d at most", round, got, budget)
		}
	}
	c.Advance(0)
	shed := 0
	for i, s := range all {
		switch {
		case s.err == nil && i%10 != 0 && len(trs[i].Written()) != written[i]:
			t.Errorf("honest connection %d got %d bytes of %d", i, len(trs[i].Written()), written[i])
		case s.err == nil:
		case i%10 != 0:
			t.Errorf("honest connection %d was shed", i)
		case !errors.Is(s.err, policy.ErrShed) || !errors.Is(s.err, twistor.ErrOverflow):
			t.Errorf("Disconnected(%v), want ErrShed, an ErrOverflow", s.err)
		default:
			shed++
		}
	}
	if shed == 0 || shed == n/10 || int64(shed) != f.Shed() {
		t.Errorf("%d shed, Shed says %d; want some of the %d slow ones", shed, f.Shed(), n/10)
	}
	for i := range n / 10 { // the worst first: all shed ones stand before all others
		if gone := all[10*i].err != nil; gone != (i < shed) {
			t.Errorf("slow connection %d gone: %v; want the %d that owed most gone", i, gone, shed)
		}
	}
	if lines := strings.Count(c.Logged(), "outbound budget exceeded"); lines == 0 || lines > shed {
		t.Errorf("%d lines logged for %d shed", lines, shed)
	}
}

// TestF02BudgetSelf sheds the very connection that writes: Write says so.
func TestF02BudgetSelf(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, &policy.Budget{MaxBytes: 1000, Factory: serve(&s)})
	tr.Hold()
	if _, err := s.Write(make([]byte, 1000)); err != nil {
		t.Fatalf("within the budget: %v", err)
	}
	if _, err := s.Write(make([]byte, 10)); !errors.Is(err, policy.ErrShed) {
		t.Errorf("beyond the budget Write gives %v, want ErrShed", err)
	}
	c.Advance(0)
	if !tr.Aborted() {
		t.Error("not aborted")
	}
	tr = sim.Connect(c, &policy.Budget{MaxBytes: -1, Factory: serve(&s)})
	tr.Hold()
	if _, err := s.Write(make([]byte, 1<<20)); err != nil {
		t.Errorf("without a budget: %v", err)
	}
}

// TestBudgetMembers lets connections leave in an order that is not theirs.
func TestBudgetMembers(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	f := &policy.Budget{Factory: serve(&s)}
	var trs []*sim.Transport
	for i := range 5 {
		tr := sim.Connect(c, f)
		tr.Hold()
		s.Write(make([]byte, 1<<i))
		trs = append(trs, tr)
	}
	left := int64(31)
	for _, i := range []int{0, 4, 1, 3, 2} {
		trs[i].Reset()
		c.Advance(0)
		if left -= 1 << i; f.Buffered() != left {
			t.Fatalf("when connection %d had left %d bytes are queued, want %d", i, f.Buffered(), left)
		}
	}
}
