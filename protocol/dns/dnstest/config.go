package dnstest

import (
	"net/netip"
	"strings"
	"testing"
)

// A Config is what a server is told. The zero value serves nothing to everybody
// on the loopback.
type Config struct {
	// Addr is where it listens, UDP and TCP, such as 127.0.0.7:5353. Zero: a free
	// port of 127.0.0.1.
	Addr netip.AddrPort
	// Dir is its folder, for what a test puts there before, such as keys. "": a new one.
	Dir   string
	Zones []Zone
	Keys  []Key

	// Recursive has bind9 and unbound look up for others what is in no zone; nsd
	// and knot cannot.
	Recursive bool
	// Hints is the text of the root's hints. "": the real ones, which no test reaches.
	Hints string
	// Port is where name servers that are found by recursion listen; of bind9
	// only. 0: 53.
	Port uint16
	// Anchors are the keys trusted, as DS or DNSKEY records: "example. DS 1 13 2 AB...".
	// None: nothing is validated.
	Anchors []string
	// Upstreams answer for some zones, or for all.
	Upstreams []Upstream

	// Extra is put into the main section of the configuration: options of
	// bind9, server of the others.
	Extra string
	// More is put at its end.
	More string
}

// A Zone is one that a server serves.
type Zone struct {
	Name string // absolute: "example."
	// Text is its master file. A server with a Primary needs none.
	Text string
	// Primary is where it comes from. Zero: from Text.
	Primary Remote
	// Transfer and Update are who may; Notify is who hears of changes. Anyone:
	// everybody. Notifies of Primary are always believed.
	Transfer, Update, Notify []Remote
	// Extra is put into the zone's section.
	Extra string
}

// A Remote is another server or client. In who may do something, the port does
// not matter, and a zero Addr stands for any.
type Remote struct {
	Addr netip.AddrPort
	Key  string // name of one of Config.Keys; "": none
}

// Anyone is everybody, without a key.
var Anyone = []Remote{{}}

// A Key is a TSIG key.
type Key struct {
	Name      string // absolute: "transfer."
	Algorithm string // "": hmac-sha256
	Secret    string // in base64
}

// Arg is the key as dig -y, kdig -y and nsupdate -y take it.
func (k Key) Arg() string { return k.algorithm() + ":" + k.Name + ":" + k.Secret }

func (k Key) algorithm() string {
	if k.Algorithm == "" {
		return "hmac-sha256"
	}
	return strings.TrimSuffix(k.Algorithm, ".")
}

// An Upstream answers for a zone and what is below it.
type Upstream struct {
	Zone  string // ".": for everything
	Addrs []netip.AddrPort
	// Authoritative are name servers of the zone; others do the recursion
	// themselves. With bind9 they are at Config.Port.
	Authoritative bool
}

// NSD starts nsd, and returns where it listens.
func NSD(t testing.TB, zones ...Zone) netip.AddrPort {
	t.Helper()
	return Config{Zones: zones}.NSD(t).Addr
}

// Knot starts knotd, and returns where it listens.
func Knot(t testing.TB, zones ...Zone) netip.AddrPort {
	t.Helper()
	return Config{Zones: zones}.Knot(t).Addr
}

// Named starts bind9's named, and returns where it listens.
func Named(t testing.TB, zones ...Zone) netip.AddrPort {
	t.Helper()
	return Config{Zones: zones}.Named(t).Addr
}

// Unbound starts unbound, and returns where it listens.
func Unbound(t testing.TB, zones ...Zone) netip.AddrPort {
	t.Helper()
	return Config{Zones: zones}.Unbound(t).Addr
}
