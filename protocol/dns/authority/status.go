package authority

import (
	"slices"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A Status is how a zone is doing, for people. Immutable.
type Status struct {
	Origin dns.Name
	Kind   string // primary, secondary or source
	// Serial and Records are of what is served; Served is false if nothing is.
	Served  bool
	Serial  uint32
	Records int
	// Steps is how many former versions differences lead from.
	Steps int
	// Of a secondary: when a primary last said that the zone is the newest, when
	// it expires, and why the last attempt failed; nil: it did not.
	Refreshed, Expires time.Time
	Err                error
}

// Status is how all zones are doing, in the order of their names.
func (a *Authority) Status() []Status {
	all := make([]Status, 0, len(a.origins))
	for _, origin := range slices.SortedFunc(slices.Values(a.origins), dns.Compare) {
		all = append(all, a.zones[string(origin)].status())
	}
	return all
}

// statusOf is what all kinds have.
func statusOf(kind string, v *version) Status {
	s := Status{Origin: v.origin, Kind: kind, Steps: len(v.steps), Served: v.zone != nil || v.source != nil}
	if v.zone != nil {
		s.Serial, s.Records = v.zone.Serial(), v.zone.Records()
	}
	return s
}

func (p *primary) status() Status { return statusOf("primary", p.now) }

func (s *secondary) status() Status {
	t := statusOf("secondary", s.now)
	t.Refreshed, t.Err = s.refreshed, s.err
	if s.zone != nil {
		t.Expires = s.refreshed.Add(s.lifetime())
	}
	return t
}
