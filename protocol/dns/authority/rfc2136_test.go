package authority

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// wired is m as it comes over the wire: what has no data is known by that.
func wired(t testing.TB, m *dns.Message) *dns.Message {
	t.Helper()
	p, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if m, err = dns.ParseMessage(p); err != nil {
		t.Fatal(err)
	}
	return m
}

// worked is what an update makes of a zone, and how the client is answered.
func worked(t testing.TB, z *zone.Zone, u *update) (*zone.Zone, string) {
	t.Helper()
	c, err := u.work(z)
	if err != nil {
		no, ok := errors.AsType[*refusedError](err)
		if !ok {
			t.Fatal(err)
		}
		return z, no.rcode.String()
	}
	if len(c.Added)+len(c.Removed) == 0 {
		return z, "NOERROR"
	}
	next, err := z.Apply(c)
	if err != nil {
		t.Fatal(err)
	}
	return next, "NOERROR"
}

// class is records with another class, and no TTL.
func class(t testing.TB, class uint16, ttl uint32, lines ...string) []dns.RR {
	rrs := records(t, lines...)
	for _, rr := range rrs {
		rr.Header().Class, rr.Header().Ttl = class, ttl
	}
	return rrs
}

// TestUC22RFC2136Prerequisites: section 3.2, in its order.
func TestUC22RFC2136Prerequisites(t *testing.T) {
	z := zoneOf(t, 1, "www 60 A 192.0.2.1", "www 60 A 192.0.2.2", "a.b.c A 192.0.2.3")
	const change = "new.example. 60 IN A 192.0.2.9"
	for _, c := range []struct {
		name   string
		before []dns.RR
		want   string
	}{
		{"none", nil, "NOERROR"},
		{"name in use", []dns.RR{bare("WWW.example.", dns.ClassANY, dns.TypeANY)}, "NOERROR"},
		{"name in use, and is not", []dns.RR{bare("no.example.", dns.ClassANY, dns.TypeANY)}, "NXDOMAIN"},
		{"an empty name is not in use", []dns.RR{bare("b.c.example.", dns.ClassANY, dns.TypeANY)}, "NXDOMAIN"},
		{"name not in use", []dns.RR{bare("no.example.", dns.ClassNONE, dns.TypeANY)}, "NOERROR"},
		{"an empty name is not in use either way", []dns.RR{bare("b.c.example.", dns.ClassNONE, dns.TypeANY)}, "NOERROR"},
		{"name not in use, and is", []dns.RR{bare("www.example.", dns.ClassNONE, dns.TypeANY)}, "YXDOMAIN"},
		{"set exists", []dns.RR{bare("www.example.", dns.ClassANY, dns.TypeA)}, "NOERROR"},
		{"set exists, and does not", []dns.RR{bare("www.example.", dns.ClassANY, dns.TypeMX)}, "NXRRSET"},
		{"set does not exist", []dns.RR{bare("www.example.", dns.ClassNONE, dns.TypeMX)}, "NOERROR"},
		{"set does not exist, and does", []dns.RR{bare("www.example.", dns.ClassNONE, dns.TypeA)}, "YXRRSET"},
		{"set with these values", class(t, dns.ClassIN, 0, "www.example. A 192.0.2.2", "www.example. A 192.0.2.1"), "NOERROR"},
		{"set with fewer values", class(t, dns.ClassIN, 0, "www.example. A 192.0.2.2"), "NXRRSET"},
		{"set with other values", class(t, dns.ClassIN, 0, "www.example. A 192.0.2.2", "www.example. A 192.0.2.3"), "NXRRSET"},
		{"a value twice is one", class(t, dns.ClassIN, 0, "www.example. A 192.0.2.2", "www.example. A 192.0.2.2"), "NXRRSET"},
		{"a TTL", class(t, dns.ClassIN, 5, "www.example. A 192.0.2.2"), "FORMERR"},
		{"outside of the zone", []dns.RR{bare("www.other.", dns.ClassANY, dns.TypeANY)}, "NOTZONE"},
		{"class ANY with data", class(t, dns.ClassANY, 0, "www.example. A 192.0.2.2"), "FORMERR"},
		{"class NONE with data", class(t, dns.ClassNONE, 0, "www.example. A 192.0.2.2"), "FORMERR"},
		{"class CH", class(t, dns.ClassCH, 0, "www.example. TXT x"), "FORMERR"},
	} {
		u := &update{m: wired(t, updating(c.before, records(t, change))), grants: anything}
		next, got := worked(t, z, u)
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if made := next.Has(dns.MustParseName("new.example")); made != (c.want == "NOERROR") {
			t.Errorf("%s: the change was made: %v", c.name, made)
		}
	}
}

