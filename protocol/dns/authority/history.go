package authority

import "github.com/twistor-go/twistor/protocol/dns"

// A passage is a Step as transfers send it: on the wire. Records as objects
// belong to one loop, because to write one changes it. Immutable.
type passage struct {
	serial         uint32  // of the version it begins with
	from, to       owned   // SOA records
	removed, added []owned // the others
	size           int     // records
}

// An owned is a set of records and whose it is. Immutable.
type owned struct {
	name dns.Name
	set  dns.RRset
}

// pack makes a passage of a Step.
func pack(s *Step) (passage, error) {
	p := passage{serial: s.From.Serial, size: 2 + len(s.Removed) + len(s.Added)}
	from, err := packAll([]dns.RR{s.From})
	if err != nil {
		return p, err
	}
	to, err := packAll([]dns.RR{s.To})
	if err != nil {
		return p, err
	}
	p.from, p.to = from[0], to[0]
	if p.removed, err = packAll(s.Removed); err != nil {
		return p, err
	}
	p.added, err = packAll(s.Added)
	return p, err
}

// packAll makes sets of records; those of a set that follow each other are one.
func packAll(rrs []dns.RR) (all []owned, err error) {
	for len(rrs) > 0 {
		h, n := rrs[0].Header(), 1
		for n < len(rrs) && rrs[n].Header().Rrtype == h.Rrtype && rrs[n].Header().Ttl == h.Ttl && rrs[n].Header().Name == h.Name {
			n++
		}
		o := owned{}
		if o.name, err = dns.ParseName(h.Name); err != nil {
			return nil, err
		}
		if o.set, err = dns.PackRRset(rrs[:n]); err != nil {
			return nil, err
		}
		all = append(all, o)
		rrs = rrs[n:]
	}
	return all, nil
}

// A history is the last steps of a zone, in bounds. It belongs to the home loop;
// the slices that it gives away stay as they are.
type history struct {
	steps []passage
	size  int // records
}

// add adds steps, and forgets the oldest beyond most records.
func (h *history) add(most int, steps ...Step) {
	for i := range steps {
		p, err := pack(&steps[i])
		if err != nil { // a record that no message can have: differences begin anew
			h.clear()
			continue
		}
		h.steps = append(h.steps, p)
		h.size += p.size
	}
	for h.size > most && len(h.steps) > 0 {
		h.size -= h.steps[0].size
		h.steps = h.steps[1:]
	}
}

// clear forgets all: no way leads to what comes.
func (h *history) clear() { *h = history{} }
