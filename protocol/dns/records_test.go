package dns

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// ofEachType is a record of every type that zones hold.
var ofEachType = []string{
	"A 192.0.2.1", "AAAA 2001:db8::1", "AFSDB 1 afs.example.", "AMTRELAY 10 0 1 192.0.2.1", "AMTRELAY 10 1 3 relay.example.",
	"APL 1:192.0.2.0/24 !2:2001:db8::/32", `AVC "app-name:x"`, `CAA 0 issue "ca.example"`, `CAA 128 iodef "mailto:a@example"`,
	"CDNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
	"CDS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
	"CERT PKIX 65535 8 mdsswUyr3DPW", "CNAME www.example.", "CSYNC 66 3 A NS AAAA", "DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",
	"DLV 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF", "DNAME other.example.",
	"DNSKEY 256 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
	"DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
	"EID 0102", "EUI48 00-00-5e-00-53-2a", "EUI64 00-00-5e-ef-10-00-00-2a", "GID 5", "GPOS 1.5 2.5 3.5", `HINFO "CPU" "OS"`,
	"HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cI rvs.example.", `HTTPS 1 . alpn="h2,h3" port="8443" ipv4hint="192.0.2.1"`,
	"IPSECKEY 10 1 2 192.0.2.1 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==", `ISDN "150862028003217" "004"`,
	"KEY 256 3 13 mdsswUyr3DPW", "KX 10 kx.example.", "L32 10 192.0.2.1", "L64 10 2001:0db8:1140:1000", "LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m",
	"LP 10 l64.example.", "MB mb.example.", "MD md.example.", "MF mf.example.", "MG mg.example.", "MINFO a.example. b.example.", "MR mr.example.",
	"MX 10 mail.example.", `NAPTR 100 50 "s" "z3950+I2L+I2C" "" _z3950._tcp.example.`, "NID 10 0014:4fff:ff20:ee64", "NIMLOC 0102",
	`NINFO "zone" "status"`, "NS ns.example.", "NSAP-PTR a.example.", "NSEC b.example. A MX RRSIG NSEC TYPE1234",
	"NSEC3 1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG", "NSEC3PARAM 1 0 12 AABBCCDD", "NXT b.example. A NS",
	"OPENPGPKEY mdsswUyr3DPW", "PTR www.example.", "PX 10 a.example. b.example.", `RESINFO "qnamemin" "exterr=15"`,
	"RKEY 0 3 13 mdsswUyr3DPW", "RP a.example. b.example.",
	"RRSIG A 13 3 86400 20301231235959 20301201000000 12345 example. mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
	"RT 10 a.example.", "SIG A 13 3 86400 20301231235959 20301201000000 12345 example. mdsswUyr3DPW", "SMIMEA 3 1 1 0123456789abcdef",
	"SOA ns.example. hostmaster.example. 1 2 3 4 5", `SPF "v=spf1 -all"`, "SRV 1 2 5060 sip.example.", "SSHFP 4 2 0123456789ABCDEF", `SVCB 0 svc.example.`,
	"TA 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF", "TALINK a.example. b.example.", "TLSA 3 1 1 0123456789abcdef",
	`TXT "a" "b c" "\"\\\200"`, "UID 5", `UINFO "a person"`, `URI 10 1 "https://www.example/"`, `X25 311061700956`, "ZONEMD 2018031500 1 1 0123456789abcdef",
	// WKS, A6 and NULL, SINK, and one of nobody's: opaque.
	`TYPE11 \# 5 C000020106`, `TYPE38 \# 17 0020010DB8000000000000000000000001`, `TYPE40 \# 2 0102`, `TYPE65280 \# 4 DEADBEEF`, `TYPE65281 \# 0`,
}

// TestSameData: what two records say counts, and not how somebody wrote it.
func TestSameData(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"x. A 192.0.2.1", "X. 77 A 192.0.2.1", true},
		{"x. NS Ns.Example.", "x. NS ns.example.", true},
		{`x. TXT "a"`, `x. TXT "A"`, false},
		{"x. DS 1 13 2 ab", "x. DS 1 13 2 AB", true},
		{"x. DS 1 13 2 ab", "x. DS 1 13 2 AC", false},
		{`x. TYPE65280 \# 1 ab`, `x. TYPE65280 \# 1 AB`, true},
		{"x. A 192.0.2.1", "y. A 192.0.2.1", false},
		{"x. A 192.0.2.1", "x. AAAA ::1", false},
	} {
		var rrs [2]RR
		for i, s := range []string{tt.a, tt.b} {
			var err error
			if rrs[i], err = ParseRR(s); err != nil {
				t.Fatal(err)
			}
		}
		if got := Same(rrs[0], rrs[1]); got != tt.want {
			t.Errorf("%s, %s: got %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

// TestN02: a record of every type comes back from the wire, alone and within a
// message, as the text that it was.
func TestN02(t *testing.T) {
	plain := func(rr RR) string {
		return strings.ToLower(strings.TrimSpace(Type(rr.Header().Rrtype).String() + " " + DataText(rr)))
	}
	seen := map[uint16]bool{}
	for _, text := range ofEachType {
		rr, err := ParseRR("owner.example. 60 IN " + text)
		if err != nil {
			t.Error(err)
			continue
		}
		seen[rr.Header().Rrtype] = true
		wire, err := AppendRR([]byte("before"), rr)
		if err != nil || !strings.HasPrefix(string(wire), "before") {
			t.Errorf("%s: got %x, %v", text, wire, err)
			continue
		}
		set, err := PackRRset([]RR{rr})
		if err != nil {
			t.Error(err)
			continue
		}
		rrs, err := set.RRs(MustParseName("owner.example"))
		if err != nil || len(rrs) != 1 || plain(rrs[0]) != plain(rr) || !Same(rr, rrs[0]) {
			t.Errorf("%s: a set: got %v, %v", text, rrs, err)
			continue
		}
		if a, ok := rr.(*AMTRELAY); ok && a.GatewayType&amtOptional != 0 {
			continue // a Message is the library's own, see amtrelay.go
		}
		m := new(Message)
		m.SetQuestion("owner.example.", rr.Header().Rrtype)
		m.Answer = []RR{rr}
		p, err := m.Pack()
		if err != nil {
			t.Error(err)
			continue
		}
		back, err := ParseMessage(p)
		if err != nil || len(back.Answer) != 1 || plain(back.Answer[0]) != plain(rr) {
			t.Errorf("%s: a message: got %v, %v", text, back, err)
			continue
		}
		again, err := ParseRR("owner.example. 60 IN " + Type(rr.Header().Rrtype).String() + " " + DataText(back.Answer[0]))
		if err != nil || !Same(again, rr) {
			t.Errorf("%s: its text: got %v, %v", text, again, err)
		}
	}
	meta := []uint16{dns.TypeANY, dns.TypeOPT, dns.TypeTSIG, dns.TypeTKEY, dns.TypeNXNAME, dns.TypeNULL}
	for rtype := range 1 << 16 {
		if dns.TypeToRR[uint16(rtype)] != nil && !seen[uint16(rtype)] && !slices.Contains(meta, uint16(rtype)) {
			t.Errorf("no record of type %s is tried", Type(rtype))
		}
	}
}
