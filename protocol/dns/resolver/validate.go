package resolver

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnssec"
)

// judge follows an answer from the name that was asked for, over aliases, to
// the records or to the proof that there are none. Each step is secure, or
// proved not to be signed; with one that is not signed, the answer is not.
func (c *validation) judge(m *dns.Message) (*dns.Message, security, error) {
	name, err := dns.ParseName(c.q.Name)
	if err != nil {
		return nil, 0, err
	}
	t := dns.Type(c.q.Qtype)
	answer, proofs := readRecords(m.Answer), readRecords(m.Ns)
	out := *m
	out.AuthenticatedData = true
	out.Answer, out.Ns, out.Extra = nil, nil, nil
	worst := secure
	for step := 0; ; step++ {
		if step > maxAliases {
			return nil, 0, bogus(CodeBogus, "too many aliases")
		}
		sets := steps(answer, name, t)
		if len(sets) == 0 {
			s, kept, err := c.denied(name, t, dns.Rcode(m.Rcode), proofs)
			if err != nil {
				return nil, 0, err
			}
			out.Ns = append(out.Ns, kept...)
			return &out, max(worst, s), nil
		}
		for i, set := range sets {
			if set.rtype == dns.TypeCNAME && i > 0 { // made from the DNAME before it
				out.Answer = append(out.Answer, set.rrs...)
				continue
			}
			s, kept, err := c.verify(set, proofs)
			if err != nil {
				return nil, 0, err
			}
			worst = max(worst, s)
			out.Answer = append(out.Answer, kept.answer...)
			out.Ns = append(out.Ns, kept.proofs...)
		}
		last := sets[len(sets)-1]
		if last.rtype != dns.TypeCNAME || t == dns.TypeCNAME || t == dns.TypeANY {
			return &out, worst, nil
		}
		if name = last.target(); name == nil {
			return nil, 0, bogus(CodeBogus, "an alias that leads nowhere")
		}
	}
}

// steps are the sets of rs that name leads to: its records, or its alias, or
// the DNAME above it and the alias that follows.
func steps(rs []record, name dns.Name, t dns.Type) (sets []rrset) {
	if t == dns.TypeANY {
		for _, s := range all(rs) {
			if bytes.Equal(s.name, name) {
				sets = append(sets, s)
			}
		}
		return sets
	}
	if s, ok := collect(rs, name, t); ok && t != dns.TypeCNAME {
		return []rrset{s}
	}
	if s, ok := above(rs, name); ok {
		if to := redirected(name, s); to != nil {
			return []rrset{s, {name: name, rtype: dns.TypeCNAME, rrs: []dns.RR{&dns.CNAME{Hdr: dns.RecordHeader{
				Name: name.String(), Rrtype: dns.TypeCNAME, Class: dns.ClassIN, Ttl: s.rrs[0].Header().Ttl}, Target: to.String()}}}}
		}
	}
	if s, ok := collect(rs, name, dns.TypeCNAME); ok {
		return []rrset{s}
	}
	return nil
}

// kept is what was verified, with the TTLs that it may have.
type kept struct{ answer, proofs []dns.RR }

// verify checks one set of an answer; proofs are for one that a wildcard made.
func (c *validation) verify(s rrset, proofs []record) (security, kept, error) {
	t, err := c.responsible(s)
	switch {
	case err != nil:
		return 0, kept{}, err
	case t.insecure:
		return insecure, kept{answer: s.rrs}, nil
	case len(s.sigs) == 0:
		return 0, kept{}, bogus(CodeSignaturesMissing, "%s %s: no signature, in the signed zone %s", s.name, s.rtype, t.zone)
	}
	v, err := dnssec.VerifyRRset(s.rrs, s.sigs, t.keys, c.Loop.Now(), &c.work)
	if errors.Is(err, dnssec.ErrInsecure) {
		return insecure, kept{answer: s.rrs}, nil
	}
	if err != nil {
		return 0, kept{}, err
	}
	k := kept{answer: lived(s, v.TTL)}
	if v.Wildcard == nil {
		return secure, k, nil
	}
	// "that the answer did not exist and no closer match exists for the query"
	// (https://www.rfc-editor.org/rfc/rfc4035#section-5.3.4).
	st, rrs, err := c.notCloser(t, s.name, v.Wildcard, proofs)
	k.proofs = rrs
	return st, k, err
}

// responsible is what is known of the zone that s is to be signed by.
func (c *validation) responsible(s rrset) (*trust, error) {
	under := s.name
	if s.rtype == dns.TypeDS && !under.IsRoot() {
		under = under.Parent()
	}
	if c.unchecked(under) {
		return &trust{zone: under, insecure: true}, nil
	}
	if signer := signerOf(s); signer != nil && under.In(signer) {
		t, err := c.walk(signer)
		if err != nil || t.insecure || bytes.Equal(t.zone, signer) {
			return t, err
		}
		return nil, bogus(CodeKeyMissing, "%s %s: signed by %s, which has no keys", s.name, s.rtype, signer)
	}
	return c.walk(under)
}

// signerOf is who signed s, as its first signature says; nil: nobody.
func signerOf(s rrset) dns.Name {
	if len(s.sigs) == 0 {
		return nil
	}
	n, err := dns.ParseName(s.sigs[0].SignerName)
	if err != nil {
		return nil
	}
	return n
}

// lived is a set and its signatures with a TTL of at most ttl. The records of
// an answer are shared: those that change are copies.
func lived(s rrset, ttl uint32) []dns.RR {
	out := make([]dns.RR, 0, len(s.rrs)+len(s.sigs))
	if s.rrs[0].Header().Ttl > ttl {
		if set, err := dns.PackRRset(s.rrs); err == nil {
			set.TTL = ttl
			if rrs, err := set.RRs(s.name); err == nil {
				out = append(out, rrs...)
			}
		}
	}
	if len(out) == 0 {
		out = append(out, s.rrs...)
	}
	for _, sig := range s.sigs {
		if sig.Hdr.Ttl > ttl {
			c := *sig
			c.Hdr.Ttl = ttl
			sig = &c
		}
		out = append(out, sig)
	}
	return out
}

func bogus(code Code, format string, args ...any) error {
	return &dnssec.BogusError{Code: uint16(code), Text: fmt.Sprintf(format, args...)}
}
