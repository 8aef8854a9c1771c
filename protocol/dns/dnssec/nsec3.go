package dnssec

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"

	"github.com/twistor-go/twistor/protocol/dns"
)

// maxRounds is up to which number of rounds NSEC3 is computed: "Validating
// resolvers MAY return an insecure response to their clients when processing
// NSEC3 records with iterations larger than 0"
// (https://www.rfc-editor.org/rfc/rfc9276#section-3.2); as many as others take.
const maxRounds = 100

// An nsec3 says that there is no name whose hash is between owner and next.
type nsec3 struct {
	owner, next []byte
	optOut      bool // but unsigned delegations
	types       bitmap
}

// takeNSEC3 notes a record if it is one of the zone. "A validator MUST ignore
// NSEC3 RRs with unknown hash types", and with a Flag field other than zero or
// one; and those with different parameters from each other make a response bogus
// (https://www.rfc-editor.org/rfc/rfc5155#section-8.1 and 8.2).
func (d *Denial) takeNSEC3(rr *dns.NSEC3) error {
	name, err := dns.ParseName(rr.Hdr.Name)
	if err != nil || rr.Hash != hashSHA1 || rr.Flags > 1 || name[0] != 32 || !bytes.Equal(name.Parent(), d.zone) {
		return nil
	}
	owner, err := base32hex.DecodeString(string(bytes.ToUpper(name[1:33])))
	next, err2 := base32hex.DecodeString(string(bytes.ToUpper([]byte(rr.NextDomain))))
	salt, err3 := hex.DecodeString(rr.Salt)
	if rr.Salt == "-" {
		salt, err3 = nil, nil
	}
	if err != nil || err2 != nil || err3 != nil || len(next) != sha1.Size {
		return nil
	}
	if rr.Iterations > maxRounds {
		d.costly = true
		return nil
	}
	if len(d.nsec3) == 0 {
		d.rounds, d.salt = int(rr.Iterations), salt
	} else if int(rr.Iterations) != d.rounds || !bytes.Equal(salt, d.salt) {
		return bogus(CodeProofMissing, "%s: NSEC3 records with different parameters", d.zone)
	}
	d.nsec3 = append(d.nsec3, nsec3{owner, next, rr.Flags&1 != 0, rr.TypeBitMap})
	return nil
}

// matching3 is the record of name; nil: there is none.
func (d *Denial) matching3(sum [sha1.Size]byte) *nsec3 {
	for i := range d.nsec3 {
		if bytes.Equal(d.nsec3[i].owner, sum[:]) {
			return &d.nsec3[i]
		}
	}
	return nil
}

// covering3 is the record by which no name has the hash; nil: there is none.
func (d *Denial) covering3(sum [sha1.Size]byte) *nsec3 {
	for i := range d.nsec3 {
		n := &d.nsec3[i]
		after, before := bytes.Compare(n.owner, sum[:]) < 0, bytes.Compare(sum[:], n.next) < 0
		if bytes.Compare(n.owner, n.next) < 0 {
			if after && before {
				return n
			}
		} else if (after || before) && !bytes.Equal(n.owner, sum[:]) { // the last one
			return n
		}
	}
	return nil
}

func (d *Denial) hashOf(name dns.Name) ([sha1.Size]byte, error) {
	if !d.budget.hash() {
		return [sha1.Size]byte{}, ErrBudget
	}
	return hashName(name, d.rounds, d.salt), nil
}

// encloser proves the nearest name above name that exists: its own record is
// there, and one by which the next longer name, which next is the record of, does
// not exist. A name that exists itself has none.
//
// See https://www.rfc-editor.org/rfc/rfc5155#section-8.3.
func (d *Denial) encloser(name dns.Name) (encloser dns.Name, next *nsec3, err error) {
	missing := bogus(CodeProofMissing, "%s: no proof of the nearest name that exists", name)
	sum, err := d.hashOf(name)
	if err != nil {
		return nil, nil, err
	}
	if d.matching3(sum) != nil {
		return nil, nil, bogus(CodeProofMissing, "%s: the proof is that it exists", name)
	}
	for n := name; len(n) > len(d.zone); n = n.Parent() {
		nextSum := sum
		if sum, err = d.hashOf(n.Parent()); err != nil {
			return nil, nil, err
		}
		found := d.matching3(sum)
		if found == nil {
			continue
		}
		if next = d.covering3(nextSum); next == nil || found.types.hidesBelow() {
			return nil, nil, missing
		}
		return n.Parent(), next, nil
	}
	return nil, nil, missing
}

// status is what a proof is worth that rests on name's absence by n: with opt-out
// an unsigned delegation may be there
// (https://www.rfc-editor.org/rfc/rfc5155#section-9.2).
func (n *nsec3) status() Status {
	if n.optOut {
		return Insecure
	}
	return Secure
}

// See https://www.rfc-editor.org/rfc/rfc5155#section-8.4.
func (d *Denial) nameError3(name dns.Name) (Status, error) {
	encloser, next, err := d.encloser(name)
	if err != nil {
		return 0, err
	}
	wildcard := wildcardOf(encloser)
	sum, err := d.hashOf(wildcard)
	if err != nil {
		return 0, err
	}
	if d.covering3(sum) == nil {
		return 0, bogus(CodeProofMissing, "%s: no proof that there is no %s", name, wildcard)
	}
	return next.status(), nil
}

// See https://www.rfc-editor.org/rfc/rfc5155#section-8.5 to 8.7.
func (d *Denial) noData3(name dns.Name, t dns.Type) (Status, error) {
	sum, err := d.hashOf(name)
	if err != nil {
		return 0, err
	}
	if n := d.matching3(sum); n != nil {
		if n.types.lacks(t, name) {
			return Secure, nil
		}
		return 0, bogus(CodeProofMissing, "%s %s: the proof at the name does not deny it", name, t)
	}
	encloser, next, err := d.encloser(name)
	if err != nil {
		return 0, err
	}
	wildcard := wildcardOf(encloser)
	if sum, err = d.hashOf(wildcard); err != nil {
		return 0, err
	}
	if n := d.matching3(sum); n != nil && n.types.lacks(t, wildcard) {
		return next.status(), nil
	}
	if next.optOut {
		return Insecure, nil // an unsigned delegation, or an empty name above some
	}
	return 0, bogus(CodeProofMissing, "%s %s: no proof of what %s has", name, t, wildcard)
}

// See https://www.rfc-editor.org/rfc/rfc5155#section-8.8.
func (d *Denial) wildcard3(name, encloser dns.Name) (Status, error) {
	sum, err := d.hashOf(suffix(name, encloser.Labels()+1))
	if err != nil {
		return 0, err
	}
	n := d.covering3(sum)
	if n == nil {
		return 0, bogus(CodeProofMissing, "%s: no proof that nothing is nearer than %s", name, wildcardOf(encloser))
	}
	return n.status(), nil
}

func (d *Denial) delegation3(name dns.Name) error {
	sum, err := d.hashOf(name)
	if err != nil {
		return err
	}
	if n := d.matching3(sum); n != nil {
		if n.types.delegates() && !n.types.has(dns.TypeDS) {
			return nil
		}
		return bogus(CodeProofMissing, "%s: no proof of a delegation that is not signed", name)
	}
	_, next, err := d.encloser(name)
	if err != nil {
		return err
	}
	if !next.optOut {
		return bogus(CodeProofMissing, "%s: no proof of a delegation that is not signed", name)
	}
	return nil
}
