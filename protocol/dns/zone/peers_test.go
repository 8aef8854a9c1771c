package zone

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnstest"
)

// sign is the zone file text, of the zone example, signed by bind9's tools.
func sign(t *testing.T, text string, args ...string) string {
	t.Helper()
	keygen, signzone := peertest.Program(t, "dnssec-keygen"), peertest.Program(t, "dnssec-signzone")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "zone"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(program string, args ...string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), program, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", program, err, out)
		}
	}
	run(keygen, "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "example")
	run(keygen, "-q", "-a", "ECDSAP256SHA256", "example")
	run(signzone, append(append([]string{"-q", "-S", "-o", "example", "-O", "full", "-f", "signed"}, args...), "zone")...)
	signed, err := os.ReadFile(filepath.Join(dir, "signed"))
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// A question is one that all are asked.
type question struct {
	name  string
	rtype dns.Type
}

// questions are about every name of z, every name beside and below it, and
// some that are nowhere.
func questions(z *Zone) (qs []question) {
	seen := map[string]bool{}
	var names []string
	add := func(n string) {
		if p, err := dns.ParseName(n); err == nil && !seen[p.String()] {
			seen[p.String()] = true
			names = append(names, n)
		}
	}
	for e := range z.names.all(nil) {
		for n := e.name(); n.In(z.Origin()); n = n.Parent() {
			s := n.String()
			add(s)
			add("x." + s)
			add("x.y." + s)
			add("*." + s)
			add("0" + s)
			add("zz" + s)
			if n.IsRoot() {
				break
			}
		}
	}
	add("elsewhere.test")
	if e := z.hashes.end(); e != nil {
		add(e.name().String())
	}
	for _, n := range names {
		for _, t := range []dns.Type{dns.TypeA, dns.TypeTXT, dns.TypeMX, dns.TypeNS, dns.TypeDS, dns.TypeCNAME, dns.TypeDNAME, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeSOA} {
			qs = append(qs, question{n, t})
		}
	}
	for _, t := range []dns.Type{dns.TypeDNSKEY, dns.TypeNSEC3PARAM, dns.TypeAAAA, dns.TypeCAA} {
		qs = append(qs, question{"example", t})
	}
	return append(qs, question{"_sip._udp.example", dns.TypeSRV}, question{"svc.example", dns.TypeHTTPS}, question{"unknown.example", 65280})
}

// An outcome is what of an answer has to be the same everywhere.
type outcome struct {
	rcode             dns.Rcode
	aa, ad, tc        bool
	answer, authority string
}

func outcomeOf(t *testing.T, p []byte) outcome {
	t.Helper()
	m, err := dns.ParseMessage(p)
	if err != nil {
		t.Fatal(err)
	}
	return outcome{dns.Rcode(m.Rcode), m.Authoritative, m.AuthenticatedData, m.Truncated,
		strings.Join(lines(m.Answer), "\n"), strings.Join(lines(m.Ns), "\n")}
}

func (o outcome) flags() string {
	return fmt.Sprintf("%s aa=%v ad=%v tc=%v", o.rcode, o.aa, o.ad, o.tc)
}

// differences are the records that only o has, and those that only want has.
func (o outcome) differences(want outcome) string {
	out := ""
	if o.flags() != want.flags() {
		out = ", want " + want.flags()
	}
	for _, s := range [...]struct{ name, got, want string }{{"answer", o.answer, want.answer}, {"authority", o.authority, want.authority}} {
		got, want := strings.Split(s.got, "\n"), strings.Split(s.want, "\n")
		for _, l := range got {
			if !slices.Contains(want, l) {
				out += fmt.Sprintf("\n%s: too much: %.90s", s.name, l)
			}
		}
		for _, l := range want {
			if !slices.Contains(got, l) {
				out += fmt.Sprintf("\n%s: missing: %.90s", s.name, l)
			}
		}
	}
	return out
}

// has reports whether o's authority section has all of other's.
func (o outcome) has(other outcome) bool {
	have := strings.Split(o.authority, "\n")
	for _, l := range strings.Split(other.authority, "\n") {
		if !slices.Contains(have, l) {
			return false
		}
	}
	return o.flags() == other.flags()
}

// compare asks z and the server at addr the same, and has what is not the same
// explained.
func compare(t *testing.T, z *Zone, addr netip.AddrPort, signed bool, explain func(q question, ours, theirs outcome) string) {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { c.Close() }()
	c.SetDeadline(time.Now().Add(60 * time.Second))
	ours := newAsker(z)
	explained := map[string]int{}
	b := make([]byte, 2+dns.MaxMessageBytes)
	qs := questions(z)
	if testing.Short() || raceEnabled {
		qs = slices.DeleteFunc(qs, func(q question) bool { return len(q.name)%3 != 0 })
	}
	for i, q := range qs {
		if i%64 == 63 { // servers close a connection over which too many have come
			c.Close()
			if c, err = net.Dial("tcp", addr.String()); err != nil {
				t.Fatal(err)
			}
			c.SetDeadline(time.Now().Add(60 * time.Second))
		}
		p := query(t, q.name, q.rtype, signed)
		got := outcomeOf(t, ours.ask(p))
		if _, err := c.Write(append([]byte{byte(len(p) >> 8), byte(len(p))}, p...)); err != nil {
			t.Fatal(err)
		}
		n := 0
		for n < 2 || n < 2+int(b[0])<<8+int(b[1]) {
			k, err := c.Read(b[n:])
			if err != nil {
				t.Fatalf("%s %s: %v", q.name, q.rtype, err)
			}
			n += k
		}
		want := outcomeOf(t, b[2:n])
		if got == want {
			continue
		}
		why := explain(q, got, want)
		if why == "" {
			t.Errorf("%s %s: got %s%s", q.name, q.rtype, got.flags(), got.differences(want))
		}
		explained[why]++
	}
	t.Logf("%d questions", len(qs))
	for why, n := range explained { // only the log sees the order
		t.Logf("%d times: %s", n, why)
	}
}

func text(t *testing.T, z *Zone) string {
	t.Helper()
	var b strings.Builder
	if _, err := z.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// signings are how the zone can be signed.
var signings = []struct {
	name string
	args []string
}{
	{"unsigned", nil},
	{"nsec", []string{}},
	{"nsec3", []string{"-3", "-", "-H", "0"}},
	{"salted", []string{"-3", "abcdef", "-H", "5"}},
	{"optout", []string{"-3", "-", "-H", "0", "-A"}},
}

// TestPeersNSD asks nsd what it asks us: hundreds of questions about each name
// of the zone, about names beside and below it, and some that are nowhere.
func TestPeersNSD(t *testing.T) {
	peertest.Program(t, "nsd")
	forSignings(t, func(t *testing.T, z *Zone, text string, signed bool) {
		compare(t, z, nsd(t, text), signed, func(q question, ours, theirs outcome) string {
			if strings.Contains(t.Name(), "optout") && strings.HasSuffix(q.name, "ent.example.") && ours.answer == theirs.answer && ours.flags() == theirs.flags() {
				return "nsd proves nothing about an empty name that the chain leaves out; we prove what bind9 does"
			}
			if q.rtype == dns.TypeNSEC3 && strings.Contains(ours.answer, " CNAME ") && theirs.answer == "" {
				return "nsd does not follow aliases for NSEC3"
			}
			if ours.answer == theirs.answer && ours.has(theirs) && strings.Contains(ours.answer, " DNAME ") {
				return "nsd proves no closest encloser behind a DNAME record"
			}
			if strings.HasPrefix(q.name, "*.") && ours.answer == theirs.answer && theirs.has(ours) {
				return "nsd proves more about the wildcard's own name than its NSEC3 record"
			}
			return ""
		})
	})
}

// TestPeersNamed asks bind9 the same.
func TestPeersNamed(t *testing.T) {
	peertest.Program(t, "named")
	forSignings(t, func(t *testing.T, z *Zone, text string, signed bool) {
		c := dnstest.Config{Zones: []dnstest.Zone{{Name: "example.", Text: text}},
			Extra: "minimal-responses yes; check-names primary ignore; zero-no-soa-ttl no;"}
		compare(t, z, c.Named(t).Addr, signed, func(q question, ours, theirs outcome) string {
			switch {
			case theirs.rcode == dns.RcodeServerFailure && ours.rcode == 0 && (strings.HasPrefix(q.name, "loop") || q.name == "self.example."):
				return "bind9 fails where aliases go round; as nsd we answer them"
			case q.rtype == dns.TypeNSEC && strings.Contains(ours.answer, " CNAME ") && !strings.Contains(theirs.answer, " CNAME "):
				return "bind9 does not follow aliases for NSEC, which may stand beside them"
			case q.rtype == dns.TypeNSEC && !ours.aa && theirs.aa && strings.Contains(theirs.answer, " NSEC "):
				return "bind9 answers for the NSEC set of a cut; as nsd we refer"
			case strings.HasSuffix(q.name, "middle.example.") && ours.answer == theirs.answer && ours.has(theirs):
				return "bind9 does not prove that the wildcard itself is an empty name"
			}
			return ""
		})
	})
}

func forSignings(t *testing.T, f func(t *testing.T, z *Zone, text string, signed bool)) {
	plain := text(t, read(t, hard))
	for _, s := range signings {
		t.Run(s.name, func(t *testing.T) {
			zoneText := plain
			if s.args != nil {
				zoneText = sign(t, plain, s.args...)
			}
			z := read(t, zoneText)
			if z.Signed() != (s.args != nil) {
				t.Fatalf("got a zone with signed %v", z.Signed())
			}
			f(t, z, zoneText, s.args != nil)
		})
	}
}

// nsd serves a zone as we do: without NS records that nobody asked for.
func nsd(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	return dnstest.Config{Zones: []dnstest.Zone{{Name: "example.", Text: text}}, Extra: "minimal-responses: yes"}.NSD(t).Addr
}