// TestUC22RFC2136Prescan: section 3.4.1: an update with one impossible change
// changes nothing.
func TestUC22RFC2136Prescan(t *testing.T) {
	z := zoneOf(t, 1, "www 60 A 192.0.2.1")
	for _, c := range []struct {
		name string
		bad  []dns.RR
		want string
	}{
		{"fine", records(t, "b.example. 60 IN A 192.0.2.9"), "NOERROR"},
		{"outside of the zone", records(t, "b.other. 60 IN A 192.0.2.9"), "NOTZONE"},
		{"adds without data", []dns.RR{bare("b.example.", dns.ClassIN, dns.TypeA)}, "FORMERR"},
		{"adds type ANY", []dns.RR{bare("b.example.", dns.ClassIN, dns.TypeANY)}, "FORMERR"},
		{"adds type AXFR", []dns.RR{bare("b.example.", dns.ClassIN, dns.TypeAXFR)}, "FORMERR"},
		{"deletes a set with TTL", []dns.RR{&dns.ANY{Hdr: dns.RecordHeader{Name: "b.example.", Rrtype: dns.TypeA, Class: dns.ClassANY, Ttl: 1}}}, "FORMERR"},
		{"deletes a set with data", class(t, dns.ClassANY, 0, "b.example. A 192.0.2.2"), "FORMERR"},
		{"deletes type MAILB", []dns.RR{bare("b.example.", dns.ClassANY, dns.TypeMAILB)}, "FORMERR"},
		{"deletes a record with TTL", class(t, dns.ClassNONE, 1, "b.example. A 192.0.2.2"), "FORMERR"},
		{"deletes a record of type ANY", []dns.RR{bare("b.example.", dns.ClassNONE, dns.TypeANY)}, "FORMERR"},
		{"class HS", class(t, dns.ClassHS, 0, "b.example. TXT x"), "FORMERR"},
	} {
		u := &update{m: wired(t, updating(nil, append(records(t, "a.example. 60 IN A 192.0.2.9"), c.bad...))), grants: anything}
		next, got := worked(t, z, u)
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if made := next.Has(dns.MustParseName("a.example")); made != (c.want == "NOERROR") {
			t.Errorf("%s: the other change was made: %v", c.name, made)
		}
	}
}

