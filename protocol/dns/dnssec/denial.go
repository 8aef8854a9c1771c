package dnssec

import (
	"bytes"
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
)

// maxProofs is how many NSEC and NSEC3 records of one answer are looked at.
const maxProofs = 32

// A Denial is the NSEC or NSEC3 records of one answer, of which it is asked
// what they prove. Immutable but for its Budget. Loop-only.
//
// See https://www.rfc-editor.org/rfc/rfc4035#section-5.4 and
// https://www.rfc-editor.org/rfc/rfc5155#section-8.
type Denial struct {
	zone   dns.Name
	nsec   []nsec
	nsec3  []nsec3
	costly bool // NSEC3 with more rounds than are computed
	rounds int
	salt   []byte
	budget *Budget
}

// A bitmap is the types of a name.
type bitmap []uint16

func (b bitmap) has(t dns.Type) bool { return slices.Contains(b, uint16(t)) }

// delegates reports whether they are the parent's side of a zone cut.
func (b bitmap) delegates() bool { return b.has(dns.TypeNS) && !b.has(dns.TypeSOA) }

// hidesBelow reports whether the zone says nothing of what is below the name: that is
// another zone's, or a DNAME's. "NSEC or NSEC3 RR with ... the NS bit set, the
// SOA bit clear ... MUST NOT be used to assume nonexistence of any RRs below that
// zone cut" (https://www.rfc-editor.org/rfc/rfc6840#section-4.1).
func (b bitmap) hidesBelow() bool { return b.delegates() || b.has(dns.TypeDNAME) }

// lacks reports whether the types prove that there is none of t: for DS it must
// be the parent that says it, for others the zone itself; an alias leads
// elsewhere.
//
// See https://www.rfc-editor.org/rfc/rfc6840#section-4.3 and section 4.4.
func (b bitmap) lacks(t dns.Type, name dns.Name) bool {
	switch {
	case b.has(t) || b.has(dns.TypeCNAME):
		return false
	case t == dns.TypeANY:
		return false // there is the proof itself
	case t == dns.TypeDS:
		return !b.has(dns.TypeSOA) || name.IsRoot()
	}
	return !b.delegates()
}

// NewDenial takes from records, which must be verified (VerifyRRset) and signed
// by zone, those that prove something of it; others are passed over. A zone whose
// NSEC3 has more than 100 rounds proves nothing: its answers are insecure (RFC
// 9276 section 3.2). It fails with a *BogusError if there is no proof, or NSEC3
// records contradict each other.
func NewDenial(zone dns.Name, records []dns.RR, b *Budget) (*Denial, error) {
	d := &Denial{zone: zone, budget: b}
	for _, rr := range records {
		if len(d.nsec)+len(d.nsec3) == maxProofs {
			break
		}
		var err error
		switch rr := rr.(type) {
		case *dns.NSEC:
			d.takeNSEC(rr)
		case *dns.NSEC3:
			err = d.takeNSEC3(rr)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(d.nsec)+len(d.nsec3) == 0 && !d.costly {
		return nil, bogus(CodeProofMissing, "%s: no proof by NSEC or NSEC3", zone)
	}
	return d, nil
}

// NameError checks that name does not exist, nor a wildcard that would stand
// for it (NXDOMAIN).
func (d *Denial) NameError(name dns.Name) (Status, error) {
	switch {
	case !d.below(name):
		return 0, bogus(CodeProofMissing, "%s: not a name of %s", name, d.zone)
	case d.costly:
		return Insecure, nil
	case len(d.nsec3) > 0:
		return d.nameError3(name)
	}
	return Secure, d.nameErrorNSEC(name)
}

// NoData checks that name, or the wildcard that stands for it, has no records
// of type t, nor an alias. For DS, d is of the parent zone.
func (d *Denial) NoData(name dns.Name, t dns.Type) (Status, error) {
	switch {
	case !name.In(d.zone):
		return 0, bogus(CodeProofMissing, "%s: not a name of %s", name, d.zone)
	case d.costly:
		return Insecure, nil
	case len(d.nsec3) > 0:
		return d.noData3(name, t)
	}
	return Secure, d.noDataNSEC(name, t)
}

// Wildcard checks that nothing is nearer to name than wildcard, whose records
// stand for it: see Verified.Wildcard.
func (d *Denial) Wildcard(name, wildcard dns.Name) (Status, error) {
	encloser := wildcard.Parent()
	switch {
	case !d.below(name) || !wildcard.IsWildcard() || !encloser.In(d.zone) || !name.In(encloser) || len(name) == len(encloser):
		return 0, bogus(CodeProofMissing, "%s: no name for which %s would stand", name, wildcard)
	case d.costly:
		return Insecure, nil
	case len(d.nsec3) > 0:
		return d.wildcard3(name, encloser)
	}
	return Secure, d.wildcardNSEC(name, encloser)
}

// Delegation checks that name is a zone cut below d's zone and has no DS record,
// so that what is below is not signed. NSEC3 with opt-out proves that for names
// that may not be there at all: it means no more than that there is nothing
// secure.
//
// See https://www.rfc-editor.org/rfc/rfc4035#section-5.2 and
// https://www.rfc-editor.org/rfc/rfc5155#section-8.9.
func (d *Denial) Delegation(name dns.Name) error {
	switch {
	case !d.below(name):
		return bogus(CodeProofMissing, "%s: no delegation from %s", name, d.zone)
	case d.costly:
		return nil
	case len(d.nsec3) > 0:
		return d.delegation3(name)
	}
	for _, n := range d.nsec {
		if bytes.Equal(n.owner, name) && n.types.delegates() && !n.types.has(dns.TypeDS) {
			return nil
		}
	}
	return bogus(CodeProofMissing, "%s: no proof of a delegation that is not signed", name)
}

// below reports whether name is one below the zone's own.
func (d *Denial) below(name dns.Name) bool { return name.In(d.zone) && len(name) > len(d.zone) }

// Synthesized reports whether cname is what d makes of the name: an alias that needs no
// signature of its own.
//
// See https://www.rfc-editor.org/rfc/rfc6672#section-5.3.1.
func Synthesized(cname *dns.CNAME, d *dns.DNAME) bool {
	name, err := dns.ParseName(cname.Hdr.Name)
	owner, err2 := dns.ParseName(d.Hdr.Name)
	to, err3 := dns.ParseName(cname.Target)
	target, err4 := dns.ParseName(d.Target)
	if err != nil || err2 != nil || err3 != nil || err4 != nil || !name.In(owner) || len(name) == len(owner) || cname.Hdr.Class != d.Hdr.Class {
		return false
	}
	made := append(bytes.Clone(name[:len(name)-len(owner)]), target...)
	return len(made) <= dns.MaxNameBytes && bytes.Equal(made, to)
}
