package dnstest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// Named starts bind9's named. It listens only where an interface has the
// address, so of the loopback at 127.0.0.1 and ::1.
func (c Config) Named(t testing.TB) *Server {
	t.Helper()
	if ip := c.Addr.Addr(); ip.IsValid() && ip.Is4() && ip != localhost {
		t.Fatalf("named at %v: want %v, or ::1: it asks the interfaces", ip, localhost)
	}
	return c.launch(t, "named", func(c Config) []string {
		if c.Hints != "" {
			put(t, c.Dir, "hints", c.Hints)
		}
		put(t, c.Dir, "named.conf", c.named())
		return []string{"-g", "-n", "1", "-c", "named.conf"}
	})
}

// See https://bind9.readthedocs.io/en/v9.18/reference.html.
func (c Config) named() string {
	var b strings.Builder
	fmt.Fprintf(&b, "options {\n directory %q;\n%s", c.Dir, namedListen(c.Addr))
	b.WriteString(" pid-file none;\n session-keyfile none;\n allow-query { any; };\n empty-zones-enable no;\n")
	fmt.Fprintf(&b, " recursion %s;\n allow-recursion { any; };\n", yes(c.Recursive))
	if !strings.Contains(c.Extra, "dnssec-validation") {
		fmt.Fprintf(&b, " dnssec-validation %s;\n", yes(len(c.Anchors) > 0))
	}
	if c.Port != 0 {
		fmt.Fprintf(&b, " port %d;\n", c.Port)
	}
	for _, u := range c.Upstreams {
		if u.Zone == "." && !u.Authoritative {
			b.WriteString(forwarders(u.Addrs))
		}
	}
	// Notifies, and questions to a primary, come at once.
	b.WriteString(" notify-delay 0;\n serial-query-rate 1000;\n notify-rate 1000;\n startup-notify-rate 1000;\n" + c.Extra + "\n};\ncontrols { };\n")
	for _, k := range c.Keys {
		fmt.Fprintf(&b, "key %q { algorithm %s; secret %q; };\n", k.Name, k.algorithm(), k.Secret)
	}
	if len(c.Anchors) > 0 {
		b.WriteString("trust-anchors {\n")
		for _, a := range c.Anchors {
			b.WriteString(namedAnchor(a))
		}
		b.WriteString("};\n")
	}
	if c.Hints != "" {
		b.WriteString("zone \".\" { type hint; file \"hints\"; };\n")
	}
	for _, u := range c.Upstreams {
		switch {
		case u.Authoritative:
			fmt.Fprintf(&b, "zone %q { type static-stub; server-addresses { %s}; };\n", u.Zone, addresses(u.Addrs))
		case u.Zone != ".":
			fmt.Fprintf(&b, "zone %q { type forward;\n%s};\n", u.Zone, forwarders(u.Addrs))
		}
	}
	for i, z := range c.Zones {
		fmt.Fprintf(&b, "zone %q {\n file %q;\n", z.Name, zoneFile(i))
		if p := z.Primary; p.Addr.IsValid() {
			fmt.Fprintf(&b, " type secondary;\n masterfile-format text;\n primaries { %s};\n allow-notify { %s};\n", namedTarget(p), namedRule([]Remote{p}))
		} else {
			fmt.Fprintf(&b, " type primary;\n allow-update { %s};\n", namedRule(z.Update))
		}
		fmt.Fprintf(&b, " allow-transfer { %s};\n notify explicit;\n also-notify { ", namedRule(z.Transfer))
		for _, r := range z.Notify {
			b.WriteString(namedTarget(r))
		}
		b.WriteString("};\n" + z.Extra + "\n};\n")
	}
	return b.String() + c.More + "\n"
}

func namedListen(at netip.AddrPort) string {
	if at.Addr().Is4() {
		return fmt.Sprintf(" listen-on port %d { %s; };\n listen-on-v6 { none; };\n", at.Port(), at.Addr())
	}
	return fmt.Sprintf(" listen-on { none; };\n listen-on-v6 port %d { %s; };\n", at.Port(), at.Addr())
}

func forwarders(to []netip.AddrPort) string {
	var b strings.Builder
	b.WriteString(" forward only;\n forwarders { ")
	for _, a := range to {
		fmt.Fprintf(&b, "%s port %d; ", a.Addr(), a.Port())
	}
	return b.String() + "};\n"
}

func addresses(of []netip.AddrPort) string {
	var b strings.Builder
	for _, a := range of {
		fmt.Fprintf(&b, "%s; ", a.Addr())
	}
	return b.String()
}

func namedTarget(r Remote) string {
	key := ""
	if r.Key != "" {
		key = fmt.Sprintf(" key %q", r.Key)
	}
	return fmt.Sprintf("%s port %d%s; ", r.Addr.Addr(), r.Addr.Port(), key)
}

// namedRule is an address match list: who has an address and a key must match both.
func namedRule(who []Remote) string {
	var b strings.Builder
	for _, r := range who {
		switch {
		case r.Addr.IsValid() && r.Key != "":
			fmt.Fprintf(&b, "!{ !%s; any; }; key %q; ", r.Addr.Addr(), r.Key)
		case r.Addr.IsValid():
			fmt.Fprintf(&b, "%s; ", r.Addr.Addr())
		case r.Key != "":
			fmt.Fprintf(&b, "key %q; ", r.Key)
		default:
			b.WriteString("any; ")
		}
	}
	if b.Len() == 0 {
		return "none; "
	}
	return b.String()
}

// namedAnchor turns a DS or DNSKEY record into one of trust-anchors.
func namedAnchor(record string) string {
	f := strings.Fields(record)
	for i, word := range f {
		if (word == "DS" || word == "DNSKEY") && len(f) > i+4 {
			kind := map[string]string{"DS": "static-ds", "DNSKEY": "static-key"}[word]
			return fmt.Sprintf(" %q %s %s %s %s %q;\n", f[0], kind, f[i+1], f[i+2], f[i+3], strings.Join(f[i+4:], ""))
		}
	}
	return fmt.Sprintf(" # %q: want a DS or a DNSKEY record\n", record)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
