package dnssec

import (
	"bytes"

	"github.com/twistor-go/twistor/protocol/dns"
)

// An nsec says that there is no name between owner and next, and which types
// owner has.
type nsec struct {
	owner, next dns.Name
	types       bitmap
}

// takeNSEC notes a record if it is one of the zone.
func (d *Denial) takeNSEC(rr *dns.NSEC) {
	owner, err := dns.ParseName(rr.Hdr.Name)
	next, err2 := dns.ParseName(rr.NextDomain)
	if err != nil || err2 != nil || !owner.In(d.zone) || !next.In(d.zone) {
		return
	}
	// The last one, and no other, leads back to the zone's name.
	if dns.Compare(owner, next) >= 0 && !bytes.Equal(next, d.zone) {
		return
	}
	d.nsec = append(d.nsec, nsec{owner, next, rr.TypeBitMap})
}

// covers reports whether name, which is one of the zone, is absent by n. Below a
// cut n knows nothing; what is above next exists, if only as an empty name.
func (n *nsec) covers(name, zone dns.Name) bool {
	return dns.Compare(n.owner, name) < 0 && (bytes.Equal(n.next, zone) || dns.Compare(name, n.next) < 0) &&
		!(name.In(n.owner) && n.types.hidesBelow())
}

// covering is the record by which name has no records of its own; nil: there is none.
func (d *Denial) covering(name dns.Name) *nsec {
	for i := range d.nsec {
		if d.nsec[i].covers(name, d.zone) {
			return &d.nsec[i]
		}
	}
	return nil
}

// matching is the record at name; nil: there is none. At a zone cut there may be
// two, of the parent and of the child; only one is d's zone's.
func (d *Denial) matching(name dns.Name) *nsec {
	for i := range d.nsec {
		if bytes.Equal(d.nsec[i].owner, name) {
			return &d.nsec[i]
		}
	}
	return nil
}

// absent is the record by which name does not exist, not even as an empty name,
// and the nearest name above it that does.
func (d *Denial) absent(name dns.Name) (n *nsec, encloser dns.Name) {
	if n = d.covering(name); n == nil || n.next.In(name) {
		return nil, nil
	}
	return n, longer(commonAncestor(name, n.owner), commonAncestor(name, n.next))
}

func longer(a, b dns.Name) dns.Name {
	if len(a) > len(b) {
		return a
	}
	return b
}

// commonAncestor is the longest name that both are in.
func commonAncestor(a, b dns.Name) dns.Name {
	for !b.In(a) {
		a = a.Parent()
	}
	return a
}

// See https://www.rfc-editor.org/rfc/rfc4035#section-3.1.3.2.
func (d *Denial) nameErrorNSEC(name dns.Name) error {
	n, encloser := d.absent(name)
	if n == nil {
		return bogus(CodeProofMissing, "%s: no proof that it does not exist", name)
	}
	wildcard := wildcardOf(encloser)
	if n, _ := d.absent(wildcard); n == nil {
		return bogus(CodeProofMissing, "%s: no proof that there is no %s", name, wildcard)
	}
	return nil
}

// See https://www.rfc-editor.org/rfc/rfc4035#section-3.1.3.1 and section 3.1.3.4.
func (d *Denial) noDataNSEC(name dns.Name, t dns.Type) error {
	if n := d.matching(name); n != nil {
		if n.types.lacks(t, name) {
			return nil
		}
		return bogus(CodeProofMissing, "%s %s: the proof at the name does not deny it", name, t)
	}
	n := d.covering(name)
	if n == nil {
		return bogus(CodeProofMissing, "%s %s: no proof", name, t)
	}
	if n.next.In(name) {
		return nil // an empty name
	}
	_, encloser := d.absent(name)
	wildcard := wildcardOf(encloser)
	if w := d.matching(wildcard); w != nil && w.types.lacks(t, wildcard) {
		return nil
	}
	if w := d.covering(wildcard); w != nil && w.next.In(wildcard) {
		return nil // an empty one
	}
	return bogus(CodeProofMissing, "%s %s: no proof of what %s has", name, t, wildcard)
}

// See https://www.rfc-editor.org/rfc/rfc4035#section-3.1.3.3.
func (d *Denial) wildcardNSEC(name, encloser dns.Name) error {
	n, nearest := d.absent(name)
	if n == nil || !bytes.Equal(nearest, encloser) {
		return bogus(CodeProofMissing, "%s: no proof that nothing is nearer than %s", name, wildcardOf(encloser))
	}
	return nil
}
