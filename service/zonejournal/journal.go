package zonejournal

import (
	"errors"
	"fmt"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/authority"
	"github.com/twistor-go/twistor/service/persist"
)

// DefaultName is the Journal's name in its Store.
const DefaultName = "zones"

// A Journal is an authority.Journal in a persist.Store. Loop-only.
type Journal struct {
	// Name is that of the state in the Store. "": DefaultName.
	Name string

	journal persist.Journal[change]
	kept    state
}

// state is what is kept.
type state struct {
	Zones map[string]*kept `json:"zones"`
}

// kept is what is kept of a zone.
type kept struct {
	Base  uint32 `json:"base"`
	Steps []step `json:"steps"`
}

// step is an authority.Step in text.
type step struct {
	From    string   `json:"from"` // SOA records
	To      string   `json:"to"`
	Removed []string `json:"removed,omitempty"`
	Added   []string `json:"added,omitempty"`
}

// change is what a Journal appends: a step, or a Rebase.
type change struct {
	Zone string `json:"zone"`
	Base uint32 `json:"base"`
	Step *step  `json:"step,omitempty"`
	Drop int    `json:"drop,omitempty"`
}

// Open reads what is kept. It is called once, before any other method.
func (j *Journal) Open(co *deferred.Co, s *persist.Store) error {
	name := j.Name
	if name == "" {
		name = DefaultName
	}
	j.kept.Zones = map[string]*kept{}
	j.journal = persist.Journal[change]{Name: name, State: &j.kept, Apply: j.kept.apply}
	return j.journal.Open(co, s)
}

// Err says why updates are not becoming durable at present; nil: they are.
func (j *Journal) Err() error { return j.journal.Err() }

// Steps implements authority.Journal.
func (j *Journal) Steps(origin dns.Name) ([]authority.Step, error) {
	k := j.kept.Zones[origin.String()]
	if k == nil {
		return nil, nil
	}
	steps := make([]authority.Step, 0, len(k.Steps))
	for i := range k.Steps {
		s, err := k.Steps[i].read()
		if err != nil {
			return nil, err
		}
		s.Base = k.Base
		steps = append(steps, s)
	}
	return steps, nil
}

// Append implements authority.Journal.
func (j *Journal) Append(origin dns.Name, s authority.Step) (*deferred.Signal, error) {
	return j.append(change{Zone: origin.String(), Base: s.Base, Step: &step{
		From: s.From.String(), To: s.To.String(), Removed: lines(s.Removed), Added: lines(s.Added)}})
}

// Rebase implements authority.Journal.
func (j *Journal) Rebase(origin dns.Name, n int, base uint32) (*deferred.Signal, error) {
	return j.append(change{Zone: origin.String(), Base: base, Drop: n})
}

// append appends c. What fails at once is not kept, unless it is uncertain.
func (j *Journal) append(c change) (*deferred.Signal, error) {
	d := j.journal.Append(c)
	if o, fired := d.Result(); fired && o.Err != nil && !errors.Is(o.Err, persist.ErrUncertain) {
		return nil, o.Err
	}
	return d, nil
}

// lines are records in text.
func lines(rrs []dns.RR) []string {
	var text []string
	for _, rr := range rrs {
		text = append(text, rr.String())
	}
	return text
}

// read is s as the authority has it.
func (s *step) read() (authority.Step, error) {
	var out authority.Step
	var err error
	if out.From, err = readSOA(s.From); err != nil {
		return out, err
	}
	if out.To, err = readSOA(s.To); err != nil {
		return out, err
	}
	if out.Removed, err = readLines(s.Removed); err != nil {
		return out, err
	}
	out.Added, err = readLines(s.Added)
	return out, err
}

func readSOA(text string) (*dns.SOA, error) {
	rr, err := dns.ParseRR(text)
	if err != nil {
		return nil, err
	}
	soa, ok := rr.(*dns.SOA)
	if !ok {
		return nil, fmt.Errorf("zonejournal: %q: want an SOA record", text)
	}
	return soa, nil
}

func readLines(lines []string) (rrs []dns.RR, err error) {
	for _, text := range lines {
		rr, err := dns.ParseRR(text)
		if err != nil {
			return nil, err
		}
		rrs = append(rrs, rr)
	}
	return rrs, nil
}

var _ authority.Journal = (*Journal)(nil)
