package zone

import (
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
	run(signzone, append(append([]string{"-q", "-S", "-z", "-o", "example", "-O", "full", "-f", "signed"}, args...), "zone")...)
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
	for name := range z.All() {
		for n := name; n.In(z.Origin()); n = n.Parent() {
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
	if testing.Short() {
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
			t.Errorf("%s %s: got %s aa %v ad %v tc %v\n%s\n--\n%s\nwant %s aa %v ad %v tc %v\n%s\n--\n%s", q.name, q.rtype,
				got.rcode, got.aa, got.ad, got.tc, got.answer, got.authority, want.rcode, want.aa, want.ad, want.tc, want.answer, want.authority)
		}
		explained[why]++
	}
	t.Logf("%d questions", len(qs))
	for why, n := range explained { // only the log sees the order
		t.Logf("%d times: %s", n, why)
	}
}

func TestPeersNSD(t *testing.T) {
	addr := dnstest.NSD(t, dnstest.Zone{Name: "example.", Text: hard})
	compare(t, read(t, hard), addr, false, func(question, outcome, outcome) string { return "" })
}
