package dnstest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Knot starts knotd.
func (c Config) Knot(t testing.TB) *Server {
	t.Helper()
	return c.launch(t, "knotd", func(c Config) []string {
		if err := os.MkdirAll(filepath.Join(c.Dir, "db"), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, c.Dir, "knot.conf", c.knot())
		return []string{"-c", "knot.conf"}
	})
}

// See knot.conf(5).
func (c Config) knot() string {
	var b strings.Builder
	fmt.Fprintf(&b, "server:\n rundir: %q\n listen: %s@%d\n", c.Dir, c.Addr.Addr(), c.Addr.Port())
	b.WriteString(" udp-workers: 1\n tcp-workers: 1\n background-workers: 1\n" + c.Extra + "\n")
	fmt.Fprintf(&b, "log:\n - target: stderr\n   any: info\ndatabase:\n storage: %q\n", c.Dir+"/db")
	// Two maps of 500 MiB and more would be reserved for journals.
	b.WriteString(" journal-db-max-size: 16M\n kasp-db-max-size: 16M\n timer-db-max-size: 16M\n catalog-db-max-size: 16M\n")
	if len(c.Keys) > 0 {
		b.WriteString("key:\n")
	}
	for _, k := range c.Keys {
		fmt.Fprintf(&b, " - id: %s\n   algorithm: %s\n   secret: %s\n", k.Name, k.algorithm(), k.Secret)
	}
	// Sections of one name stand together, and before what refers to them.
	var remotes, rules, zones strings.Builder
	for i, z := range c.Zones {
		fmt.Fprintf(&zones, " - domain: %s\n   storage: %q\n   file: %s\n", z.Name, c.Dir, zoneFile(i))
		if !strings.Contains(z.Extra, "zonefile-sync") {
			zones.WriteString("   zonefile-sync: -1\n") // the test's own file stays as it is
		}
		var acl []string
		allow := func(action string, who []Remote) {
			for _, r := range who {
				id := fmt.Sprintf("a%d_%d", i, len(acl))
				acl = append(acl, id)
				fmt.Fprintf(&rules, " - id: %s\n   action: %s\n", id, action)
				if r.Addr.IsValid() {
					fmt.Fprintf(&rules, "   address: %s\n", r.Addr.Addr())
				}
				if r.Key != "" {
					fmt.Fprintf(&rules, "   key: %s\n", r.Key)
				}
			}
		}
		remote := func(id string, r Remote) string {
			fmt.Fprintf(&remotes, " - id: %s\n   address: %s@%d\n", id, r.Addr.Addr(), r.Addr.Port())
			if r.Key != "" {
				fmt.Fprintf(&remotes, "   key: %s\n", r.Key)
			}
			return id
		}
		if z.Primary.Addr.IsValid() {
			fmt.Fprintf(&zones, "   master: %s\n", remote(fmt.Sprintf("p%d", i), z.Primary))
			allow("notify", []Remote{z.Primary})
		}
		allow("transfer", z.Transfer)
		allow("update", z.Update)
		var notified []string
		for j, r := range z.Notify {
			notified = append(notified, remote(fmt.Sprintf("n%d_%d", i, j), r))
		}
		if len(notified) > 0 {
			fmt.Fprintf(&zones, "   notify: [%s]\n", strings.Join(notified, ", "))
		}
		if len(acl) > 0 {
			fmt.Fprintf(&zones, "   acl: [%s]\n", strings.Join(acl, ", "))
		}
		zones.WriteString(z.Extra + "\n")
	}
	for _, s := range []struct{ name, text string }{{"remote", remotes.String()}, {"acl", rules.String()}, {"zone", zones.String()}} {
		if s.text != "" {
			fmt.Fprintf(&b, "%s:\n%s", s.name, s.text)
		}
	}
	return b.String() + c.More + "\n"
}
