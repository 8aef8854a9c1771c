package dnstest_test

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/authority"
	"github.com/twistor-go/twistor/protocol/dns/dnstest"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/reactor"
)

const twistedZone = `$ORIGIN example.
$TTL 300
@ SOA ns admin 7 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
www A 192.0.2.1
six AAAA 2001:db8::1
mail MX 10 www
alias CNAME www
note TXT "one" "two"
_sip._tcp SRV 1 2 5060 www
`

// ours is a server of ours for zone, on the real network, which anybody may copy.
func ours(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	z, err := zone.Read(strings.NewReader(text), zone.Options{Origin: dns.MustParseName("example")})
	if err != nil {
		t.Fatal(err)
	}
	r := reactor.New(&reactor.Config{Loops: 1, Log: slog.New(slog.DiscardHandler)})
	l := r.Loop()
	a := authority.New(l, authority.Config{})
	a.AddPrimary(z, authority.Primary{Transfer: []authority.Grant{{From: netip.MustParsePrefix("127.0.0.0/8")}}}).Done(func(_ struct{}, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	s := &dns.Server{Handler: a.Handler(l), Opcodes: authority.Opcodes()}
	addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), dnstest.FreePort(t))
	if _, err := l.ListenPacket(twistor.ListenConfig{Network: "udp", Address: addr.String()}, s.Packets()); err != nil {
		t.Fatal(err)
	}
	if _, err := twistor.Listen(l, "tcp", addr.String(), s.Factory()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		r.Close()
	})
	return addr
}

// N15, N17: Twisted's client learns from our server what it learns from nsd, by
// UDP and, of the whole zone, by TCP.
func TestN17TwistedAsks(t *testing.T) {
	questions := []string{"www.example A", "six.example AAAA", "mail.example MX", "alias.example CNAME",
		"note.example TXT", "_sip._tcp.example SRV", "example SOA", "example NS", "nowhere.example A", "elsewhere.test A", "example AXFR"}
	want := []string{"A 192.0.2.1", "AAAA 2001:db8::1", "MX 10 www.example", "CNAME www.example",
		"TXT one two", "SRV 1 2 5060 www.example", "SOA 7", "NS ns.example", "DNSNameError", "DNSQueryRefusedError"}

	got := dnstest.Twisted(t, ours(t, twistedZone), questions...)
	if len(got) != len(questions) {
		t.Fatalf("got %q, want %d lines", got, len(questions))
	}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("%s: got %q, want %q", questions[i], got[i], w)
		}
	}
	nsd := dnstest.Config{Zones: []dnstest.Zone{{Name: "example.", Text: twistedZone, Transfer: dnstest.Anyone}}}.NSD(t)
	theirs := dnstest.Twisted(t, nsd.Addr, questions...)
	// Records of a transfer come in any order.
	for _, lines := range [][]string{got, theirs} {
		whole := strings.Split(lines[len(lines)-1], "; ")
		slices.Sort(whole)
		lines[len(lines)-1] = strings.Join(whole, "; ")
	}
	if !slices.Equal(got, theirs) {
		t.Errorf("ours:\n%s\nnsd's:\n%s", strings.Join(got, "\n"), strings.Join(theirs, "\n"))
	}
}
