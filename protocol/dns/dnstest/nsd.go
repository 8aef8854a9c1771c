package dnstest

import (
	"fmt"
	"strings"
	"testing"
)

// NSD starts nsd.
func (c Config) NSD(t testing.TB) *Server {
	t.Helper()
	return c.launch(t, "nsd", func(c Config) []string {
		put(t, c.Dir, "nsd.conf", c.nsd())
		return []string{"-d", "-c", "nsd.conf"}
	})
}

// See nsd.conf(5).
func (c Config) nsd() string {
	var b strings.Builder
	fmt.Fprintf(&b, "server:\n ip-address: %s@%d\n zonesdir: %q\n xfrdir: %q\n", c.Addr.Addr(), c.Addr.Port(), c.Dir, c.Dir)
	fmt.Fprintf(&b, " xfrdfile: %q\n zonelistfile: %q\n", c.Dir+"/xfrd.state", c.Dir+"/zone.list")
	// Without a name it stays who it is. The longest wait between tries of a
	// transfer is the test's patience.
	b.WriteString(" username: \"\"\n chroot: \"\"\n pidfile: \"\"\n database: \"\"\n server-count: 1\n verbosity: 2\n xfrd-reload-timeout: 0\n")
	fmt.Fprintf(&b, "%s\nremote-control:\n control-enable: no\n", c.Extra)
	for _, k := range c.Keys {
		fmt.Fprintf(&b, "key:\n name: %q\n algorithm: %s\n secret: %q\n", k.Name, k.algorithm(), k.Secret)
	}
	for i, z := range c.Zones {
		fmt.Fprintf(&b, "zone:\n name: %q\n zonefile: %q\n", z.Name, zoneFile(i))
		if p := z.Primary; p.Addr.IsValid() {
			fmt.Fprintf(&b, " request-xfr: %s@%d %s\n", p.Addr.Addr(), p.Addr.Port(), nsdKey(p))
			fmt.Fprintf(&b, " allow-notify: %s %s\n", p.Addr.Addr(), nsdKey(p))
		}
		for _, r := range z.Notify {
			fmt.Fprintf(&b, " notify: %s@%d %s\n notify-retry: 1\n", r.Addr.Addr(), r.Addr.Port(), nsdKey(r))
		}
		for _, r := range z.Transfer {
			if r.Addr.IsValid() {
				fmt.Fprintf(&b, " provide-xfr: %s %s\n", r.Addr.Addr(), nsdKey(r))
			} else {
				fmt.Fprintf(&b, " provide-xfr: 0.0.0.0/0 %s\n provide-xfr: ::/0 %s\n", nsdKey(r), nsdKey(r))
			}
		}
		b.WriteString(z.Extra + "\n")
	}
	return b.String() + c.More + "\n"
}

func nsdKey(r Remote) string {
	if r.Key == "" {
		return "NOKEY"
	}
	return r.Key
}
