package dnstest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

const zoneText = `$ORIGIN example.
$TTL 300
@ SOA ns.example. admin.example. %d 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
www A 192.0.2.1
`

func zoneOf(serial int) string { return fmt.Sprintf(zoneText, serial) }

var key = Key{Name: "transfer.", Secret: "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI="}

// Each server answers from a zone's text, and reads another one.
func TestServers(t *testing.T) {
	for _, p := range []struct {
		name  string
		start func(Config, testing.TB) *Server
	}{{"nsd", Config.NSD}, {"knot", Config.Knot}, {"named", Config.Named}} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := p.start(Config{Zones: []Zone{{Name: "example.", Text: zoneOf(1)}}}, t)
			if got := Dig(t, s.Addr, "+short", "www.example.", "A"); got != "192.0.2.1\n" {
				t.Errorf("got %q, want the address in the zone", got)
			}
			if got := Dig(t, s.Addr, "+tcp", "+short", "www.example.", "A"); got != "192.0.2.1\n" {
				t.Errorf("over TCP: got %q, want the address in the zone", got)
			}
			s.Replace("example.", strings.Replace(zoneOf(2), "192.0.2.1", "192.0.2.2", 1))
			AwaitSerial(t, s.Addr, "example.", 2)
			if got := Dig(t, s.Addr, "+short", "www.example.", "A"); got != "192.0.2.2\n" {
				t.Errorf("got %q, want the address in the second text", got)
			}
			s.Stop()
			if _, ok := Serial(s.Addr, "example."); ok {
				t.Error("it answers after Stop")
			}
			s.Start()
			if serial, ok := Serial(s.Addr, "example."); !ok || serial != 2 {
				t.Errorf("started again: serial %d, %v, want 2", serial, ok)
			}
		})
	}
}

// Every server is the secondary of every other, with a key, and hears by NOTIFY
// that there is more.
func TestTransfers(t *testing.T) {
	starts := map[string]func(Config, testing.TB) *Server{"nsd": Config.NSD, "knot": Config.Knot, "named": Config.Named}
	for _, c := range []struct{ from, to string }{{"nsd", "knot"}, {"knot", "named"}, {"named", "nsd"}} {
		t.Run(c.from+" to "+c.to, func(t *testing.T) {
			t.Parallel()
			second := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), FreePort(t))
			first := starts[c.from](Config{
				Keys: []Key{key},
				Zones: []Zone{{Name: "example.", Text: zoneOf(1),
					Transfer: []Remote{{Key: key.Name}}, Notify: []Remote{{Addr: second, Key: key.Name}}}},
			}, t)
			s := starts[c.to](Config{
				Addr:  second,
				Keys:  []Key{key},
				Zones: []Zone{{Name: "example.", Primary: Remote{first.Addr, key.Name}}},
			}, t)
			AwaitSerial(t, s.Addr, "example.", 1)
			first.Replace("example.", zoneOf(5))
			AwaitSerial(t, s.Addr, "example.", 5)

			got := Dig(t, first.Addr, "example.", "AXFR", "-y", key.Arg())
			if !strings.Contains(got, "192.0.2.1") {
				t.Errorf("a transfer with the key: got\n%s", got)
			}
			if got, _ := Feed(t, "", "dig", "@127.0.0.1", "-p", fmt.Sprint(first.Addr.Port()), "example.", "AXFR"); strings.Contains(got, "192.0.2.1") {
				t.Errorf("a transfer without: got\n%s, want none", got)
			}
		})
	}
}

// Updates are for who has the key.
func TestUpdates(t *testing.T) {
	for _, p := range []struct {
		name  string
		start func(Config, testing.TB) *Server
	}{{"knot", Config.Knot}, {"named", Config.Named}} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := p.start(Config{
				Keys:  []Key{key},
				Zones: []Zone{{Name: "example.", Text: zoneOf(1), Update: []Remote{{Key: key.Name}}}},
			}, t)
			if err := Update(t, s.Addr, "example.", key, "update add new.example. 60 A 192.0.2.9"); err != nil {
				t.Fatal(err)
			}
			if got := Dig(t, s.Addr, "+short", "new.example.", "A"); got != "192.0.2.9\n" {
				t.Errorf("got %q, want the address added", got)
			}
			if err := Update(t, s.Addr, "example.", Key{}, "update add bad.example. 60 A 192.0.2.9"); err == nil {
				t.Error("an update without the key succeeded")
			}
		})
	}
}

