package dnssec

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A chain makes the records that prove what is not there: NSEC at each name,
// which names the next one, or NSEC3 at hashes. What the zone has of them
// already is compared, and stays if it is right.
type chain struct {
	p   *Plan
	ttl uint32

	// NSEC. The node is the one that waits for its next name.
	waiting      dns.Name
	waitingTypes []dns.Type
	old          map[string]proof // NSEC sets by name, of the last names

	// NSEC3.
	hashes []hashed
	last   dns.Name // that was added
	olds   []proof  // NSEC3 sets in order
}

// A proof is a set of NSEC or NSEC3 that the zone has.
type proof struct {
	name      dns.Name
	set, sigs dns.RRset
}

// hashed is a name of an NSEC3 chain.
type hashed struct {
	sum   [sha1.Size]byte
	types []byte // a bitmap
}

// begin takes the TTL of proofs: "the lesser of the MINIMUM field of the SOA
// record and the TTL of the SOA itself"
// (https://www.rfc-editor.org/rfc/rfc9077#section-3).
func (c *chain) begin(p *Plan) {
	soa := p.to.SOA()
	c.p, c.ttl, c.old = p, min(soa.Hdr.Ttl, soa.Minttl), map[string]proof{}
}

// had notes which proofs n has.
func (c *chain) had(n *node) error {
	if set := n.find(dns.TypeNSEC3); len(set.Data) > 0 || len(n.signatures(dns.TypeNSEC3).Data) > 0 {
		c.olds = append(c.olds, proof{n.name, set, n.signatures(dns.TypeNSEC3)})
	}
	set, sigs := n.find(dns.TypeNSEC), n.signatures(dns.TypeNSEC)
	if len(set.Data) == 0 && len(sigs.Data) == 0 {
		return nil
	}
	if c.p.policy.NSEC3 || len(c.p.roles.published) == 0 || c.p.cut != nil && n.name.In(c.p.cut) {
		return c.remove(proof{n.name, set, sigs})
	}
	c.old[string(n.name)] = proof{n.name, set, sigs}
	return nil
}

func (c *chain) remove(old proof) error {
	if len(old.set.Data) > 0 {
		if err := c.p.replace(old.name, old.set, dns.RRset{}); err != nil {
			return err
		}
	}
	return c.p.drop(old.name, old.sigs)
}

// put has a proof at a name.
func (c *chain) put(owner dns.Name, t dns.Type, record []byte, old proof) error {
	set := dns.RRset{Type: t, TTL: c.ttl, Data: append(binary.BigEndian.AppendUint16(nil, uint16(len(record))), record...)}
	if err := c.p.replace(owner, old.set, set); err != nil {
		return err
	}
	return c.p.sign(owner, set, old.sigs)
}

// add has a name in the chain.
func (c *chain) add(name dns.Name, types []dns.Type, delegation bool) error {
	if !c.p.policy.NSEC3 {
		err := c.closeNSEC(name)
		c.waiting = name
		c.waitingTypes = append(append(c.waitingTypes[:0], types...), dns.TypeRRSIG, dns.TypeNSEC)
		return err
	}
	// The empty names between this one and those of before are names, too.
	// Opt-out may leave out those with nothing but unsigned delegations below
	// (https://www.rfc-editor.org/rfc/rfc5155#section-7.1); but then a wildcard
	// above could not be denied.
	if c.last != nil {
		for n := name.Parent(); len(n) > len(c.p.origin) && !c.last.In(n); n = n.Parent() {
			c.hashes = append(c.hashes, hashed{sum: hashName(n, 0, nil)})
		}
	}
	c.last = name
	signed := !delegation || slices.Contains(types, dns.TypeDS)
	if !signed && c.p.policy.OptOut {
		return nil
	}
	if signed {
		types = append(types, dns.TypeRRSIG)
	}
	c.hashes = append(c.hashes, hashed{hashName(name, 0, nil), appendTypes(nil, types)})
	return nil
}

// closeNSEC writes the record of the name that waits for next.
func (c *chain) closeNSEC(next dns.Name) error {
	if c.waiting == nil {
		return nil
	}
	old := c.old[string(c.waiting)]
	delete(c.old, string(c.waiting))
	record := appendTypes(bytes.Clone(next), c.waitingTypes)
	return c.put(c.waiting, dns.TypeNSEC, record, old)
}

