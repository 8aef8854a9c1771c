package dnssec

import (
	"fmt"
	"slices"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
)

// roles are what a zone's keys do at one time.
type roles struct {
	published []*signer // the DNSKEY set
	keys      []*signer // sign DNSKEY, CDS and CDNSKEY
	data      []*signer // sign all the rest
	// retiring sign no more, but what they have signed may stay until it has to
	// be renewed.
	retiring []*signer
	syncs    []*signer // CDS records speak of them
}

// assign gives the keys of a zone their roles. A DNSKEY set that has keys of an
// algorithm says that everything is signed with it (RFC 4035 section 2.2). So if
// no key of one is active, one that is published signs nevertheless: a zone is
// not to become bogus because a successor was forgotten.
func assign(keys []*Key, origin dns.Name, p *Policy, now time.Time) (*roles, error) {
	if len(keys) > MaxKeys {
		return nil, fmt.Errorf("dnssec: %d keys of %s: want up to %d", len(keys), origin, MaxKeys)
	}
	var all []*signer
	for _, k := range keys {
		s, err := newSigner(k, origin)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	r := &roles{}
	for _, s := range all {
		if s.Published(now) {
			r.published = append(r.published, s)
		}
		if s.syncs(now) {
			r.syncs = append(r.syncs, s)
		}
	}
	if len(r.published) == 0 {
		return &roles{}, nil // unsigned
	}
	for _, row := range schemes {
		if err := r.take(row.algorithm, all, now); err != nil {
			return nil, err
		}
	}
	for _, s := range r.published {
		if !slices.Contains(r.data, s) && !s.KSK() && (s.Delete.IsZero() || s.Delete.Sub(now) > p.Refresh) {
			r.retiring = append(r.retiring, s)
		}
	}
	return r, nil
}

// take finds the signers of one algorithm.
func (r *roles) take(a Algorithm, all []*signer, now time.Time) error {
	var active []*signer
	published := false
	for _, s := range all {
		if s.Algorithm() == a {
			published = published || s.Published(now)
			if s.Signer != nil && s.Active(now) {
				active = append(active, s)
			}
		}
	}
	if len(active) == 0 && published {
		for _, s := range r.published {
			if s.Algorithm() == a && s.Signer != nil {
				active = append(active, s)
			}
		}
		if len(active) == 0 {
			return fmt.Errorf("dnssec: no private key of algorithm %s, which the zone says that it is signed with", a)
		}
	}
	var ksks, zsks []*signer
	for _, s := range active {
		if s.KSK() {
			ksks = append(ksks, s)
		} else {
			zsks = append(zsks, s)
		}
	}
	if len(ksks) == 0 {
		ksks = zsks
	}
	if len(zsks) == 0 {
		zsks = ksks
	}
	r.keys = append(r.keys, ksks...)
	r.data = append(r.data, zsks...)
	return nil
}

// of are the signers of a set.
func (r *roles) of(t dns.Type) []*signer {
	if t == dns.TypeDNSKEY || t == dns.TypeCDS || t == dns.TypeCDNSKEY {
		return r.keys
	}
	return r.data
}

// sets are the apex's sets that follow from the keys: DNSKEY, CDS and CDNSKEY.
// had is the zone's CDS and CDNSKEY set: a request to delete the DS records (RFC
// 8078 section 4) stays.
func (r *roles) sets(origin dns.Name, ttl uint32, had func(dns.Type) []dns.RR) (map[dns.Type]dns.RRset, error) {
	var keys, cds, cdnskeys []dns.RR
	header := func(t uint16) dns.RecordHeader {
		return dns.RecordHeader{Name: origin.String(), Rrtype: t, Class: dns.ClassIN, Ttl: ttl}
	}
	for _, s := range r.published {
		k := *s.DNSKEY
		k.Hdr = header(dns.TypeDNSKEY)
		keys = append(keys, &k)
	}
	for _, s := range r.syncs {
		k := *s.DNSKEY
		k.Hdr = header(dns.TypeCDNSKEY)
		cdnskeys = append(cdnskeys, &dns.CDNSKEY{DNSKEY: k})
		ds, err := NewDS(&k, DigestSHA256)
		if err != nil {
			return nil, err
		}
		ds.Hdr = header(dns.TypeCDS)
		cds = append(cds, &dns.CDS{DS: *ds})
	}
	if len(r.published) > 0 && len(r.syncs) == 0 {
		for _, rr := range had(dns.TypeCDS) {
			if x, ok := rr.(*dns.CDS); ok && x.Algorithm == 0 {
				cds = append(cds, x)
			}
		}
		for _, rr := range had(dns.TypeCDNSKEY) {
			if x, ok := rr.(*dns.CDNSKEY); ok && x.Algorithm == 0 {
				cdnskeys = append(cdnskeys, x)
			}
		}
	}
	sets := map[dns.Type]dns.RRset{}
	for t, rrs := range map[dns.Type][]dns.RR{dns.TypeDNSKEY: keys, dns.TypeCDS: cds, dns.TypeCDNSKEY: cdnskeys} { //sim:unordered each goes to its own place
		set, err := dns.PackRRset(rrs)
		if err != nil {
			return nil, fmt.Errorf("dnssec: %w", err)
		}
		sets[t] = set
	}
	return sets, nil
}
