package zone

import "github.com/twistor-go/twistor/protocol/dns"

// maxDenied is how many records that prove an absence one answer has at most;
// chains over many wildcards would need more, and are not proved to the end.
const maxDenied = 24

// deny adds the NSEC or NSEC3 set of e, once.
func (a *answer) deny(e entry, t dns.Type) {
	if e == nil {
		return
	}
	for i, p := range a.denied {
		if p == &e[0] {
			return
		}
		if p == nil {
			if set, sigs, ok := e.find(t); ok {
				a.denied[i] = &e[0]
				a.add(dns.Authority, e.name(), set, sigs)
			}
			return
		}
	}
}

// proveNoName proves that neither the name exists nor a wildcard for it.
//
// See https://www.rfc-editor.org/rfc/rfc4035#section-3.1.3.2 and
// https://www.rfc-editor.org/rfc/rfc5155#section-7.2.2.
func (a *answer) proveNoName(name dns.Name, f *found) {
	closest := tail(name, f.closest)
	if a.z.nsec3 != nil {
		closest = a.proveCloser(closest, name)
	} else {
		a.cover(name)
	}
	if len(closest)+2 > dns.MaxNameBytes {
		return
	}
	var b [dns.MaxNameBytes]byte
	b[0], b[1] = 1, '*'
	wildcard := dns.Name(b[:2+copy(b[2:], closest)])
	if a.z.nsec3 != nil {
		a.coverHash(wildcard)
	} else {
		a.cover(wildcard)
	}
}

// proveNoData proves that e has no set of the type that was asked for. If name
// is not e's, it also proves that there is nothing nearer than the wildcard e.
//
// See https://www.rfc-editor.org/rfc/rfc4035#section-3.1.3.1 and
// https://www.rfc-editor.org/rfc/rfc5155#section-7.2.3 and the two behind it.
func (a *answer) proveNoData(name dns.Name, e entry, f *found) {
	if a.z.nsec3 == nil {
		a.cover(e.name())
		if f.kind == absent {
			a.cover(name)
		}
		return
	}
	if f.kind == absent {
		a.proveCloser(tail(name, f.closest), name)
		a.matchHash(e.name())
		return
	}
	if !a.matchHash(name) { // an insecure delegation that the chain leaves out
		a.proveCloser(name.Parent(), name)
	}
}

// proveExpansion proves that there is nothing nearer to name than the wildcard
// that the answer is from.
//
// See https://www.rfc-editor.org/rfc/rfc4035#section-3.1.3.3 and
// https://www.rfc-editor.org/rfc/rfc5155#section-7.2.6.
func (a *answer) proveExpansion(name dns.Name, f *found) {
	switch {
	case !a.proofs || f.kind != absent:
	case a.z.nsec3 != nil:
		a.coverHash(tail(name, f.next))
	default:
		a.cover(name)
	}
}

// proveDelegation gives the DS set of a cut, or proves that there is none.
//
// See https://www.rfc-editor.org/rfc/rfc4035#section-3.1.4 and
// https://www.rfc-editor.org/rfc/rfc5155#section-7.2.7.
func (a *answer) proveDelegation(e entry) {
	if set, sigs, ok := e.find(dns.TypeDS); ok {
		a.add(dns.Authority, e.name(), set, sigs)
		return
	}
	if a.z.nsec3 == nil {
		a.deny(e, dns.TypeNSEC)
	} else if !a.matchHash(e.name()) {
		a.proveCloser(e.name().Parent(), e.name())
	}
}

// cover adds the NSEC set of name or, if that has none, of the last name before
// it that has one: names below cuts and empty ones have none. It passes those by
// in a few steps: from a name below a cut to the cut, and by an empty one to what
// is before it, no more often than a name has labels.
func (a *answer) cover(name dns.Name) {
	e := a.z.names.atOrBefore(name)
	for range 2 * 128 {
		if e == nil {
			return
		}
		if f := a.z.find(e.name()); f.kind != exact {
			e = f.e // a cut, or a name with a DNAME record
		}
		if _, _, ok := e.find(dns.TypeNSEC); ok {
			a.deny(e, dns.TypeNSEC)
			return
		}
		e = a.z.names.before(e.name())
	}
}

// matchHash adds the NSEC3 set of name, and reports whether there is one.
func (a *answer) matchHash(name dns.Name) bool {
	var b [dns.MaxNameBytes + hashedBytes]byte
	hashed := a.z.nsec3.hashed(name, a.z.origin, &b)
	e := a.z.hashes.get(hashed, extend(a.z.hash, hashed[:hashedBytes]))
	if e == nil || !a.z.nsec3.of(e) {
		return false
	}
	a.deny(e, dns.TypeNSEC3)
	return true
}

// coverHash adds the NSEC3 set that name's hash would be behind.
func (a *answer) coverHash(name dns.Name) {
	var b [dns.MaxNameBytes + hashedBytes]byte
	e := a.z.hashes.before(a.z.nsec3.hashed(name, a.z.origin, &b))
	if e == nil {
		e = a.z.hashes.end() // the chain is a ring
	}
	for range 64 {
		if e == nil || a.z.nsec3.of(e) {
			break
		}
		e = a.z.hashes.before(e.name())
	}
	a.deny(e, dns.TypeNSEC3)
}

// proveCloser proves that closest, an ancestor of name, exists, and the next
// closer name does not. Where closest is not in the chain, since there are only
// insecure delegations below it, it is the next ancestor that is: proveCloser
// returns which one.
//
// See https://www.rfc-editor.org/rfc/rfc5155#section-7.2.1.
func (a *answer) proveCloser(closest, name dns.Name) dns.Name {
	for !a.matchHash(closest) && len(closest) > len(a.z.origin) {
		closest = closest.Parent()
	}
	for len(name.Parent()) > len(closest) {
		name = name.Parent()
	}
	a.coverHash(name)
	return closest
}
