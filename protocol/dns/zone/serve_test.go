package zone

import (
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
)

// hard has one of everything that makes answers differ.
const hard = `
$TTL 300
@	3600 IN SOA ns hostmaster ( 2024010101 ; serial
		1h 15m 1w 600 )
	NS	ns
	NS	ns.elsewhere.test.
	MX	10 mail
	MX	20 mail.elsewhere.test.
	MX	30 alias
	TXT	"a text" "of two strings"
	CAA	0 issue "ca.test"
ns	A	192.0.2.1
	AAAA	2001:db8::1
mail	A	192.0.2.2
	A	192.0.2.3
www	CNAME	mail
alias	CNAME	www
away	CNAME	www.elsewhere.test.
nowhere	CNAME	missing
loop1	CNAME	loop2
loop2	CNAME	loop1
self	CNAME	self
deep.empty.one	A	192.0.2.4
*.wild	A	192.0.2.5
	MX	10 mail
	TXT	"wild"
there.wild	A	192.0.2.6
below.there.wild	A	192.0.2.7
*.two.wild	CNAME	mail
*.chain	CNAME	x.wild
*.alone	TXT	"no address"
sub	NS	ns.sub
	NS	ns
	NS	ns.other
ns.sub	A	192.0.2.8
	AAAA	2001:db8::8
hidden.sub	TXT	"not ours"
other	NS	ns.other
ns.other	A	192.0.2.9
secure	NS	ns.elsewhere.test.
	DS	12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
lame.under.ent	NS	ns.elsewhere.test.
tosub	CNAME	x.sub
moved	DNAME	target
moved	A	192.0.2.10
host.target	A	192.0.2.11
*.target.target	A	192.0.2.12
long	DNAME	aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.elsewhere.test.
tomoved	CNAME	host.moved
_sip._udp	SRV	1 2 5060 mail
	SRV	1 3 5060 ns.sub
	SRV	1 4 5060 mail
svc	HTTPS	1 mail alpn=h2
	HTTPS	2 . alpn=h3
	A	192.0.2.13
star.*.middle	A	192.0.2.14
odd\.dot	A	192.0.2.15
odd\000zero	A	192.0.2.16
odd\032blank	TXT	"quote \" and \\ and \200"
UPPER	A	192.0.2.17
unknown	TYPE65280 \# 4 01020304
$GENERATE 1-3 gen$ A 192.0.2.10$
$ORIGIN sec.example.
a	A	192.0.2.18
`

// A row is a question and what comes.
type row struct {
	name  string
	rtype dns.Type
	rcode int
	aa    bool
	// Records of the three sections, without TTL and class, in any order, one a line.
	answer, authority, additional string
}

const soa = "example. SOA ns.example. hostmaster.example. 2024010101 3600 900 604800 600"

