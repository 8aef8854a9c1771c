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

// A version is what is served of a zone from one moment on. All loops read the
// same one. Immutable.
type version struct {
	origin dns.Name
	zone   *zone.Zone // nil: there is none yet, or it has expired
	source Source     // instead of zone; nil: none
	// steps lead to zone, the oldest first. Versions share the array: who makes
	// the next one appends behind what this one sees.
	steps []passage

	transfer  []Grant
	update    []UpdateGrant
	primaries []Peer // whose zone it is; nil: ours
	primary   bool   // the zone is changed here
}

// since is the way from the version with that serial to this one; false: it
// is not known, or would be longer than the zone is.
func (v *version) since(serial uint32) ([]passage, bool) {
	size := 0
	for i := len(v.steps) - 1; i >= 0; i-- {
		size += v.steps[i].size
		if size > v.zone.Records() {
			return nil, false
		}
		if v.steps[i].serial == serial {
			return v.steps[i:], true
		}
	}
	return nil, false
}
