package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnstest"
	"github.com/twistor-go/twistor/reactor"
)

// running is the loop of a reactor that runs until the test ends.
func running(t *testing.T, c reactor.Config) twistor.Loop {
	c.Loops = 1
	r := reactor.New(&c)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	l := r.Loop()
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
		r.Close()
	})
	return l
}

// on waits for what f, called on the loop, returns.
func on[T any](t *testing.T, l twistor.Loop, f func() *deferred.Deferred[T]) (T, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return deferred.Call(ctx, l, f)
}

// zoneOfPeers has a name of each sort, and an answer that is too long for a
// datagram.
func zoneOfPeers() string {
	var b strings.Builder
	b.WriteString("$ORIGIN example.\n$TTL 300\n@ SOA ns.example. admin.example. 1 3600 600 86400 60\n@ NS ns\n@ MX 20 mail2\n@ MX 10 mail1\nns A 127.0.0.1\nmail1 A 192.0.2.3\nmail2 A 192.0.2.4\n" +
		"www A 192.0.2.1\nwww AAAA 2001:db8::1\nalias CNAME www\n_http._tcp SRV 1 2 80 www\ntext TXT \"one \" \"two\"\n1.2 PTR www\n")
	for i := range 90 {
		fmt.Fprintf(&b, "long A 198.51.100.%d\n", i)
	}
	return b.String()
}

// examine asks a server of zoneOfPeers for all of it.
func examine(t *testing.T, l twistor.Loop, r dns.Resolver) {
	t.Helper()
	check := func(what string, got any, err error, want string) {
		t.Helper()
		if s := fmt.Sprint(got); err != nil || s != want {
			t.Errorf("%s: got %s, %v; want %s", what, s, err, want)
		}
	}
	addrs, err := on(t, l, func() *deferred.Deferred[[]netip.Addr] { return dns.LookupAddrs(r, "alias.example") })
	check("addresses behind an alias", addrs, err, "[2001:db8::1 192.0.2.1]")
	mx, err := on(t, l, func() *deferred.Deferred[[]*dns.MX] { return dns.LookupMX(r, "example") })
	if err != nil || len(mx) != 2 || mx[0].Mx != "mail1.example." {
		t.Errorf("MX: got %v, %v", mx, err)
	}
	text, err := on(t, l, func() *deferred.Deferred[[]string] { return dns.LookupTXT(r, "text.example") })
	check("TXT", text, err, "[one two]")
	long, err := on(t, l, func() *deferred.Deferred[[]netip.Addr] { return dns.LookupAddrs(r, "long.example") })
	check("an answer over TCP", len(long), err, "90")
	_, err = on(t, l, func() *deferred.Deferred[[]netip.Addr] { return dns.LookupAddrs(r, "none.example") })
	if !errors.Is(err, dns.ErrNoSuchName) {
		t.Errorf("no such name: got %v", err)
	}
	_, err = on(t, l, func() *deferred.Deferred[[]*dns.MX] { return dns.LookupMX(r, "www.example") })
	if !errors.Is(err, dns.ErrNoRecords) {
		t.Errorf("no such records: got %v", err)
	}
}

func upstream(t *testing.T, s string) dns.Upstream {
	u, err := dns.ParseUpstream(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestPeersServers: real servers answer the Client as they should, over UDP and
// over TCP, and send their cookies.
func TestPeersServers(t *testing.T) {
	zone := dnstest.Zone{Name: "example.", Text: zoneOfPeers()}
	for _, p := range []struct {
		name  string
		start func(testing.TB, ...dnstest.Zone) netip.AddrPort
	}{{"nsd", dnstest.NSD}, {"knot", dnstest.Knot}, {"named", dnstest.Named}, {"unbound", unbound}} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			addr := p.start(t, zone)
			l := running(t, reactor.Config{})
			for _, scheme := range []string{"udp", "tcp"} {
				c := &dns.Client{Loop: l, Servers: []dns.Upstream{upstream(t, scheme+"://"+addr.String())}}
				examine(t, l, c)
				s, _ := on(t, l, func() *deferred.Deferred[dns.ClientStats] { c.Close(); return deferred.Succeeded(c.Stats()) })
				if s.Wrong != 0 || s.Timeouts != 0 || s.Malformed != 0 || (s.OverTCP == 1) != (scheme == "udp") {
					t.Errorf("%s: got %+v", scheme, s)
				}
			}
		})
	}
}