var rows = []row{
	{"ns.example", dns.TypeA, 0, true, "ns.example. A 192.0.2.1", "", ""},
	{"ns.example", dns.TypeTXT, 0, true, "", soa, ""},
	{"missing.example", dns.TypeA, 3, true, "", soa, ""},
	{"example", dns.TypeMX, 0, true, "example. MX 10 mail.example.\nexample. MX 20 mail.elsewhere.test.\nexample. MX 30 alias.example.", "",
		"mail.example. A 192.0.2.2\nmail.example. A 192.0.2.3"},
	{"alias.example", dns.TypeA, 0, true, "alias.example. CNAME www.example.\nwww.example. CNAME mail.example.\nmail.example. A 192.0.2.2\nmail.example. A 192.0.2.3", "", ""},
	{"alias.example", dns.TypeCNAME, 0, true, "alias.example. CNAME www.example.", "", ""},
	{"alias.example", dns.TypeTXT, 0, true, "alias.example. CNAME www.example.\nwww.example. CNAME mail.example.", soa, ""},
	{"away.example", dns.TypeA, 0, true, "away.example. CNAME www.elsewhere.test.", "", ""},
	{"nowhere.example", dns.TypeA, 3, true, "nowhere.example. CNAME missing.example.", soa, ""},
	{"loop1.example", dns.TypeA, 0, true, "loop1.example. CNAME loop2.example.\nloop2.example. CNAME loop1.example.", "", ""},
	{"self.example", dns.TypeA, 0, true, "self.example. CNAME self.example.", "", ""},
	{"empty.one.example", dns.TypeA, 0, true, "", soa, ""},
	{"one.example", dns.TypeA, 0, true, "", soa, ""},
	{"x.one.example", dns.TypeA, 3, true, "", soa, ""},
	{"x.wild.example", dns.TypeA, 0, true, "x.wild.example. A 192.0.2.5", "", ""},
	{"y.x.wild.example", dns.TypeA, 0, true, "y.x.wild.example. A 192.0.2.5", "", ""},
	{"x.wild.example", dns.TypeMX, 0, true, "x.wild.example. MX 10 mail.example.", "", "mail.example. A 192.0.2.2\nmail.example. A 192.0.2.3"},
	{"x.wild.example", dns.TypeAAAA, 0, true, "", soa, ""},
	{"*.wild.example", dns.TypeA, 0, true, "*.wild.example. A 192.0.2.5", "", ""},
	{"there.wild.example", dns.TypeTXT, 0, true, "", soa, ""},
	{"x.there.wild.example", dns.TypeA, 3, true, "", soa, ""},
	{"two.wild.example", dns.TypeA, 0, true, "", soa, ""},
	{"x.two.wild.example", dns.TypeA, 0, true, "x.two.wild.example. CNAME mail.example.\nmail.example. A 192.0.2.2\nmail.example. A 192.0.2.3", "", ""},
	{"x.chain.example", dns.TypeTXT, 0, true, "x.chain.example. CNAME x.wild.example.\nx.wild.example. TXT \"wild\"", "", ""},
	{"wild.example", dns.TypeA, 0, true, "", soa, ""},
	{"sub.example", dns.TypeA, 0, false, "", "sub.example. NS ns.sub.example.\nsub.example. NS ns.example.\nsub.example. NS ns.other.example.",
		"ns.sub.example. A 192.0.2.8\nns.sub.example. AAAA 2001:db8::8\nns.example. A 192.0.2.1\nns.example. AAAA 2001:db8::1\nns.other.example. A 192.0.2.9"},
	{"hidden.sub.example", dns.TypeTXT, 0, false, "", "sub.example. NS ns.sub.example.\nsub.example. NS ns.example.\nsub.example. NS ns.other.example.",
		"ns.sub.example. A 192.0.2.8\nns.sub.example. AAAA 2001:db8::8\nns.example. A 192.0.2.1\nns.example. AAAA 2001:db8::1\nns.other.example. A 192.0.2.9"},
	{"sub.example", dns.TypeDS, 0, true, "", soa, ""},
	{"x.sub.example", dns.TypeDS, 0, false, "", "sub.example. NS ns.sub.example.\nsub.example. NS ns.example.\nsub.example. NS ns.other.example.",
		"ns.sub.example. A 192.0.2.8\nns.sub.example. AAAA 2001:db8::8\nns.example. A 192.0.2.1\nns.example. AAAA 2001:db8::1\nns.other.example. A 192.0.2.9"},
	{"secure.example", dns.TypeDS, 0, true, "secure.example. DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF", "", ""},
	{"tosub.example", dns.TypeA, 0, true, "tosub.example. CNAME x.sub.example.", "sub.example. NS ns.sub.example.\nsub.example. NS ns.example.\nsub.example. NS ns.other.example.",
		"ns.sub.example. A 192.0.2.8\nns.sub.example. AAAA 2001:db8::8\nns.example. A 192.0.2.1\nns.example. AAAA 2001:db8::1\nns.other.example. A 192.0.2.9"},
	{"moved.example", dns.TypeA, 0, true, "moved.example. A 192.0.2.10", "", ""},
	{"moved.example", dns.TypeDNAME, 0, true, "moved.example. DNAME target.example.", "", ""},
	{"host.moved.example", dns.TypeA, 0, true, "moved.example. DNAME target.example.\nhost.moved.example. CNAME host.target.example.\nhost.target.example. A 192.0.2.11", "", ""},
	{"x.target.moved.example", dns.TypeA, 0, true, "moved.example. DNAME target.example.\nx.target.moved.example. CNAME x.target.target.example.\nx.target.target.example. A 192.0.2.12", "", ""},
	{"x.moved.example", dns.TypeA, 3, true, "moved.example. DNAME target.example.\nx.moved.example. CNAME x.target.example.", soa, ""},
	{strings.Repeat("b", 63) + ".long.example", dns.TypeA, 6, true,
		"long.example. DNAME " + strings.Repeat(strings.Repeat("a", 63)+".", 3) + "elsewhere.test.", "", ""},
	{"tomoved.example", dns.TypeA, 0, true, "tomoved.example. CNAME host.moved.example.\nmoved.example. DNAME target.example.\nhost.moved.example. CNAME host.target.example.\nhost.target.example. A 192.0.2.11", "", ""},
	{"_sip._udp.example", dns.TypeSRV, 0, true, "_sip._udp.example. SRV 1 2 5060 mail.example.\n_sip._udp.example. SRV 1 3 5060 ns.sub.example.\n_sip._udp.example. SRV 1 4 5060 mail.example.", "",
		"mail.example. A 192.0.2.2\nmail.example. A 192.0.2.3"},
	{"svc.example", dns.TypeHTTPS, 0, true, "svc.example. HTTPS 1 mail.example. alpn=\"h2\"\nsvc.example. HTTPS 2 . alpn=\"h3\"", "",
		"mail.example. A 192.0.2.2\nmail.example. A 192.0.2.3\nsvc.example. A 192.0.2.13"},
	{"x.middle.example", dns.TypeA, 0, true, "", soa, ""},
	{`odd\.dot.example`, dns.TypeA, 0, true, `odd\.dot.example. A 192.0.2.15`, "", ""},
	{`odd\000zero.example`, dns.TypeA, 0, true, `odd\000zero.example. A 192.0.2.16`, "", ""},
	{"upper.example", dns.TypeA, 0, true, "upper.example. A 192.0.2.17", "", ""},
	{"unknown.example", 65280, 0, true, `unknown.example. TYPE65280 \# 4 01020304`, "", ""},
	{"gen2.example", dns.TypeA, 0, true, "gen2.example. A 192.0.2.102", "", ""},
	{"example", dns.TypeANY, 0, true, soa, "", ""},
	{"mail.example", dns.TypeANY, 0, true, "mail.example. A 192.0.2.2\nmail.example. A 192.0.2.3", "", ""},
	{"example.test", dns.TypeA, 5, false, "", "", ""},
	{"example", dns.TypeAXFR, 5, false, "", "", ""},
}

