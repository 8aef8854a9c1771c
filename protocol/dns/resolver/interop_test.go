package resolver

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnssec"
	"github.com/twistor-go/twistor/protocol/dns/dnstest"
	"github.com/twistor-go/twistor/reactor"
)

// A realTree is a private internet on the loopback: a root and a zone example
// at nsd, plain.example at nsd, signed.example and broken.example at bind9,
// and lame.example at knot and at an nsd that knows nothing of it. All but
// plain and lame are signed by bind9's tools.
type realTree struct {
	port   uint16
	at     map[string]netip.AddrPort // zones' servers
	hints  string
	anchor string // DS of the root
}

// signReal has bind9's tools sign a zone. It returns its text, and its DS record.
func signReal(t *testing.T, name, text string, args ...string) (signed, ds string) {
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
	run(keygen, "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", name)
	run(keygen, "-q", "-a", "ECDSAP256SHA256", name)
	run(signzone, append(append([]string{"-q", "-S", "-o", name, "-O", "full", "-f", "signed"}, args...), "zone")...)
	read := func(name string) string {
		p, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(p)
	}
	return read("signed"), read("dsset-" + name)
}

func newRealTree(t *testing.T) *realTree {
	peertest.Program(t, "nsd")
	tr := &realTree{at: map[string]netip.AddrPort{}}
	var addrs []netip.Addr
	for i := 1; i <= 6; i++ {
		addrs = append(addrs, netip.AddrFrom4([4]byte{127, 0, 0, byte(i)}))
	}
	tr.port = dnstest.FreePort(t, addrs...)
	at := func(i int) netip.AddrPort { return netip.AddrPortFrom(addrs[i-1], tr.port) }
	const soa = "$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n"
	const names = "www A 192.0.2.1\nwww AAAA 2001:db8::1\nalias CNAME www\nfar CNAME www.plain.example.\n" +
		"*.wild A 192.0.2.7\na.ent TXT \"below an empty name\"\nold DNAME new\nx.new A 192.0.2.3\n"
	signed, signedDS := signReal(t, "signed.example.", soa+"@ NS ns\nns A 127.0.0.1\n"+names)
	hashed, hashedDS := signReal(t, "hashed.example.", soa+"@ NS ns\nns A 127.0.0.1\n"+names, "-3", "-", "-H", "0")
	broken, brokenDS := signReal(t, "broken.example.", soa+"@ NS ns\nns A 127.0.0.1\n"+names)
	broken = strings.Replace(broken, "192.0.2.1\n", "192.0.2.66\n", 1)
	example, exampleDS := signReal(t, "example.", soa+"@ NS ns\nns A 127.0.0.3\n"+
		"signed NS ns.signed\nns.signed A 127.0.0.1\nhashed NS ns.hashed\nns.hashed A 127.0.0.1\nbroken NS ns.broken\nns.broken A 127.0.0.1\n"+
		"plain NS ns.plain\nns.plain A 127.0.0.4\nlame NS ns1.lame\nlame NS ns2.lame\nns1.lame A 127.0.0.4\nns2.lame A 127.0.0.5\n"+
		signedDS+hashedDS+brokenDS)
	root, rootDS := signReal(t, ".", "$TTL 300\n@ SOA ns. hostmaster. 1 3600 600 86400 60\n@ NS ns.\nns. A 127.0.0.2\n"+
		"example. NS ns.example.\nns.example. A 127.0.0.3\n"+exampleDS)
	lame := soa + "@ NS ns1\n@ NS ns2\nns1 A 127.0.0.4\nns2 A 127.0.0.5\nwww A 192.0.2.9\n"
	dnstest.Config{Addr: at(1), Zones: []dnstest.Zone{{Name: "signed.example.", Text: signed}, {Name: "hashed.example.", Text: hashed}, {Name: "broken.example.", Text: broken}}}.Named(t)
	dnstest.Config{Addr: at(2), Zones: []dnstest.Zone{{Name: ".", Text: root}}}.NSD(t)
	dnstest.Config{Addr: at(3), Zones: []dnstest.Zone{{Name: "example.", Text: example}}}.NSD(t)
	dnstest.Config{Addr: at(4), Zones: []dnstest.Zone{{Name: "plain.example.", Text: soa + "@ NS ns\nns A 127.0.0.4\n" + names}}}.NSD(t)
	dnstest.Config{Addr: at(5), Zones: []dnstest.Zone{{Name: "lame.example.", Text: lame}}}.Knot(t)
	for name, i := range map[string]int{".": 2, "example.": 3, "signed.example.": 1, "hashed.example.": 1, "broken.example.": 1, "plain.example.": 4, "lame.example.": 5} {
		tr.at[name] = at(i)
	}
	tr.hints = ". 3600000 NS ns.\nns. 3600000 A 127.0.0.2\n"
	tr.anchor = strings.TrimSpace(rootDS)
	return tr
}

