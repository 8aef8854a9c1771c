package dnstest

import (
	"fmt"
	"strings"
	"testing"
)

// Unbound starts unbound, which answers from its zones and, if Recursive, looks
// up what is in none.
func (c Config) Unbound(t testing.TB) *Server {
	t.Helper()
	return c.launch(t, "unbound", func(c Config) []string {
		if c.Hints != "" {
			put(t, c.Dir, "hints", c.Hints)
		}
		put(t, c.Dir, "unbound.conf", c.unbound())
		return []string{"-d", "-p", "-c", "unbound.conf"}
	})
}

// See unbound.conf(5).
func (c Config) unbound() string {
	var b strings.Builder
	fmt.Fprintf(&b, "server:\n interface: %s@%d\n directory: %q\n", c.Addr.Addr(), c.Addr.Port(), c.Dir)
	b.WriteString(" username: \"\"\n chroot: \"\"\n pidfile: \"\"\n do-daemonize: no\n use-syslog: no\n verbosity: 1\n num-threads: 1\n")
	// Its upstreams are on the loopback too, and have private addresses and names.
	b.WriteString(" do-not-query-localhost: no\n do-ip6: no\n unblock-lan-zones: yes\n insecure-lan-zones: yes\n local-zone: test. nodefault\n")
	access := "refuse_non_local"
	modules := "iterator"
	if c.Recursive {
		access = "allow"
	}
	if len(c.Anchors) > 0 {
		modules = "validator iterator"
	}
	fmt.Fprintf(&b, " access-control: 127.0.0.0/8 %s\n module-config: %q\n", access, modules)
	if c.Hints != "" {
		b.WriteString(" root-hints: hints\n")
	}
	for _, a := range c.Anchors {
		fmt.Fprintf(&b, " trust-anchor: %q\n", a)
	}
	b.WriteString(c.Extra + "\n")
	for _, u := range c.Upstreams {
		kind := "forward"
		if u.Authoritative {
			kind = "stub"
		}
		fmt.Fprintf(&b, "%s-zone:\n name: %q\n", kind, u.Zone)
		for _, a := range u.Addrs {
			fmt.Fprintf(&b, " %s-addr: %s@%d\n", kind, a.Addr(), a.Port())
		}
	}
	for i, z := range c.Zones {
		fmt.Fprintf(&b, "auth-zone:\n name: %q\n for-downstream: yes\n for-upstream: yes\n zonefile: %s\n", z.Name, zoneFile(i))
		if p := z.Primary; p.Addr.IsValid() {
			fmt.Fprintf(&b, " primary: %s@%d\n allow-notify: %s\n", p.Addr.Addr(), p.Addr.Port(), p.Addr.Addr())
		}
		b.WriteString(z.Extra + "\n")
	}
	return b.String() + "remote-control:\n control-enable: no\n" + c.More + "\n"
}
