package dnssec

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
)

// one is a record of those data; nil: they are none.
func one(name dns.Name, t dns.Type, d []byte) dns.RR {
	if len(d) > 4000 {
		return nil
	}
	rrs, err := dns.RRset{Type: t, TTL: 60, Data: append(binary.BigEndian.AppendUint16(nil, uint16(len(d))), d...)}.RRs(name)
	if err != nil || len(rrs) != 1 {
		return nil
	}
	return rrs[0]
}

// FuzzVerify gives any signature and any key: what is accepted, the library behind our
// records accepts too, and nothing panics.
func FuzzVerify(f *testing.F) {
	owner := dns.MustParseName("many.hard.example")
	for _, a := range algorithms {
		z := sign(f, readZone(f, hard, "hard.example"), []*Key{newKey(f, KeyOptions{Zone: dns.MustParseName("hard.example"), Algorithm: a}, 1)}, Policy{}, now)
		for n := range nodes(z) {
			if string(n.name) == string(owner) {
				for d := range data(n.signatures(dns.TypeA)) {
					key, _ := keyData(keysOf(z)[0])
					f.Add(d, key)
				}
			}
		}
	}
	z := readZone(f, hard, "hard.example")
	f.Fuzz(func(t *testing.T, signature, key []byte) {
		readSignature(signature)
		sig, ok := one(owner, dns.TypeRRSIG, signature).(*dns.RRSIG)
		k, ok2 := one(z.Origin(), dns.TypeDNSKEY, key).(*dns.DNSKEY)
		if !ok || !ok2 {
			return
		}
		set := z.RRs(owner, dns.TypeA)
		v, err := VerifyRRset(set, []*dns.RRSIG{sig}, []*dns.DNSKEY{k}, now, &Budget{})
		if err != nil {
			return
		}
		if v.Wildcard == nil && sig.Verify(k, set) != nil {
			t.Errorf("%v by %v was accepted, and the oracle refuses it", sig, k)
		}
	})
}

// FuzzProofs takes any NSEC and NSEC3 data for proofs of an empty zone name: nothing panics, and the
// zone's own name is never denied.
func FuzzProofs(f *testing.F) {
	z := sign(f, readZone(f, hard, "hard.example"), pair(f, "hard.example", ED25519), Policy{NSEC3: true}, now)
	for n := range nodes(z) {
		for d := range data(n.find(dns.TypeNSEC3)) {
			f.Add(d, []byte{}, "www.hard.example")
		}
	}
	f.Add([]byte{}, appendTypes(dns.MustParseName("z.hard.example"), []dns.Type{1, 2, 46}), "a.hard.example")
	f.Fuzz(func(t *testing.T, hashed, plain []byte, name string) {
		q, err := dns.ParseName(name)
		if err != nil {
			return
		}
		var records []dns.RR
		if rr := one(hashedName(hashName(z.Origin(), 0, nil), z.Origin()), dns.TypeNSEC3, hashed); rr != nil {
			records = append(records, rr)
		}
		if rr := one(z.Origin(), dns.TypeNSEC, plain); rr != nil {
			records = append(records, rr)
		}
		d, err := NewDenial(z.Origin(), records, &Budget{})
		if err != nil {
			return
		}
		d.NameError(q)
		d.NoData(q, dns.TypeA)
		d.Delegation(q)
		d.Wildcard(q, dns.MustParseName("*.hard.example"))
		if _, err := d.NameError(z.Origin()); err == nil {
			t.Error("the zone's own name was denied")
		}
		if s, err := d.NameError(dns.MustParseName("elsewhere.example")); err == nil {
			t.Errorf("a name of another zone was denied: %s", s)
		}
	})
}

// FuzzAnchors reads any file of anchors.
func FuzzAnchors(f *testing.F) {
	f.Add(". DS 20326 8 2 " + strings.Repeat("ab", 32) + "\n")
	f.Add("$TTL 60\nexample. DNSKEY 257 3 13 AAAA\n")
	f.Fuzz(func(t *testing.T, text string) {
		anchors, err := ReadAnchors(strings.NewReader(text), "anchors")
		if err == nil && (len(anchors) == 0 || len(anchors) > maxAnchors) {
			t.Errorf("%d anchors", len(anchors))
		}
	})
}
