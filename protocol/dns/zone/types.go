package zone

import "github.com/twistor-go/twistor/protocol/dns"

// Types are those of the sets of a name, RRSIG once behind the others; nil: the
// name has none.
func (z *Zone) Types(name dns.Name) (types []dns.Type) {
	if !name.In(z.origin) {
		return nil
	}
	h, signed := z.hashOf(name), false
	for _, e := range [...]entry{z.names.get(name, h), z.hashes.get(name, h)} {
		if e == nil {
			continue
		}
		for p := e.sets(); len(p) > 0; {
			var set dns.RRset
			if set, p = nextSet(p); set.Type == dns.TypeRRSIG {
				signed = true
			} else {
				types = append(types, set.Type)
			}
		}
	}
	if signed {
		types = append(types, dns.TypeRRSIG)
	}
	return types
}
