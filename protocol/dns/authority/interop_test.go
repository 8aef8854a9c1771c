package authority

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnstest"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/reactor"
)

var (
	realKey  = dnstest.Key{Name: "transfer.", Secret: "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI="}
	realText = `$ORIGIN example.
$TTL 300
@ SOA ns.example. admin.example. %d 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
www A 192.0.2.1
* TXT "anything else" "two strings"
mail MX 10 www
alias CNAME www
sub NS ns.sub
ns.sub A 192.0.2.53
a.b.c AAAA 2001:db8::1
_sip._tcp SRV 0 5 5060 www
odd TYPE65280 \# 3 010203
%s
`
)

var servers = []struct {
	name  string
	start func(dnstest.Config, testing.TB) *dnstest.Server
}{{"nsd", dnstest.Config.NSD}, {"knot", dnstest.Config.Knot}, {"named", dnstest.Config.Named}}

// A realSite is an Authority on the real network.
type realSite struct {
	*Authority
	t    testing.TB
	addr netip.AddrPort
	loop twistor.Loop
	ctx  context.Context
}

// openReal runs an Authority at a free port of 127.0.0.1, on n loops.
func openReal(t testing.TB, n int, c Config, keys ...*dns.TSIGKey) *realSite {
	t.Helper()
	ring, err := dns.NewKeyring(keys...)
	if err != nil {
		t.Fatal(err)
	}
	r := reactor.New(&reactor.Config{Loops: n, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	s := &realSite{New(r.Loop(), c), t, netip.AddrPort{}, r.Loop(), nil}
	addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), dnstest.FreePort(t))
	each := twistor.NewEach(r.Loop(), func(_ *twistor.Each[*dns.Server], at twistor.Loop) *dns.Server {
		return &dns.Server{Handler: s.Handler(at), Opcodes: Opcodes(), Keys: ring}
	})
	for _, at := range r.Loop().Siblings() {
		if _, err := at.ListenPacket(twistor.ListenConfig{Network: "udp", Address: addr.String(), ReusePort: true}, each.On(at).Packets()); err != nil {
			t.Fatal(err)
		}
		if _, err := at.Listen(twistor.ListenConfig{Network: "tcp", Address: addr.String(), ReusePort: true}, each.On(at).Factory()); err != nil {
			t.Fatal(err)
		}
	}
	s.addr = addr
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	s.ctx = ctx
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		deferred.Call(ctx, s.loop, func() *deferred.Signal {
			return deferred.Inline(s.loop, func(co *deferred.Co) (struct{}, error) { return struct{}{}, s.Stop(co) })
		})
		cancel()
		<-done
		r.Close()
	})
	return s
}

// do calls f on the home loop and waits for what it returns.
func (s *realSite) do(f func() *deferred.Signal) {
	s.t.Helper()
	if _, err := deferred.Call(s.ctx, s.loop, f); err != nil {
		s.t.Fatal(err)
	}
}

