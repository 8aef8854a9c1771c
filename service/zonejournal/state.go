package zonejournal

import "slices"

// slack is how many records of a zone may be kept beyond what their oldest step
// has, before steps are made one.
const slack = 10_000

// apply makes a change.
func (s *state) apply(c change) {
	k := s.Zones[c.Zone]
	if k == nil {
		k = &kept{}
		s.Zones[c.Zone] = k
	}
	k.Base = c.Base
	if c.Step == nil {
		k.Steps = slices.Delete(k.Steps, 0, min(c.Drop, len(k.Steps)))
	} else {
		k.Steps = append(k.Steps, *c.Step)
	}
	if len(k.Steps) == 0 {
		delete(s.Zones, c.Zone)
		return
	}
	k.shorten()
}

// shorten makes the older half of the steps one, when all of them are much more
// than the oldest, which is what came of doing so before.
func (k *kept) shorten() {
	size := 0
	for i := range k.Steps {
		size += k.Steps[i].size()
	}
	if size < 3*k.Steps[0].size()+slack {
		return
	}
	n, half := 0, 0
	for n < len(k.Steps)-1 && half < size/2 {
		half += k.Steps[n].size()
		n++
	}
	one := k.Steps[0]
	for _, next := range k.Steps[1:n] {
		one = one.and(next)
	}
	k.Steps = append([]step{one}, k.Steps[n:]...)
}

// size is how many records s has.
func (s *step) size() int { return 2 + len(s.Removed) + len(s.Added) }

// and is one step that does what s and then next do.
func (s step) and(next step) step {
	added, removed := without(s.Added, next.Removed)
	took, adds := without(s.Removed, next.Added)
	return step{From: s.From, To: next.To, Removed: append(took, removed...), Added: append(added, adds...)}
}

// without is what is only in a, and what is only in b.
func without(a, b []string) (onlyA, onlyB []string) {
	in := make(map[string]int, len(b))
	for _, s := range b {
		in[s]++
	}
	for _, s := range a {
		if in[s] > 0 {
			in[s]--
		} else {
			onlyA = append(onlyA, s)
		}
	}
	for _, s := range b {
		if in[s] > 0 {
			in[s]--
			onlyB = append(onlyB, s)
		}
	}
	return onlyA, onlyB
}
