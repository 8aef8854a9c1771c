package zone

import (
	"iter"

	"github.com/twistor-go/twistor/protocol/dns"
)

// All is every set, in the canonical order of names (RFC 4034 section 6.1), the
// SOA set first of all. At one name, signatures stand behind the set that they
// are of. What it yields lives as long as it is held.
func (z *Zone) All() iter.Seq2[dns.Name, dns.RRset] {
	return func(yield func(dns.Name, dns.RRset) bool) {
		proof := z.hashes.first(nil) // the next one
		for e := range z.names.all(nil) {
			if proof != nil && dns.Compare(proof.name(), e.name()) <= 0 {
				from := proof.name()
				proof = nil
				for p := range z.hashes.all(from) {
					if dns.Compare(p.name(), e.name()) > 0 {
						proof = p
						break
					}
					if !p.yield(yield) {
						return
					}
				}
			}
			if !e.yield(yield) {
				return
			}
		}
		if proof == nil {
			return
		}
		for p := range z.hashes.all(proof.name()) {
			if !p.yield(yield) {
				return
			}
		}
	}
}

func (e entry) yield(yield func(dns.Name, dns.RRset) bool) bool {
	for p := e.sets(); len(p) > 0; {
		var set dns.RRset
		if set, p = nextSet(p); !yield(e.name(), set) {
			return false
		}
	}
	return true
}
