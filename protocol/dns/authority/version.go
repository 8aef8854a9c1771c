package authority

import (
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// A Step is the way from one version of a zone to the next. Immutable.
type Step struct {
	From, To *dns.SOA
	// Removed and Added are the other records.
	Removed, Added []dns.RR
	// Base, of a step in a Journal, is the serial of the owner's version that
	// the first of the steps changed.
	Base uint32
}

// change is s as zones take it.
func (s *Step) change() zone.Change {
	c := zone.Change{
		Removed: make([]dns.RR, 0, 1+len(s.Removed)),
		Added:   make([]dns.RR, 0, 1+len(s.Added)),
	}
	c.Removed = append(append(c.Removed, s.From), s.Removed...)
	c.Added = append(append(c.Added, s.To), s.Added...)
	return c
}

// size is how many records s has.
func (s *Step) size() int { return 2 + len(s.Removed) + len(s.Added) }

// A version is what is served of a zone from one moment on. All loops read the
// same one. Immutable.
type version struct {
	origin dns.Name
	zone   *zone.Zone // nil: there is none yet, or it has expired
	source Source     // instead of zone; nil: none
	// steps lead to zone, the oldest first. Versions share the array: who makes
	// the next one appends behind what this one sees.
	steps []Step

	transfer  []Grant
	update    []UpdateGrant
	primaries []Peer // whose zone it is; nil: ours
	primary   bool   // the zone is changed here
}

// since is the way from the version with that serial to this one; false: it
// is not known, or would be longer than the zone is.
func (v *version) since(serial uint32) ([]Step, bool) {
	size := 0
	for i := len(v.steps) - 1; i >= 0; i-- {
		size += v.steps[i].size()
		if size > v.zone.Records() {
			return nil, false
		}
		if v.steps[i].From.Serial == serial {
			return v.steps[i:], true
		}
	}
	return nil, false
}

// A history is the last steps of a zone, in bounds. It belongs to the home loop;
// the slices that it gives away stay as they are.
type history struct {
	steps []Step
	size  int // records
}

// add adds steps, and forgets the oldest beyond most records.
func (h *history) add(most int, steps ...Step) {
	for i := range steps {
		h.steps = append(h.steps, steps[i])
		h.size += steps[i].size()
	}
	for h.size > most && len(h.steps) > 0 {
		h.size -= h.steps[0].size()
		h.steps = h.steps[1:]
	}
}

// clear forgets all: no way leads to what comes.
func (h *history) clear() { *h = history{} }