// TestUC22RFC2136Changes: section 3.4.2: every form of change, and those that are
// to be ignored.
func TestUC22RFC2136Changes(t *testing.T) {
	z := zoneOf(t, 7, "www 60 A 192.0.2.1", "www 60 A 192.0.2.2", "www 60 MX 10 ns1", "alias 60 CNAME www", "d 60 DNAME other.")
	for _, c := range []struct {
		name    string
		changes []dns.RR
		want    []string // lines that come (+) and go (-), sorted
	}{
		{"add a record", add(t, "WWW.example. 60 IN A 192.0.2.3"), []string{"+www 60 A 192.0.2.3"}},
		{"add one that is there", add(t, "www.example. 60 IN A 192.0.2.2"), nil},
		{"another TTL is the set's", add(t, "www.example. 30 IN A 192.0.2.2"),
			[]string{"+www 30 A 192.0.2.1", "+www 30 A 192.0.2.2", "-www 60 A 192.0.2.1", "-www 60 A 192.0.2.2"}},
		{"a CNAME beside others is ignored", add(t, "www.example. 60 IN CNAME alias.example."), nil},
		{"others beside a CNAME are ignored", add(t, "alias.example. 60 IN A 192.0.2.3"), nil},
		{"a CNAME is replaced", add(t, "alias.example. 60 IN CNAME ns1.example."),
			[]string{"+alias 60 CNAME ns1.example.", "-alias 60 CNAME www.example."}},
		{"a DNAME is replaced", add(t, "d.example. 60 IN DNAME else."), []string{"+d 60 DNAME else.", "-d 60 DNAME other."}},
		{"an older SOA is ignored", add(t, "example. 300 IN SOA ns1.example. host.example. 6 1 2 3 4"), nil},
		{"the same SOA is ignored", add(t, "example. 300 IN SOA ns1.example. host.example. 7 1 2 3 4"), nil},
		{"a SOA elsewhere is ignored", add(t, "www.example. 300 IN SOA ns1.example. host.example. 9 1 2 3 4"), nil},
		{"a newer SOA is taken", add(t, "example. 300 IN SOA ns1.example. host.example. 9 1 2 3 4"),
			[]string{"+@ 300 SOA ns1.example. host.example. 9 1 2 3 4", "-@ 300 SOA ns1.example. host.example. 7 3600 600 604800 60"}},
		{"delete a record", remove(t, "www.example. 0 IN A 192.0.2.1"), []string{"-www 60 A 192.0.2.1"}},
		{"delete one that is not there", remove(t, "www.example. 0 IN A 192.0.2.5"), nil},
		{"names of data are compared without case", remove(t, "www.example. 0 IN MX 10 NS1.Example."), []string{"-www 60 MX 10 ns1.example."}},
		{"delete a set", []dns.RR{removeSet("www.example.", dns.TypeA)}, []string{"-www 60 A 192.0.2.1", "-www 60 A 192.0.2.2"}},
		{"delete a name", []dns.RR{removeName("www.example.")},
			[]string{"-www 60 A 192.0.2.1", "-www 60 A 192.0.2.2", "-www 60 MX 10 ns1.example."}},
		{"the apex keeps its SOA and NS", []dns.RR{removeName("example."), removeSet("example.", dns.TypeNS), removeSet("example.", dns.TypeSOA)}, nil},
		{"a SOA cannot be deleted", remove(t, "example. 0 IN SOA ns1.example. host.example. 7 3600 600 604800 60"), nil},
		{"the last NS of the apex stays", remove(t, "example. 0 IN NS ns1.example.", "example. 0 IN NS ns2.example."), []string{"-@ 300 NS ns1.example."}},
		{"in order: delete, then add", append([]dns.RR{removeName("alias.example.")}, add(t, "alias.example. 60 IN A 192.0.2.8")...),
			[]string{"+alias 60 A 192.0.2.8", "-alias 60 CNAME www.example."}},
		{"in order: add, then delete", append(add(t, "n.example. 60 IN A 192.0.2.8"), removeName("n.example.")), nil},
		{"delete and add the same is nothing", append(remove(t, "www.example. 0 IN A 192.0.2.1"), add(t, "www.example. 60 IN A 192.0.2.1")...), nil},
	} {
		u := &update{m: wired(t, updating(nil, c.changes)), grants: anything}
		change, err := u.work(z)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, rr := range change.Added {
			got = append(got, "+"+short(rr))
		}
		for _, rr := range change.Removed {
			got = append(got, "-"+short(rr))
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if _, err := z.Apply(change); err != nil {
			t.Errorf("%s: the change does not fit the zone: %v", c.name, err)
		}
	}
}

// short is a record as zoneOf has it.
func short(rr dns.RR) string {
	s := strings.Join(strings.Fields(strings.Replace(rr.String(), "\tIN\t", "\t", 1)), " ")
	owner, rest, _ := strings.Cut(s, " ")
	if owner = strings.TrimSuffix(strings.TrimSuffix(owner, "example."), "."); owner == "" {
		owner = "@"
	}
	return strings.ToLower(owner) + " " + rest
}

// TestUC22UpdateGrants: who may change some names or types only, changes those.
func TestUC22UpdateGrants(t *testing.T) {
	z := zoneOf(t, 1, "www 60 A 192.0.2.1", "_acme-challenge.www 60 TXT old")
	challenges := []UpdateGrant{{Names: []dns.Name{dns.MustParseName("_acme-challenge.www.example")}, Types: []dns.Type{dns.TypeTXT}},
		{Names: []dns.Name{dns.MustParseName("host.example")}}}
	for _, c := range []struct {
		changes []dns.RR
		want    string
	}{
		{add(t, "_acme-challenge.www.example. 60 IN TXT new"), "NOERROR"},
		{[]dns.RR{removeSet("_acme-challenge.www.example.", dns.TypeTXT)}, "NOERROR"},
		{[]dns.RR{removeName("_acme-challenge.www.example.")}, "REFUSED"},
		{add(t, "_acme-challenge.www.example. 60 IN A 192.0.2.1"), "REFUSED"},
		{add(t, "www.example. 60 IN TXT new"), "REFUSED"},
		{add(t, "a.host.example. 60 IN TXT new"), "NOERROR"},
		{[]dns.RR{removeName("host.example.")}, "NOERROR"},
		{add(t, "ghost.example. 60 IN TXT new"), "REFUSED"},
		{append(add(t, "host.example. 60 IN TXT new"), add(t, "www.example. 60 IN TXT new")...), "REFUSED"},
	} {
		if _, got := worked(t, z, &update{m: wired(t, updating(nil, c.changes)), grants: challenges}); got != c.want {
			t.Errorf("%s: got %s, want %s", c.changes, got, c.want)
		}
	}
}

// FuzzUpdate: whatever an update says, what it makes of a zone can be applied,
// step by step leads there too, and the zone keeps its SOA and an NS.
func FuzzUpdate(f *testing.F) {
	z := zoneOf(f, 7, "www 60 A 192.0.2.1", "www 60 A 192.0.2.2", "alias 60 CNAME www", "d 60 DNAME other.", "a.b.c TXT x")
	for _, changes := range [][]dns.RR{
		add(f, "www.example. 60 IN A 192.0.2.3", "new.example. 1 IN CNAME www.example."),
		append(remove(f, "www.example. 0 IN A 192.0.2.1"), removeName("alias.example.")),
	} {
		p, err := updating([]dns.RR{bare("www.example.", dns.ClassANY, dns.TypeANY)}, changes).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := dns.ParseMessage(p)
		if err != nil {
			return
		}
		u := &update{m: m, grants: anything}
		c, err := u.work(z)
		if err != nil {
			return
		}
		next, err := z.Apply(c)
		if err != nil {
			if errors.Is(err, zone.ErrNoRecord) {
				t.Fatalf("it removes what is not there: %v", err)
			}
			return // more than a zone can hold
		}
		if next.SOA() == nil || len(next.RRs(example, dns.TypeNS)) == 0 {
			t.Fatal("the apex is bare")
		}
		d, err := difference(z, next, nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := z.Apply(d); err != nil || text(again) != text(next) {
			t.Fatalf("the difference leads to\n%s\n%v\nwant\n%s", text(again), err, text(next))
		}
	})
}