// serial is that of example. on the home loop.
func (s *realSite) serial() uint32 {
	s.t.Helper()
	n, err := deferred.Call(s.ctx, s.loop, func() *deferred.Deferred[uint32] {
		return deferred.Succeeded(s.Zone(example).Serial())
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// realZone is the hard zone with that serial.
func realZone(t testing.TB, serial int, more string) *zone.Zone {
	z, err := zone.Read(strings.NewReader(fmt.Sprintf(realText, serial, more)), zone.Options{Origin: example})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// axfr is the zone as dig gets it, sorted.
func axfr(t testing.TB, at netip.AddrPort) string {
	t.Helper()
	out := dnstest.Dig(t, at, "example.", "AXFR", "+onesoa", "+nocomments", "+nocmd", "+nostats", "-y", realKey.Arg())
	var lines []string
	for line := range strings.Lines(out) {
		if line = strings.Join(strings.Fields(line), " "); line != "" && !strings.HasPrefix(line, ";") && !strings.Contains(line, " TSIG ") {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func realTSIG(t testing.TB) *dns.TSIGKey {
	k, err := dns.ParseTSIGKey(realKey.Arg())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestN15Peers: nsd, knot and bind9 are our secondaries: they fetch the zone, which
// is signed, with a key, hear of changes, and take the difference; dnssec-verify
// finds nothing wrong with what they have.
func TestN15Peers(t *testing.T) {
	for _, p := range servers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			k := realTSIG(t)
			s := openReal(t, 2, Config{}, k)
			second := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), dnstest.FreePort(t))
			s.do(func() *deferred.Signal {
				return s.AddPrimary(realZone(t, 1, ""), Primary{Transfer: []Grant{{Key: k.Name}}, Signing: signing(t),
					Notify: []Peer{{Addr: second, Key: k}}})
			})
			p.start(dnstest.Config{Addr: second, Keys: []dnstest.Key{realKey},
				Zones: []dnstest.Zone{{Name: "example.", Primary: dnstest.Remote{Addr: s.addr, Key: realKey.Name},
					Transfer: []dnstest.Remote{{Key: realKey.Name}}}}}, t)
			await := func() {
				t.Helper()
				dnstest.AwaitSerial(t, second, "example.", s.serial())
				dnstest.AwaitSerial(t, s.addr, "example.", s.serial()) // on the other loop too
			}
			await()
			if got, want := axfr(t, second), axfr(t, s.addr); got != want {
				t.Errorf("AXFR: got\n%s\nwant\n%s", got, want)
			}
			s.do(func() *deferred.Signal {
				return s.Change(example, zone.Change{Removed: records(t, "www.example. 300 IN A 192.0.2.1"),
					Added: records(t, "www.example. 300 IN A 192.0.2.2", "more.example. 60 IN TXT more")})
			})
			await()
			s.do(func() *deferred.Signal { return s.Replace(realZone(t, 9, "again TXT again")) })
			await()
			got := axfr(t, second)
			if want := axfr(t, s.addr); got != want {
				t.Errorf("IXFR: got\n%s\nwant\n%s", got, want)
			}
			file := filepath.Join(t.TempDir(), "example.zone")
			if err := os.WriteFile(file, []byte(got+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			dnstest.Run(t, "dnssec-verify", "-z", "-o", "example.", file)
		})
	}
}

// TestN16Peers: we are the secondary of nsd, knot and bind9: we fetch the zone
// with a key, hear of changes, and take what they give.
func TestN16Peers(t *testing.T) {
	for _, p := range servers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			k := realTSIG(t)
			s := openReal(t, 2, Config{}, k)
			first := p.start(dnstest.Config{Keys: []dnstest.Key{realKey},
				Zones: []dnstest.Zone{{Name: "example.", Text: fmt.Sprintf(realText, 1, ""),
					Transfer: []dnstest.Remote{{Key: realKey.Name}},
					Update:   []dnstest.Remote{{Key: realKey.Name}},
					Notify:   []dnstest.Remote{{Addr: s.addr, Key: realKey.Name}}}}}, t)
			s.do(func() *deferred.Signal {
				return s.AddSecondary(example, Secondary{Primaries: []Peer{{Addr: first.Addr, Key: k}}, Transfer: []Grant{{Key: k.Name}}})
			})
			dnstest.AwaitSerial(t, s.addr, "example.", 1)
			if got, want := axfr(t, s.addr), axfr(t, first.Addr); got != want {
				t.Errorf("AXFR: got\n%s\nwant\n%s", got, want)
			}
			if p.name == "nsd" { // it takes no updates
				first.Replace("example.", fmt.Sprintf(realText, 2, "new.example. 60 A 192.0.2.9"))
				dnstest.AwaitSerial(t, first.Addr, "example.", 2)
			} else if err := dnstest.Update(t, first.Addr, "example.", realKey, "update add new.example. 60 A 192.0.2.9"); err != nil {
				t.Fatal(err)
			}
			serial, _ := dnstest.Serial(first.Addr, "example.")
			dnstest.AwaitSerial(t, s.addr, "example.", serial)
			if got, want := axfr(t, s.addr), axfr(t, first.Addr); got != want {
				t.Errorf("IXFR: got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestUC22Nsupdate: nsupdate changes a zone with a key, and not without; dig,
// drill and kdig see it, by query, AXFR and IXFR.
func TestUC22Nsupdate(t *testing.T) {
	k := realTSIG(t)
	s := openReal(t, 2, Config{}, k)
	s.do(func() *deferred.Signal {
		return s.AddPrimary(realZone(t, 1, ""), Primary{Transfer: []Grant{{Key: k.Name}},
			Update: []UpdateGrant{{Grant: Grant{Key: k.Name}}}})
	})
	if err := dnstest.Update(t, s.addr, "example.", realKey,
		"prereq yxdomain www.example.", "prereq nxrrset new.example. A",
		"update add new.example. 60 A 192.0.2.9", "update delete alias.example."); err != nil {
		t.Fatal(err)
	}
	if got := dnstest.Dig(t, s.addr, "+short", "new.example.", "A"); got != "192.0.2.9\n" {
		t.Errorf("got %q, want the address added", got)
	}
	if err := dnstest.Update(t, s.addr, "example.", realKey, "prereq nxdomain www.example.", "update add no.example. 60 A 192.0.2.9"); err == nil || !strings.Contains(err.Error(), "YXDOMAIN") {
		t.Errorf("a prerequisite that does not hold: got %v", err)
	}
	if err := dnstest.Update(t, s.addr, "example.", dnstest.Key{}, "update add no.example. 60 A 192.0.2.9"); err == nil || !strings.Contains(err.Error(), "REFUSED") {
		t.Errorf("without a key: got %v", err)
	}
	want := "example. 300 IN SOA ns.example. admin.example. 2 3600 600 86400 60"
	port := fmt.Sprint(s.addr.Port())
	for _, c := range [][]string{
		{"dig", "@127.0.0.1", "-p", port, "-y", realKey.Arg(), "example.", "IXFR=1"},
		{"dig", "@127.0.0.1", "-p", port, "-y", realKey.Arg(), "+notcp", "example.", "IXFR=1"},
		{"kdig", "@127.0.0.1", "-p", port, "-y", realKey.Arg(), "example.", "IXFR=1"},
		{"drill", "-t", "-p", port, "-y", realKey.Name + ":" + realKey.Secret + ":hmac-sha256", "@127.0.0.1", "example.", "AXFR"},
	} {
		out := strings.Join(strings.Fields(dnstest.Run(t, c[0], c[1:]...)), " ")
		ixfr := strings.HasPrefix(c[len(c)-1], "IXFR")
		if n := strings.Count(out, want); n != 2 && !ixfr || n != 3 && ixfr {
			t.Errorf("%s: got\n%s\nwant the new SOA at both ends, and within the difference", c, out)
		}
		if !strings.Contains(out, "new.example. 60 IN A 192.0.2.9") {
			t.Errorf("%s: got\n%s\nwant the new record", c, out)
		}
		if ixfr == strings.Contains(out, "mail.example.") {
			t.Errorf("%s: got\n%s\nwant the difference by IXFR, all by AXFR", c, out)
		}
	}
	if out := dnstest.Run(t, "dig", "@127.0.0.1", "-p", port, "example.", "AXFR"); !strings.Contains(out, "Transfer failed") {
		t.Errorf("AXFR without a key: got\n%s", out)
	}
}
