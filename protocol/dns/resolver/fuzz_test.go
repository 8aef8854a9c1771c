package resolver

import (
	"bytes"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
)

// seeds are messages in which things stand where they should not.
func seeds(f *testing.F) {
	for _, m := range []*dns.Message{
		said("www.evil.com. 60 IN A 6.6.6.6", "www.victim.com. 60 IN A 6.6.6.6"),
		said("www.evil.com. 60 IN CNAME www.victim.com.", "www.victim.com. 60 IN A 6.6.6.6"),
		said("evil.com. 60 IN DNAME victim.com.", "www.evil.com. 60 IN CNAME www.victim.com."),
		said("com. 60 IN DNAME victim.com.", "www.evil.com. 60 IN CNAME www.evil.victim.com."),
		said("--", "www.evil.com. 60 IN NS ns.evil.com.", "evil.com. 60 IN NS ns.evil.com."),
		said("--", "victim.com. 60 IN NS ns.evil.com."),
		said("--", "evil.com. 60 IN NS ns.evil.com."),
		said("--", "com. 60 IN NS ns.evil.com."),
		said("NXDOMAIN", "--", "com. 60 IN SOA a. b. 1 2 3 4 5", "evil.com. 60 IN NSEC a.evil.com. A", "com. 60 IN NSEC a.com. A"),
	} {
		m.Question = []dns.Question{{Name: "www.evil.com.", Qtype: dns.TypeA, Qclass: dns.ClassIN}}
		m.Extra = rrs("ns.evil.com. 60 IN A 6.6.6.6", "ns.victim.com. 60 IN A 6.6.6.6")
		for _, authoritative := range []bool{true, false} {
			m.Authoritative = authoritative
			p, err := m.Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(p)
		}
	}
}

// FuzzJudge: whatever a server of evil.com sends, what is believed is within
// evil.com and about what was asked.
func FuzzJudge(f *testing.F) {
	seeds(f)
	zone, name := dns.MustParseName("evil.com."), dns.MustParseName("www.evil.com.")
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := dns.ParseMessage(p)
		if err != nil {
			return
		}
		for _, qtype := range []dns.Type{dns.TypeA, dns.TypeCNAME, dns.TypeDS, dns.TypeANY, dns.TypeRRSIG} {
			got, ok := judge(zone, name, qtype, m)
			if !ok {
				continue
			}
			for _, r := range readRecords(got.records) {
				if !r.name.In(zone) || !name.In(r.name) {
					t.Fatalf("%s: believed the record %s", qtype, r)
				}
			}
			for _, r := range readRecords(got.proofs) {
				if !r.name.In(zone) {
					t.Fatalf("%s: believed the proof %s", qtype, r)
				}
			}
			if d := got.referral; d != nil {
				if len(d.name) <= len(zone) || !d.name.In(zone) || !name.In(d.name) || len(d.ns) > maxServers {
					t.Fatalf("%s: believed a referral to %s", qtype, d.name)
				}
				for _, ns := range d.ns {
					if len(ns.glue) > 0 && !ns.name.In(zone) || len(ns.glue) > 2*maxAddresses {
						t.Fatalf("%s: believed %d addresses of %s", qtype, len(ns.glue), ns.name)
					}
				}
			}
		}
	})
}

// FuzzSift: whatever a Resolver returns, a Cache keeps what leads from the name that
// was asked for to its records, or proves that there are none: a record of
// another name is there because an alias before it leads to it.
func FuzzSift(f *testing.F) {
	seeds(f)
	name := dns.MustParseName("www.evil.com.")
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := dns.ParseMessage(p)
		if err != nil {
			return
		}
		a, err := sift(name, dns.TypeA, m)
		if err != nil {
			return
		}
		at := name
		for _, p := range a.parts {
			if p.set.Len() > maxSetRecords {
				t.Fatalf("kept %d records of %s", p.set.Len(), p.owner)
			}
			if p.section != dns.Answer {
				if k := p.set.Type; k == dns.TypeNS || k == dns.TypeA || k == dns.TypeAAAA {
					t.Fatalf("kept %s of %s behind the answer", k, p.owner)
				}
				continue
			}
			rrs, err := p.set.RRs(p.owner)
			if err != nil {
				t.Fatalf("kept what cannot be read: %v", err)
			}
			switch {
			case p.set.Type == dns.TypeRRSIG:
			case p.set.Type == dns.TypeDNAME && at.In(p.owner):
			case bytes.Equal(p.owner, at):
				if c, ok := rrs[0].(*dns.CNAME); ok {
					at = dns.MustParseName(strings.ToLower(c.Target))
				}
			default:
				t.Fatalf("kept %s, where the aliases lead to %s", rrs[0], at)
			}
		}
		if _, err := a.message(question(name, dns.TypeA), a.since, true); err != nil {
			t.Fatalf("cannot be given: %v", err)
		}
	})
}
