package zone

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
)

const head = "$TTL 60\n@ SOA ns hostmaster 1 2 3 4 5\n@ NS ns\n"

// TestN12: a zone of Go values is the one of a file with the same records, in
// whatever order they come.
func TestN12(t *testing.T) {
	rrs := []dns.RR{
		&dns.A{Hdr: dns.RecordHeader{Name: "www.Example.", Rrtype: dns.TypeA, Class: dns.ClassIN, Ttl: 60}, A: []byte{192, 0, 2, 1}},
		&dns.NS{Hdr: dns.RecordHeader{Name: "example.", Rrtype: dns.TypeNS, Class: dns.ClassIN, Ttl: 60}, Ns: "ns.example."},
		&dns.SOA{Hdr: dns.RecordHeader{Name: "example.", Rrtype: dns.TypeSOA, Class: dns.ClassIN, Ttl: 60},
			Ns: "ns.example.", Mbox: "hostmaster.example.", Serial: 1, Refresh: 2, Retry: 3, Expire: 4, Minttl: 5},
	}
	z, err := New(dns.MustParseName("example"), slices.Values(rrs))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := text(t, z), text(t, read(t, head+"www A 192.0.2.1\n")); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, tc := range []struct {
		name, want string
		rr         dns.RR
	}{
		{"a name without its data", "want those of its type", &dns.CNAME{Hdr: dns.RecordHeader{Name: "x.example.", Rrtype: dns.TypeCNAME, Class: dns.ClassIN}}},
		{"data that are of another type", "want those of its type", &dns.Unknown{Hdr: dns.RecordHeader{Name: "x.example.", Rrtype: dns.TypeMX, Class: dns.ClassIN}, Rdata: "00"}},
		{"a string of 256 bytes", "cannot write", &dns.TXT{Hdr: dns.RecordHeader{Name: "x.example.", Rrtype: dns.TypeTXT, Class: dns.ClassIN}, Txt: []string{strings.Repeat("x", 256)}}},
		{"what only questions have", "want a type that zones hold", &dns.Unknown{Hdr: dns.RecordHeader{Name: "x.example.", Rrtype: dns.TypeAXFR, Class: dns.ClassIN}}},
	} {
		if z, err := New(dns.MustParseName("example"), slices.Values(append(rrs[:3:3], tc.rr))); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, %v; want an error with %q", tc.name, z, err, tc.want)
		}
	}
}

