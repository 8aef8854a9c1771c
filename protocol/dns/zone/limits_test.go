package zone

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
)

// TestTruncated: what has no room is left out whole. Glue that a client cannot
// do without has it come again by TCP (RFC 9471 section 3.1); other addresses
// are not worth that.
func TestTruncated(t *testing.T) {
	var b strings.Builder
	b.WriteString(head)
	for i := range 40 {
		fmt.Fprintf(&b, "sub NS a-rather-long-name-of-a-server-%d.sub\n", i)
		fmt.Fprintf(&b, "a-rather-long-name-of-a-server-%d.sub AAAA 2001:db8::%d\n", i, i)
		fmt.Fprintf(&b, "many TXT \"%s%d\"\n", strings.Repeat("x", 100), i)
		fmt.Fprintf(&b, "@ MX %d a-rather-long-name-of-a-server-%d\n", i, i)
		fmt.Fprintf(&b, "a-rather-long-name-of-a-server-%d AAAA 2001:db8::%d\n", i, i)
	}
	for i := range 8 {
		fmt.Fprintf(&b, "glue NS %s%d.glue\n%s%d.glue AAAA 2001:db8::%d\n%s%d.glue A 192.0.2.1\n", strings.Repeat("y", 40), i, strings.Repeat("y", 40), i, i, strings.Repeat("y", 40), i)
	}
	z := read(t, b.String())
	for _, tc := range []struct {
		name      string
		rtype     dns.Type
		truncated bool
		answers   int
	}{
		{"many.example", dns.TypeTXT, true, 0},
		{"x.sub.example", dns.TypeA, true, 0},
		{"x.glue.example", dns.TypeA, true, 0},
		{"example", dns.TypeMX, true, 0},
		{"example", dns.TypeNS, false, 1},
	} {
		q := query(t, tc.name, tc.rtype, false) // no EDNS: 512 bytes
		p := newAsker(z).ask(q)
		m, err := dns.ParseMessage(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(p) > 512 || m.Truncated != tc.truncated || len(m.Answer) != tc.answers {
			t.Errorf("%s %s: got %d bytes, truncated %v, %d answers; want truncated %v, %d answers", tc.name, tc.rtype, len(p), m.Truncated, len(m.Answer), tc.truncated, tc.answers)
		}
	}
	m := lookup(t, z, "x.glue.example", dns.TypeA, true)
	if m.Truncated || len(m.Ns) != 8 || len(lines(m.Extra)) != 16 {
		t.Errorf("with room: got truncated %v, %d NS records, %d addresses; want all of 8 and 16", m.Truncated, len(m.Ns), len(lines(m.Extra)))
	}
	m = lookup(t, z, "example", dns.TypeMX, true)
	if got := len(lines(m.Extra)); got != maxTargets {
		t.Errorf("of 40 mail servers: got the addresses of %d, want %d", got, maxTargets)
	}
}

// TestChain: a chain of aliases ends after maxChain, over which no question can
// make more work.
func TestChain(t *testing.T) {
	var b strings.Builder
	b.WriteString(head)
	for i := range 40 {
		fmt.Fprintf(&b, "c%d CNAME c%d\n", i, i+1)
	}
	b.WriteString("c40 A 192.0.2.1\nd DNAME d.d\n")
	z := read(t, b.String())
	if m := lookup(t, z, "c24.example", dns.TypeA, true); len(m.Answer) != 17 {
		t.Errorf("16 aliases: got %d records, want 17", len(m.Answer))
	}
	if m := lookup(t, z, "c0.example", dns.TypeA, true); len(m.Answer) != maxChain+1 || m.Rcode != 0 {
		t.Errorf("40 aliases: got %d records, want %d", len(m.Answer), maxChain+1)
	}
	// A DNAME record that leads below itself makes names that get longer.
	if m := lookup(t, z, "x.d.example", dns.TypeA, true); len(m.Answer) != maxChain+2 {
		t.Errorf("a DNAME record to below itself: got %d records, want it once and %d aliases", len(m.Answer), maxChain+1)
	}
}

// TestRefused: what a zone has no answer for.
func TestRefused(t *testing.T) {
	z := read(t, hard)
	for _, tc := range []struct {
		name  string
		query []byte
		want  int
	}{
		{"another zone", query(t, "www.other", dns.TypeA, false), dns.RcodeRefused},
		{"the zone above", query(t, ".", dns.TypeNS, false), dns.RcodeRefused},
		{"a name that ends alike", query(t, "anexample", dns.TypeA, false), dns.RcodeRefused},
		{"a transfer", query(t, "example", dns.TypeAXFR, false), dns.RcodeRefused},
		{"a part of one", query(t, "example", dns.TypeIXFR, false), dns.RcodeRefused},
		{"a pseudo type", query(t, "example", dns.TypeOPT, false), dns.RcodeFormatError},
		{"a type of denials alone", query(t, "example", dns.TypeNXNAME, false), dns.RcodeFormatError},
	} {
		m, err := dns.ParseMessage(newAsker(z).ask(tc.query))
		if err != nil {
			t.Fatal(err)
		}
		if m.Rcode != tc.want || m.Authoritative || len(m.Answer)+len(m.Ns) > 0 {
			t.Errorf("%s: got %v", tc.name, m)
		}
	}
	q := query(t, "www.example", dns.TypeA, false)
	q[len(q)-1] = dns.ClassCH
	if m, err := dns.ParseMessage(newAsker(z).ask(q)); err != nil || m.Rcode != dns.RcodeRefused {
		t.Errorf("another class: got %v, %v", m, err)
	}
}

// TestRoot: the root is a zone like others.
func TestRoot(t *testing.T) {
	z, err := Read(strings.NewReader("$TTL 60\n@ SOA a.com b.com 1 2 3 4 5\n@ NS a.com\ncom NS a.com\na.com A 192.0.2.1\n*.wild TXT x\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name       string
		rtype      dns.Type
		rcode      int
		aa         bool
		answers    int
		authority  int
		additional int
	}{
		{".", dns.TypeNS, 0, true, 1, 0, 1},
		{".", dns.TypeTXT, 0, true, 0, 1, 0},
		{"www.com", dns.TypeA, 0, false, 0, 1, 1},
		{"org", dns.TypeA, 3, true, 0, 1, 0},
		{"x.wild", dns.TypeTXT, 0, true, 1, 0, 0},
	} {
		m := lookup(t, z, tc.name, tc.rtype, false)
		if m.Rcode != tc.rcode || m.Authoritative != tc.aa || len(m.Answer) != tc.answers || len(m.Ns) != tc.authority || len(m.Extra) != tc.additional {
			t.Errorf("%s %s: got %v", tc.name, tc.rtype, m)
		}
	}
	next, err := z.Apply(Change{Added: records(t, "a.b.c. 60 IN A 192.0.2.1"), Removed: records(t, "*.wild. 60 IN TXT x")})
	if err != nil || !next.Has(dns.MustParseName("c")) || next.Has(dns.MustParseName("wild")) {
		t.Errorf("a change: got %v", err)
	}
	if again, err := New(nil, all(next)); err != nil || text(t, again) != text(t, next) {
		t.Errorf("from its records: got %v, %v", again, err)
	}
}