// end completes the chain, and removes what is left of an old one.
func (c *chain) end() error {
	if !c.p.policy.NSEC3 {
		if err := c.closeNSEC(c.p.origin); err != nil {
			return err
		}
	}
	left := make([]proof, 0, len(c.old))
	for _, old := range c.old { //sim:unordered sorted below
		left = append(left, old)
	}
	slices.SortFunc(left, func(a, b proof) int { return dns.Compare(a.name, b.name) })
	for _, old := range left {
		if err := c.remove(old); err != nil {
			return err
		}
	}
	return c.endNSEC3()
}

// endNSEC3 writes the records in the order of hashes, which is that of the names
// that they make; so old and new ones are compared side by side.
func (c *chain) endNSEC3() error {
	slices.SortFunc(c.hashes, func(a, b hashed) int { return bytes.Compare(a.sum[:], b.sum[:]) })
	slices.SortStableFunc(c.olds, func(a, b proof) int { return dns.Compare(a.name, b.name) })
	flags := byte(0)
	if c.p.policy.OptOut {
		flags = 1
	}
	olds := c.olds
	for i, h := range c.hashes {
		next := c.hashes[(i+1)%len(c.hashes)].sum
		if i+1 < len(c.hashes) && next == h.sum {
			return fmt.Errorf("dnssec: two names of %s have one hash: want NSEC, or one of them away", c.p.origin)
		}
		owner := hashedName(h.sum, c.p.origin)
		for len(olds) > 0 && dns.Compare(olds[0].name, owner) < 0 {
			if err := c.remove(olds[0]); err != nil {
				return err
			}
			olds = olds[1:]
		}
		var old proof
		if len(olds) > 0 && bytes.Equal(olds[0].name, owner) {
			old, olds = olds[0], olds[1:]
		}
		record := append([]byte{hashSHA1, flags, 0, 0, 0, sha1.Size}, next[:]...)
		if err := c.put(owner, dns.TypeNSEC3, append(record, h.types...), old); err != nil {
			return err
		}
	}
	for _, old := range olds {
		if err := c.remove(old); err != nil {
			return err
		}
	}
	return nil
}

// nsec3param says that the chain has no rounds and no salt: "the use of
// additional iterations ... is discouraged"
// (https://www.rfc-editor.org/rfc/rfc9276#section-3.1).
var nsec3param = dns.RRset{Type: dns.TypeNSEC3PARAM, TTL: 0, Data: []byte{0, 5, hashSHA1, 0, 0, 0, 0}}

// hashSHA1 is the one hash that there is.
const hashSHA1 = 1

var base32hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// hashName is the hash of a name.
//
// See https://www.rfc-editor.org/rfc/rfc5155#section-5.
func hashName(n dns.Name, iterations int, salt []byte) [sha1.Size]byte {
	b := append(append(make([]byte, 0, dns.MaxNameBytes+255), n...), salt...)
	sum := sha1.Sum(b)
	for range iterations {
		b = append(append(b[:0], sum[:]...), salt...)
		sum = sha1.Sum(b)
	}
	return sum
}

// hashedName is the owner of the NSEC3 record of a hash.
func hashedName(sum [sha1.Size]byte, origin dns.Name) dns.Name {
	n := make(dns.Name, 33, 33+len(origin))
	n[0] = 32
	base32hex.Encode(n[1:], sum[:])
	return append(dns.Name(bytes.ToLower(n)), origin...)
}

// appendTypes appends a bitmap of types, which may be in any order.
//
// See https://www.rfc-editor.org/rfc/rfc4034#section-4.1.2.
func appendTypes(b []byte, types []dns.Type) []byte {
	slices.Sort(types)
	for len(types) > 0 {
		window := types[0] >> 8
		var bits [32]byte
		size := 0
		for len(types) > 0 && types[0]>>8 == window {
			low := byte(types[0])
			bits[low/8] |= 0x80 >> (low % 8)
			size = int(low)/8 + 1
			types = types[1:]
		}
		b = append(append(b, byte(window), byte(size)), bits[:size]...)
	}
	return b
}