// TestN13Errors: what is wrong with a file is named with its line, and what is
// wanted there.
func TestN13Errors(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"no type", head + "\nwww 60 IN\n", "zone: example.zone:5: "},
		{"an unknown type", head + "www NOTYPE x\n", `zone: example.zone:4: not a TTL: "NOTYPE"`},
		{"a bad address", head + "\n\nwww A 192.0.2.999\n", `zone: example.zone:6: bad A A: "192.0.2.999"`},
		{"an open parenthesis", head + "www TXT ( a\n", "zone: example.zone:"},
		{"a name of another zone", head + "www.other. A 192.0.2.1\n", "zone: example.zone:4: www.other. A: want a name in example."},
		{"another class", head + "www CH TXT x\n", "zone: example.zone:4: www.example. TXT: class CH: want IN"},
		{"a long TTL", head + "\nwww 2147483648 A 192.0.2.1\n", "zone: example.zone:5: www.example. A: TTL 2147483648: want up to 2147483647"},
		{"an alias beside others", head + "www A 192.0.2.1\nx A 192.0.2.2\nwww CNAME x\n", "zone: example.zone:6: www.example. CNAME: want no other records beside it"},
		{"two aliases", head + "www CNAME x\nwww CNAME y\n", "zone: example.zone:5: www.example. CNAME: 2 records: want one"},
		{"two SOA records", head + "\n@ SOA ns other 1 2 3 4 5\n", "zone: example.zone:5: example. SOA: 2 records: want one"},
		{"a SOA record below", head + "www SOA ns other 1 2 3 4 5\n", "zone: example.zone:4: www.example. SOA: want it at example. only"},
		{"no SOA record", "$TTL 60\n@ NS ns\n", "zone: example.zone: example.: want a SOA record"},
		{"no NS records", "$TTL 60\n@ SOA ns hostmaster 1 2 3 4 5\n", "zone: example.zone: example.: want NS records"},
		{"nothing", "", "zone: example.zone: example.: want a SOA record"},
		{"no TTL", "@ NS ns\n", "zone: example.zone:1: example. NS: want a TTL, or $TTL before it"},
		{"other files", head + "$INCLUDE secret\n", "zone: example.zone:4: $INCLUDE directive not allowed"},
		{"a pseudo type", head + "www ANY \\# 0\n", "zone: example.zone:4: "},
		{"an OPT record", head + "www TYPE41 \\# 0\n", "zone: example.zone:4: "},
		{"many rounds of hashing", head + "@ NSEC3PARAM 1 0 151 -\n", "zone: example.zone: example. NSEC3PARAM: 151 iterations: want up to 150"},
		{"a long label", head + strings.Repeat("x", 64) + " A 192.0.2.1\n", "zone: example.zone:4: bad owner name"},
	} {
		z, err := Read(strings.NewReader(tc.text), Options{Origin: dns.MustParseName("example"), File: "example.zone"})
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: got %v, %v; want %s", tc.name, z, err, tc.want)
		}
	}
	_, err := Read(strings.NewReader(head+"$INCLUDE part\n"), Options{Origin: dns.MustParseName("example"), File: "dir/example.zone",
		Include: func(name string) (io.ReadCloser, error) {
			if name != "dir/part" {
				return nil, fs.ErrNotExist
			}
			return io.NopCloser(strings.NewReader("a A 192.0.2.1\n\na CNAME b\n")), nil
		}})
	if want := "zone: dir/part:3: a.example. CNAME: want no other"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	broken := errors.New("broken disk")
	if _, err := Read(io.MultiReader(strings.NewReader(head), failing{broken}), Options{Origin: dns.MustParseName("example")}); !errors.Is(err, broken) {
		t.Errorf("got %v, want that the file could not be read", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestDNS_11: sets, types of a name and records of a zone have limits, and a
// set is served with the lowest TTL of its records, each of them once.
func TestDNS_11(t *testing.T) {
	addresses := func(n int) string {
		var b strings.Builder
		b.WriteString(head)
		for i := range n {
			fmt.Fprintf(&b, "www A 10.0.%d.%d\n", i>>8, i&255)
		}
		return b.String()
	}
	types := func(n int) string {
		var b strings.Builder
		b.WriteString(head)
		for i := range n {
			fmt.Fprintf(&b, "www TYPE%d \\# 1 00\n", 1000+i)
		}
		return b.String()
	}
	for _, tc := range []struct {
		name, text string
		o          Options
		want       string
	}{
		{"100 addresses", addresses(100), Options{}, ""},
		{"101 addresses", addresses(101), Options{}, "www.example. A: 101 records: want up to 100"},
		{"10,000 addresses", addresses(10_000), Options{}, "www.example. A: 10000 records: want up to 100"},
		{"101 that may be", addresses(101), Options{MaxSetRecords: 200}, ""},
		{"200 types", types(200), Options{}, ""},
		{"5,000 types", types(5000), Options{}, "www.example.: 5000 types: want up to 200"},
		{"two records", head, Options{MaxRecords: 2}, ""},
		{"three of two", head + "a A 192.0.2.1\n", Options{MaxRecords: 2}, "over 2 records: want less"},
		{"64 KiB of text", head + strings.Repeat("www TXT "+strings.Repeat(strings.Repeat("x", 250)+" ", 250)+"\n", 1) +
			"www TXT y " + strings.Repeat(strings.Repeat("x", 250)+" ", 250) + "\n", Options{}, "a set of over 65535 bytes"},
	} {
		tc.o.Origin = dns.MustParseName("example")
		z, err := Read(strings.NewReader(tc.text), tc.o)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: got %v", tc.name, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: got %v, %v; want an error with %q", tc.name, z, err, tc.want)
		}
	}
	// Changes are bounded alike.
	z := read(t, addresses(100))
	if z, err := z.Apply(Change{Added: records(t, "www.example. 60 IN A 192.0.2.1")}); err == nil {
		t.Errorf("a change to 101 addresses: got %v, want an error", z)
	}
	z = read(t, head+"www 300 A 192.0.2.1\nwww 200 A 192.0.2.2\nwww 400 A 192.0.2.1\nx MX 1 Mail\nx MX 1 mAIL\n")
	if set, _ := z.RRset(dns.MustParseName("www.example"), dns.TypeA); set.TTL != 200 || set.Len() != 2 {
		t.Errorf("got TTL %d and %d records, want 200 and 2", set.TTL, set.Len())
	}
	if set, _ := z.RRset(dns.MustParseName("x.example"), dns.TypeMX); set.Len() != 1 {
		t.Errorf("names that differ in case: got %d records, want one", set.Len())
	}
	next, err := z.Apply(Change{Removed: records(t, "X.Example. 60 IN MX 1 MAIL.example.")})
	if err != nil || next.Has(dns.MustParseName("x.example")) {
		t.Errorf("removing a name in another case: got %v", err)
	}
	// From another server, a TTL that cannot be is zero: RFC 2181 section 8.
	rr := records(t, "www.example. 60 IN A 192.0.2.1")
	rr[0].Header().Ttl = 1 << 31
	z, err = New(z.Origin(), func(yield func(dns.RR) bool) {
		_ = yield(rr[0]) && yield(records(t, apex[0])[0]) && yield(records(t, apex[1])[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	if set, _ := z.RRset(dns.MustParseName("www.example"), dns.TypeA); set.TTL != 0 {
		t.Errorf("a TTL of 2^31: got %d, want 0", set.TTL)
	}
}
