package dns

import "slices"

// maxChain is how many CNAMEs are followed from a name to its records.
const maxChain = 16

// relevant is what of an answer section answers the question: the records of
// the name, or of what its CNAMEs and DNAMEs lead to, with their signatures.
// Whatever else a server sends nobody has asked for, and it may be meant to
// poison who remembers it.
func relevant(answer []RR, name Name, t uint16) []RR {
	owners := []string{string(name)}
	for len(owners) <= maxChain && t != TypeCNAME && t != TypeANY {
		next, ok := aliasOf(answer, owners[len(owners)-1])
		if !ok || slices.Contains(owners, next) {
			break
		}
		owners = append(owners, next)
	}
	kept := answer[:0:0]
	for _, rr := range answer {
		rtype := rr.Header().Rrtype
		if sig, ok := rr.(*RRSIG); ok && t != TypeRRSIG {
			rtype = sig.TypeCovered
		}
		owner := wireName(rr.Header().Name)
		fits := slices.Contains(owners, owner) && (rtype == t || rtype == TypeCNAME || t == TypeANY)
		if rtype == TypeDNAME && !fits {
			fits = t != TypeANY && above(owner, owners)
		}
		if fits {
			kept = append(kept, rr)
		}
	}
	return kept
}

// aliasOf is what the owner's CNAME says.
func aliasOf(answer []RR, owner string) (target string, ok bool) {
	for _, rr := range answer {
		if c, is := rr.(*CNAME); is && wireName(c.Hdr.Name) == owner {
			return wireName(c.Target), true
		}
	}
	return "", false
}

// wireName is a name of an RR as a Name; "": it is none.
func wireName(s string) string {
	n, err := ParseName(s)
	if err != nil {
		return ""
	}
	return string(n)
}

// above reports whether one of the names is below zone.
func above(zone string, names []string) bool {
	for _, n := range names {
		if n != zone && zone != "" && Name(n).In(Name(zone)) {
			return true
		}
	}
	return false
}