// Resolvers find a zone from the root's hints (bind9), from a stub (unbound),
// and through each other.
func TestResolvers(t *testing.T) {
	port := FreePort(t, netip.MustParseAddr("127.0.0.21"), netip.MustParseAddr("127.0.0.22"), localhost)
	at := func(ip string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(ip), port) }
	Config{Addr: at("127.0.0.21"), Zones: []Zone{{Name: ".", Text: `. 300 SOA ns. admin. 1 3600 600 86400 60
. 300 NS ns.
ns. 300 A 127.0.0.21
example. 300 NS ns.example.
ns.example. 300 A 127.0.0.22
`}}}.NSD(t)
	leaf := Config{Addr: at("127.0.0.22"), Zones: []Zone{{Name: "example.", Text: strings.Replace(zoneOf(1), "127.0.0.1", "127.0.0.22", 1)}}}.Knot(t)

	named := Config{
		Addr: at("127.0.0.1"), Port: port, Recursive: true,
		Hints: ". 300 NS ns.\nns. 300 A 127.0.0.21\n",
		Extra: " qname-minimization off;",
	}.Named(t)
	stub := Config{Recursive: true, Upstreams: []Upstream{{Zone: "example.", Addrs: []netip.AddrPort{leaf.Addr}, Authoritative: true}}}.Unbound(t)
	forwarder := Config{Recursive: true, Upstreams: []Upstream{{Zone: ".", Addrs: []netip.AddrPort{named.Addr}}}}.Unbound(t)
	behind := Config{Recursive: true, Upstreams: []Upstream{{Zone: ".", Addrs: []netip.AddrPort{named.Addr}}}}.Named(t)
	for _, s := range []*Server{named, stub, forwarder, behind} {
		if got := Dig(t, s.Addr, "+short", "www.example.", "A"); got != "192.0.2.1\n" {
			t.Errorf("%s: got %q, want the address in the zone", s.argv[0], got)
		}
	}
	if got := Dig(t, Unbound(t, Zone{Name: "example.", Text: zoneOf(1)}), "+short", "www.example.", "A"); got != "192.0.2.1\n" {
		t.Errorf("unbound's own zone: got %q, want its address", got)
	}
}

// The shorthands, and all clients.
func TestClients(t *testing.T) {
	zone := Zone{Name: "example.", Text: zoneOf(1)}
	for _, addr := range []netip.AddrPort{NSD(t, zone), Knot(t, zone), Named(t, zone)} {
		ip, port := addr.Addr().String(), fmt.Sprint(addr.Port())
		for _, argv := range [][]string{
			{"dig", "+short", "@" + ip, "-p", port, "www.example.", "A"},
			{"kdig", "+short", "@" + ip, "-p", port, "www.example.", "A"},
			{"drill", "-p", port, "www.example.", "@" + ip, "A"},
			{"delv", "+short", "-i", "@" + ip, "-p", port, "www.example.", "A"},
		} {
			if got := Run(t, argv[0], argv[1:]...); !strings.Contains(got, "192.0.2.1") {
				t.Errorf("%v: got %q, want the address", argv, got)
			}
		}
	}
}

func TestNamedAnchor(t *testing.T) {
	for _, c := range []struct{ record, want string }{
		{"example. DS 1 13 2 AB CD", ` "example." static-ds 1 13 2 "ABCD";` + "\n"},
		{"example. 300 IN DNSKEY 257 3 13 qrs=", ` "example." static-key 257 3 13 "qrs=";` + "\n"},
	} {
		if got := namedAnchor(c.record); got != c.want {
			t.Errorf("%s: got %q, want %q", c.record, got, c.want)
		}
	}
}
