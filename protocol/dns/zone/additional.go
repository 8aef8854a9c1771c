package zone

import (
	"encoding/binary"

	"github.com/twistor-go/twistor/protocol/dns"
)

// target is the name of which p, a record of type t, speaks; nil: of none whose
// addresses a client wants.
func target(t dns.Type, p []byte) []byte {
	skip := 0
	switch t {
	case dns.TypeNS:
	case dns.TypeMX, dns.TypeKX, dns.TypeAFSDB, dns.TypeSVCB, dns.TypeHTTPS:
		skip = 2
	case dns.TypeSRV:
		skip = 6
	default:
		return nil
	}
	if len(p) <= skip {
		return nil
	}
	return p[skip : skip+nameBytes(p[skip:])]
}

// maxTargets is of how many of a set's names an answer has the addresses.
const maxTargets = 16

// additional adds the addresses of those that the answer names.
//
// See https://www.rfc-editor.org/rfc/rfc1034#section-4.3.2, step 6.
func (a *answer) additional() {
	switch a.targets.Type {
	case dns.TypeNS, dns.TypeMX, dns.TypeKX, dns.TypeAFSDB, dns.TypeSRV, dns.TypeSVCB, dns.TypeHTTPS:
	default:
		return
	}
	n := 0
	for p := a.targets.Data; len(p) >= 2 && n < maxTargets; n++ {
		size := int(binary.BigEndian.Uint16(p))
		name := target(a.targets.Type, p[2:2+size])
		before := a.targets.Data[:len(a.targets.Data)-len(p)]
		p = p[2+size:]
		if !named(a.targets.Type, before, name) {
			a.addresses(name)
		}
	}
}

// named reports whether one of the records p names name.
func named(t dns.Type, p, name []byte) bool {
	for len(p) >= 2 {
		size := int(binary.BigEndian.Uint16(p))
		if sameName(target(t, p[2:2+size]), name) {
			return true
		}
		p = p[2+size:]
	}
	return false
}

// addresses adds those of name.
func (a *answer) addresses(target []byte) {
	var b [dns.MaxNameBytes]byte
	name := lowerName(target, &b)
	if len(name) == 1 && (a.targets.Type == dns.TypeSVCB || a.targets.Type == dns.TypeHTTPS) {
		// "the value "." in TargetName has special meaning: the owner name"
		// (https://www.rfc-editor.org/rfc/rfc9460#section-2.5.2).
		name = a.q.Name
	}
	if len(name) == 0 || !name.In(a.z.origin) {
		return
	}
	var e entry
	if a.targets.Type == dns.TypeNS {
		e = a.z.names.get(name, a.z.hashOf(name)) // also below a cut: that is what glue is
	} else if f := a.z.find(name); f.kind == exact {
		e = f.e
	}
	if e == nil {
		return
	}
	for _, t := range [...]dns.Type{dns.TypeA, dns.TypeAAAA} {
		set, sigs, ok := e.find(t)
		if ok && !a.add(dns.Additional, name, set, sigs) && a.cut != nil && name.In(a.cut.name()) {
			// Without them nobody gets beyond the cut
			// (https://www.rfc-editor.org/rfc/rfc9471#section-3.1).
			a.w.SetTruncated(true)
		}
	}
}