// config is for New, in this tree.
func (tr *realTree) config(t *testing.T) Config {
	hints, err := ReadHints(strings.NewReader(tr.hints), "hints")
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := dnssec.ReadAnchors(strings.NewReader(tr.anchor), "anchors")
	if err != nil {
		t.Fatal(err)
	}
	return Config{Hints: hints, Port: tr.port, AllowServer: netip.Addr.IsLoopback, Anchors: anchors, Ours: []dns.Name{dns.MustParseName("example.")}}
}

// realLoop is the loop of a reactor that runs until the test ends.
func realLoop(t *testing.T, names func(twistor.Loop) twistor.Resolver) twistor.Loop {
	r := reactor.New(&reactor.Config{Loops: 1, Names: names})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
		r.Close()
	})
	return r.Loop()
}

// listen has c answer on the loopback.
func listen(t *testing.T, l twistor.Loop, c dns.Handler) netip.AddrPort {
	port := dnstest.FreePort(t)
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
	_, err := deferred.Call(t.Context(), l, func() *deferred.Signal {
		if _, err := l.ListenPacket(twistor.ListenConfig{Network: "udp", Address: at.String()}, (&dns.Server{Handler: c}).Packets()); err != nil {
			return deferred.Failed[struct{}](l, err)
		}
		return deferred.Succeeded(struct{}{})
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// dug is what dig says of an answer: its code, whether it is authenticated,
// and its records without their TTLs, sorted.
func dug(t *testing.T, at netip.AddrPort, name, rtype string) string {
	t.Helper()
	out := dnstest.Dig(t, at, "+noall", "+comments", "+answer", "+tries=2", "+time=8", name, rtype)
	var code string
	var lines []string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if _, rest, ok := strings.Cut(line, "status: "); ok {
			code, _, _ = strings.Cut(rest, ",")
		}
		if flags, _, ok := strings.Cut(line, ";"); ok && flags == "" && strings.HasPrefix(line, ";; flags:") {
			if strings.Contains(line, " ad") {
				code += " ad"
			}
		}
		if f := strings.Fields(line); len(f) > 4 && !strings.HasPrefix(line, ";") {
			lines = append(lines, strings.ToLower(strings.Join(append(f[:1:1], f[3:]...), " ")))
		}
	}
	slices.Sort(lines)
	return code + ": " + strings.Join(lines, ", ")
}

// TestInteropTree looks names up in a tree of real servers, and answers as
// bind9 does with the same hints and the same anchor.
func TestInteropTree(t *testing.T) {
	if testing.Short() {
		t.Skip("starts seven servers")
	}
	tr := newRealTree(t)
	named := dnstest.Config{Recursive: true, Hints: tr.hints, Port: tr.port, Anchors: []string{oneLine(tr.anchor)}}.Named(t)
	l := realLoop(t, nil)
	cache, err := deferred.Call(t.Context(), l, func() *deferred.Deferred[*Cache] { return deferred.Succeeded(New(l, tr.config(t))) })
	if err != nil {
		t.Fatal(err)
	}
	ours := listen(t, l, cache)
	var asked []string
	for _, zone := range []string{"signed.example.", "hashed.example.", "plain.example."} {
		for _, n := range []string{"www.", "alias.", "far.", "a.b.wild.", "ent.", "a.ent.", "none.", "none.of.these.", "x.old.", ""} {
			for _, rtype := range []string{"A", "DS"} {
				asked = append(asked, n+zone+" "+rtype)
			}
		}
	}
	asked = append(asked, "signed.example. DNSKEY", "www.lame.example. A", "www.broken.example. A", "www.broken.example. AAAA", "none.example. A", "none. A",
		"example. NS", "a.ent.hashed.example. TXT", "none.signed.example. TXT", "x.old.signed.example. CNAME", ". NS", "plain.example. SOA")
	secure := 0
	for _, q := range asked {
		name, rtype, _ := strings.Cut(q, " ")
		got, want := dug(t, ours, name, rtype), dug(t, named.Addr, name, rtype)
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", q, got, want)
		}
		if strings.Contains(got, " ad:") {
			secure++
		}
	}
	if secure < 30 {
		t.Errorf("%d of %d answers were secure, want more", secure, len(asked))
	}
	if got := dug(t, ours, "www.broken.example.", "A"); got != "SERVFAIL: " {
		t.Errorf("a broken zone: got %s", got)
	}
	if got := dnstest.Dig(t, ours, "+noall", "+comments", "www.broken.example.", "A"); !strings.Contains(got, "EDE: 6") {
		t.Errorf("a broken zone is not explained: got %s", got)
	}
	if got := dnstest.Dig(t, ours, "+short", "+cd", "www.broken.example.", "A"); got != "192.0.2.66\n" {
		t.Errorf("a broken zone, unchecked: got %s", got)
	}
	// A loop may find all names so.
	config := tr.config(t)
	own := realLoop(t, func(at twistor.Loop) twistor.Resolver {
		return &dns.Names{Loop: at, Resolver: New(at, config)}
	})
	addrs, err := deferred.Call(t.Context(), own, func() *deferred.Deferred[[]netip.Addr] { return own.Resolve("alias.signed.example") })
	if err != nil || !slices.Contains(addrs, netip.MustParseAddr("192.0.2.1")) {
		t.Errorf("a loop's own lookup: got %v, %v", addrs, err)
	}
	if got := dug(t, ours, "www.lame.example.", "A"); got != "NOERROR: www.lame.example. a 192.0.2.9" {
		t.Errorf("a lame server: got %s", got)
	}
}

// oneLine is a record with its digest in one piece.
func oneLine(s string) string {
	s = strings.Split(s, "\n")[0]
	f := strings.Fields(s)
	for i, w := range f {
		if w == "DS" {
			return fmt.Sprintf("%s DS %s %s", f[0], strings.Join(f[i+1:i+4], " "), strings.Join(f[i+4:], ""))
		}
	}
	return s
}

// TestInteropForward has a real unbound look up, which does not validate, and
// checks what it says.
func TestInteropForward(t *testing.T) {
	if testing.Short() {
		t.Skip("starts seven servers")
	}
	tr := newRealTree(t)
	var ups []dnstest.Upstream
	for _, z := range []string{".", "example.", "signed.example.", "hashed.example.", "broken.example.", "plain.example.", "lame.example."} {
		ups = append(ups, dnstest.Upstream{Zone: z, Addrs: []netip.AddrPort{tr.at[z]}, Authoritative: true})
	}
	unbound := dnstest.Config{Recursive: true, Upstreams: ups}.Unbound(t)
	l := realLoop(t, nil)
	cache, err := deferred.Call(t.Context(), l, func() *deferred.Deferred[*Cache] {
		c := tr.config(t)
		c.Forward = &dns.Client{Loop: l, Servers: []dns.Upstream{{Addr: unbound.Addr}}, Deadline: 5 * time.Second}
		return deferred.Succeeded(New(l, c))
	})
	if err != nil {
		t.Fatal(err)
	}
	ours := listen(t, l, cache)
	for q, want := range map[string]string{
		"www.signed.example. A":    "NOERROR ad: www.signed.example. a 192.0.2.1",
		"www.hashed.example. A":    "NOERROR ad: www.hashed.example. a 192.0.2.1",
		"none.signed.example. A":   "NXDOMAIN ad: ",
		"none.hashed.example. A":   "NXDOMAIN ad: ",
		"a.wild.hashed.example. A": "NOERROR ad: a.wild.hashed.example. a 192.0.2.7",
		"www.plain.example. A":     "NOERROR: www.plain.example. a 192.0.2.1",
		"www.broken.example. A":    "SERVFAIL: ",
		"www.lame.example. A":      "NOERROR: www.lame.example. a 192.0.2.9",
	} {
		name, rtype, _ := strings.Cut(q, " ")
		if got := dug(t, ours, name, rtype); got != want {
			t.Errorf("%s: got %s, want %s", q, got, want)
		}
	}
}
