package resolver

import (
	"bytes"

	"github.com/twistor-go/twistor/protocol/dns"
)

const (
	// maxSetRecords is how many records an RRset may have: nobody has more, and
	// what handles all pairs of them would be slow (CVE-2024-1737).
	maxSetRecords = 100
	// maxAliases is how many CNAMEs are followed for one question.
	maxAliases = 16
)

// A record is one with its name as the wire has it.
type record struct {
	dns.RR
	name   dns.Name
	rtype  dns.Type
	covers dns.Type // of an RRSIG
}

// readRecords are those of rrs that are of class IN and have a good name.
func readRecords(rrs []dns.RR) []record {
	out := make([]record, 0, len(rrs))
	var last string // most follow one of the same name
	var name dns.Name
	for _, rr := range rrs {
		h := rr.Header()
		if h.Class != dns.ClassIN || h.Rrtype == dns.TypeOPT || h.Rrtype == dns.TypeTSIG {
			continue
		}
		if name == nil || h.Name != last {
			n, err := dns.ParseName(h.Name)
			if err != nil {
				continue
			}
			name, last = n, h.Name
		}
		r := record{RR: rr, name: name, rtype: dns.Type(h.Rrtype)}
		if sig, ok := rr.(*dns.RRSIG); ok {
			r.covers = dns.Type(sig.TypeCovered)
		}
		out = append(out, r)
	}
	return out
}

// A rrset is the records of one name and type, and the signatures over them.
type rrset struct {
	name  dns.Name
	rtype dns.Type
	rrs   []dns.RR
	sigs  []*dns.RRSIG
}

// collect is the set of n and t among rs; ok says that there are records.
func collect(rs []record, n dns.Name, t dns.Type) (set rrset, ok bool) {
	set.name, set.rtype = n, t
	for _, r := range rs {
		switch {
		case !bytes.Equal(r.name, n):
		case r.rtype == t:
			set.rrs = append(set.rrs, r.RR)
		case r.rtype == dns.TypeRRSIG && r.covers == t:
			set.sigs = append(set.sigs, r.RR.(*dns.RRSIG))
		}
	}
	return set, len(set.rrs) > 0
}

// all are the sets in rs but signatures, in the order of their first records.
func all(rs []record) (sets []rrset) {
	for _, r := range rs {
		if r.rtype == dns.TypeRRSIG {
			continue
		}
		known := false
		for _, s := range sets {
			known = known || s.rtype == r.rtype && bytes.Equal(s.name, r.name)
		}
		if !known && len(sets) < maxSetRecords {
			s, _ := collect(rs, r.name, r.rtype)
			sets = append(sets, s)
		}
	}
	return sets
}

// target is where an alias leads; nil: to no good name.
func (s rrset) target() dns.Name {
	if len(s.rrs) != 1 {
		return nil
	}
	var to string
	switch rr := s.rrs[0].(type) {
	case *dns.CNAME:
		to = rr.Target
	case *dns.DNAME:
		to = rr.Target
	default:
		return nil
	}
	n, err := dns.ParseName(to)
	if err != nil {
		return nil
	}
	return n
}

// meta reports whether a type is no type of records, but of questions and of
// what belongs to a message.
//
// See https://www.rfc-editor.org/rfc/rfc6895#section-3.1.
func meta(t dns.Type) bool {
	return t == 0 || t == dns.TypeOPT || t >= dns.TypeNXNAME && t <= dns.TypeMAILA
}
