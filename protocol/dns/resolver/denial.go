package resolver

import (
	"bytes"
	"errors"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnssec"
)

// denied checks that there are no records of type t at name: that is proved by
// the zone that name is in, or that zone is proved not to be signed. It returns
// the proof, with the TTLs that it may have.
func (c *validation) denied(name dns.Name, t dns.Type, rcode dns.Rcode, proofs []record) (security, []dns.RR, error) {
	under := name
	if t == dns.TypeDS && !under.IsRoot() {
		under = under.Parent()
	}
	if c.unchecked(under) {
		return insecure, nil, nil
	}
	signer := prover(proofs, name)
	if signer == nil || !under.In(signer) {
		z, err := c.walk(under)
		if err != nil {
			return 0, nil, err
		}
		if z.insecure {
			return insecure, nil, nil
		}
		return 0, nil, bogus(CodeDenialMissing, "%s %s: nothing proves that it is not in the signed zone %s", name, t, z.zone)
	}
	z, err := c.walk(signer)
	if err != nil {
		return 0, nil, err
	}
	if z.insecure {
		return insecure, nil, nil
	}
	if !bytes.Equal(z.zone, signer) {
		return 0, nil, bogus(CodeKeyMissing, "%s %s: a proof signed by %s, which has no keys", name, t, signer)
	}
	d, kept, _, err := c.proof(z, proofs)
	if err != nil {
		return 0, nil, err
	}
	var s dnssec.Status
	if rcode == dns.RcodeNameError {
		s, err = d.NameError(name)
	} else {
		s, err = d.NoData(name, t)
	}
	return worth(s), kept, err
}

// prover is who signed a proof about name; nil: nobody did.
func prover(proofs []record, name dns.Name) dns.Name {
	for _, r := range proofs {
		sig, ok := r.RR.(*dns.RRSIG)
		if !ok || r.covers != dns.TypeNSEC && r.covers != dns.TypeNSEC3 {
			continue
		}
		if n, err := dns.ParseName(sig.SignerName); err == nil && name.In(n) {
			return n
		}
	}
	return nil
}

// proof takes the sets of rs that z signed: what they prove, they themselves,
// and for how long they may be kept.
func (c *validation) proof(z *trust, rs []record) (d *dnssec.Denial, kept []dns.RR, ttl uint32, err error) {
	ttl = longTTL
	var records []dns.RR
	for _, s := range all(rs) {
		if s.rtype != dns.TypeNSEC && s.rtype != dns.TypeNSEC3 && s.rtype != dns.TypeSOA || !s.name.In(z.zone) {
			continue
		}
		v, err := c.signed(z, s)
		if err != nil {
			return nil, nil, 0, err
		}
		ttl = min(ttl, v.TTL)
		kept = append(kept, lived(s, v.TTL)...)
		if s.rtype != dns.TypeSOA {
			records = append(records, s.rrs...)
		}
	}
	d, err = dnssec.NewDenial(z.zone, records, &c.work)
	return d, kept, ttl, err
}

// worth is what a proof makes an answer.
func worth(s dnssec.Status) security {
	if s == dnssec.Insecure {
		return insecure
	}
	return secure
}

// notCloser checks that there is nothing between name and the wildcard that
// stands for it.
func (c *validation) notCloser(z *trust, name, wildcard dns.Name, proofs []record) (security, []dns.RR, error) {
	d, kept, _, err := c.proof(z, proofs)
	if err != nil {
		return 0, nil, err
	}
	s, err := d.Wildcard(name, wildcard)
	return worth(s), kept, err
}

// undelegated finds out why zone z has no DS record for name: there begins a zone
// that is not signed, or none at all.
func (c *validation) undelegated(z *trust, name dns.Name, m *dns.Message) (unsigned bool, ttl uint32, err error) {
	d, _, ttl, err := c.proof(z, readRecords(m.Ns))
	if err != nil {
		return false, 0, err
	}
	err = d.Delegation(name)
	if err == nil {
		return true, ttl, nil
	}
	if errors.Is(err, dnssec.ErrBudget) {
		return false, 0, err
	}
	var s dnssec.Status
	if dns.Rcode(m.Rcode) == dns.RcodeNameError {
		s, err = d.NameError(name)
	} else {
		s, err = d.NoData(name, dns.TypeDS)
	}
	return s == dnssec.Insecure, ttl, err
}