// unbound serves the zone's records as its own.
func unbound(t testing.TB, zones ...dnstest.Zone) netip.AddrPort {
	named := dnstest.Named(t, zones...)
	return dnstest.Config{Recursive: true, Upstreams: []dnstest.Upstream{{Zone: "example.", Addrs: []netip.AddrPort{named}, Authoritative: true}}}.Unbound(t).Addr
}

// TestPeersTwisted: Twisted's server answers the Client.
func TestPeersTwisted(t *testing.T) {
	twistd := peertest.Program(t, "twistd3")
	dir := t.TempDir()
	zone := `zone = [
    SOA("example", mname="ns.example", rname="admin.example", serial=1, refresh="1H", retry="1H", expire="1H", minimum="1H"),
    NS("example", "ns.example"), A("ns.example", "127.0.0.1"), MX("example", 10, "mail1.example"), MX("example", 20, "mail2.example"),
    A("www.example", "192.0.2.1"), AAAA("www.example", "2001:db8::1"), CNAME("alias.example", "www.example"), TXT("text.example", b"one ", b"two"),
]
for i in range(90): zone.append(A("long.example", "198.51.100.%d" % i))
`
	if err := os.WriteFile(filepath.Join(dir, "zone.py"), []byte(zone), 0o600); err != nil {
		t.Fatal(err)
	}
	port := dnstest.FreePort(t)
	var log strings.Builder
	cmd := exec.Command(twistd, "-n", "--pidfile=", "dns", "--interface=127.0.0.1", fmt.Sprint("--port=", port), "--pyzone=zone.py")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	l := running(t, reactor.Config{})
	c := &dns.Client{Loop: l, Servers: []dns.Upstream{upstream(t, fmt.Sprint("127.0.0.1:", port))}}
	q := dns.Question{Name: "www.example.", Qtype: dns.TypeA, Qclass: dns.ClassIN}
	_, err := on(t, l, func() *deferred.Deferred[struct{}] {
		return deferred.Poll(l, 100*time.Millisecond, func(ctx context.Context) (struct{}, bool, error) {
			m, err := deferred.Call(ctx, l, func() *deferred.Deferred[*dns.Message] { return c.Resolve(q, dns.Options{}) })
			return struct{}{}, err == nil && len(m.Answer) == 1, nil
		})
	})
	if err != nil {
		t.Fatal("does not answer: ", err)
	}
	examine(t, l, c)
}

// TestPeersNames: a reactor whose loops look names up by Names dials hosts that
// a real server knows, without its pool.
func TestPeersNames(t *testing.T) {
	addr := dnstest.NSD(t, dnstest.Zone{Name: "example.", Text: zoneOfPeers()})
	l := running(t, reactor.Config{Names: func(at twistor.Loop) twistor.Resolver {
		u, _ := dns.ParseUpstream(addr.String())
		return &dns.Names{Loop: at, Resolver: &dns.Client{Loop: at, Servers: []dns.Upstream{u}}}
	}})
	got, err := on(t, l, func() *deferred.Deferred[[]netip.Addr] { return l.Resolve("ns.example") })
	if err != nil || fmt.Sprint(got) != "[127.0.0.1]" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err = on(t, l, func() *deferred.Deferred[[]netip.Addr] { return l.Resolve("www.example") }); err != nil || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	_, err = on(t, l, func() *deferred.Deferred[twistor.Protocol] {
		return l.Dial(twistor.DialConfig{Network: "tcp", Address: fmt.Sprint("ns.example:", addr.Port())}, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { t.Abort(); return silent{} }))
	})
	if err != nil {
		t.Errorf("dial: %v", err)
	}
}

type silent struct{}

func (silent) Connected()         {}
func (silent) Received([]byte)    {}
func (silent) Disconnected(error) {}

// TestPeersSystem: this machine's own files are read, whatever they say.
func TestPeersSystem(t *testing.T) {
	l := running(t, reactor.Config{})
	names := &dns.Names{Loop: l, Resolver: &dns.System{Loop: l}}
	got, err := on(t, l, func() *deferred.Deferred[[]netip.Addr] { return names.Resolve("localhost") })
	if err != nil || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	hosts := &dns.Hosts{Loop: l}
	m, err := on(t, l, func() *deferred.Deferred[*dns.Message] {
		return hosts.Resolve(dns.Question{Name: "localhost.", Qtype: dns.TypeA, Qclass: dns.ClassIN}, dns.Options{})
	})
	if err != nil || len(m.Answer) == 0 {
		t.Errorf("got %v, %v", m, err)
	}
}
