package resolver

import (
	"bytes"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A found is what a server of a zone said about a name, as far as we believe it.
type found struct {
	rcode    dns.Rcode
	records  []dns.RR    // that answer
	alias    dns.Name    // where the name leads instead
	proofs   []dns.RR    // that there are no records, or for a wildcard
	referral *delegation // who knows
}

// judge reads the message m, which a server of zone sent for a question. Of
// all that is in it, it takes what the question was about and what the zone is
// responsible for. ok is false if that is nothing: the server is lame.
func judge(zone dns.Name, name dns.Name, t dns.Type, m *dns.Message) (f found, ok bool) {
	f.rcode = dns.Rcode(m.Rcode)
	if f.rcode != dns.RcodeSuccess && f.rcode != dns.RcodeNameError || !name.In(zone) {
		return f, false
	}
	above := readRecords(m.Ns)
	if m.Authoritative && f.answer(zone, name, t, readRecords(m.Answer)) {
		f.rcode = dns.RcodeSuccess // NXDOMAIN is about where an alias leads
		f.proofs = proofs(zone, name, above, false)
		return f, true
	}
	f.records, f.alias = nil, nil
	soa := false
	for _, r := range above {
		if r.rtype == dns.TypeSOA && r.name.In(zone) && name.In(r.name) {
			soa = true
		}
	}
	switch {
	case soa, m.Authoritative && f.rcode == dns.RcodeNameError:
		f.proofs = proofs(zone, name, above, true)
		return f, true
	case f.rcode == dns.RcodeSuccess && f.refer(zone, name, above, m.Extra):
		return f, true
	case m.Authoritative && len(m.Answer) == 0:
		return f, true // no records, and no SOA record that says for how long
	}
	return f, false
}

// answer takes the records that answer.
func (f *found) answer(zone, name dns.Name, t dns.Type, rs []record) bool {
	if t == dns.TypeANY {
		for _, r := range rs {
			if bytes.Equal(r.name, name) {
				f.records = append(f.records, plainCase(r.RR))
			}
		}
		return len(f.records) > 0
	}
	if s, ok := collect(rs, name, t); ok && (t != dns.TypeCNAME || len(s.sigs) > 0) {
		f.take(s) // an alias without signatures may follow from a DNAME
		return true
	}
	if t == dns.TypeRRSIG {
		return false
	}
	for _, r := range rs {
		if r.rtype != dns.TypeDNAME || len(name) <= len(r.name) || !name.In(r.name) || !r.name.In(zone) {
			continue
		}
		s, _ := collect(rs, r.name, dns.TypeDNAME)
		to := redirected(name, s)
		if to == nil {
			return false
		}
		f.take(s)
		f.records = append(f.records, &dns.CNAME{Hdr: dns.RecordHeader{Name: name.String(), Rrtype: dns.TypeCNAME,
			Class: dns.ClassIN, Ttl: r.Header().Ttl}, Target: to.String()})
		if t != dns.TypeCNAME { // which that is
			f.alias = to
		}
		return true
	}
	s, ok := collect(rs, name, dns.TypeCNAME)
	if !ok || s.target() == nil {
		return false
	}
	f.take(s)
	if t != dns.TypeCNAME {
		f.alias = s.target()
	}
	return true
}

func (f *found) take(s rrset) {
	for _, rr := range s.rrs {
		f.records = append(f.records, plainCase(rr))
	}
	for _, sig := range s.sigs {
		f.records = append(f.records, sig)
	}
}

// redirected is name with the owner of a DNAME set at its end replaced; nil:
// that is too long.
//
// See https://www.rfc-editor.org/rfc/rfc6672#section-2.2.
func redirected(name dns.Name, s rrset) dns.Name {
	to := s.target()
	front := len(name) - len(s.name)
	if to == nil || front <= 0 || front+len(to) > dns.MaxNameBytes {
		return nil
	}
	return append(append(make(dns.Name, 0, front+len(to)), name[:front]...), to...)
}

// proofs are the records of the authority section that zone is responsible for
// and that prove something, with their signatures; soa asks for that, too.
func proofs(zone, name dns.Name, rs []record, soa bool) (out []dns.RR) {
	for _, r := range rs {
		t := r.rtype
		if t == dns.TypeRRSIG {
			t = r.covers
		}
		if r.name.In(zone) && (t == dns.TypeNSEC || t == dns.TypeNSEC3 || soa && t == dns.TypeSOA && name.In(r.name)) &&
			len(out) < maxSetRecords {
			out = append(out, plainCase(r.RR))
		}
	}
	return out
}

// refer takes the servers of a zone that is closer to name.
func (f *found) refer(zone, name dns.Name, rs []record, extra []dns.RR) bool {
	for _, r := range rs {
		if r.rtype == dns.TypeNS && len(r.name) > len(zone) && r.name.In(zone) && name.In(r.name) {
			s, _ := collect(rs, r.name, dns.TypeNS)
			f.referral = newDelegation(s, zone, readRecords(extra))
			return len(f.referral.ns) > 0
		}
	}
	return false
}