// brief is records without TTL and class.
func brief(rrs []dns.RR) string {
	out := lines(rrs)
	for i, s := range out {
		f := strings.SplitN(s, " ", 4)
		out[i] = f[0] + " " + f[3]
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func sorted(s string) string {
	l := strings.Split(s, "\n")
	slices.Sort(l)
	return strings.Join(l, "\n")
}

// TestN14 asks for everything that a zone's author can mean.
func TestN14(t *testing.T) { checkRows(t, read(t, hard)) }

func checkRows(t *testing.T, z *Zone) {
	t.Helper()
	for _, r := range rows {
		m := lookup(t, z, r.name, r.rtype, false)
		if m.Rcode != r.rcode || m.Authoritative != r.aa || m.Truncated {
			t.Errorf("%s %s: got %s, authoritative %v, truncated %v; want %s, %v", r.name, r.rtype,
				dns.Rcode(m.Rcode), m.Authoritative, m.Truncated, dns.Rcode(r.rcode), r.aa)
		}
		for _, s := range []struct {
			section   string
			got, want string
		}{{"answer", brief(m.Answer), r.answer}, {"authority", brief(m.Ns), r.authority}, {"additional", brief(m.Extra), r.additional}} {
			if want := sorted(s.want); s.got != want {
				t.Errorf("%s %s: %s:\ngot\n%s\nwant\n%s", r.name, r.rtype, s.section, s.got, want)
			}
		}
	}
}
