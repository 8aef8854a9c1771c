package dns

import (
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/sim"
)

// UC22: --dnssec makes a key, once, and signs the zone, and what a reload brings;
// a resolver with --validate finds its names secure by that key, and those that are
// not there; by another key it refuses them, and without --validate it does not
// look. NSEC and NSEC3 alike.
func TestUC22Signing(t *testing.T) {
	for _, proof := range []string{"NSEC", "NSEC3"} {
		w := sim.New(t, 1)
		args := []string{"--zone", "b.zone", "--dnssec", "keys"}
		if proof == "NSEC3" {
			args = append(args, "--nsec3")
		}
		first := serve(t, w, "first", map[string]string{"b.zone": apex("1") + "www A 192.0.2.1\n"}, args...)
		key := first.ask("b. DNSKEY")
		entries, err := first.host.Loop().FS().ReadDir("keys")
		if err != nil || len(entries) != 2 || strings.Count(key, "257 3 13") != 1 {
			t.Fatalf("%s: got %v and %q, want one key and its two files", proof, entries, key)
		}
		anchor := "b. 3600 IN DNSKEY " + strings.TrimPrefix(key, "NOERROR AA ")
		asks := []string{"--forward", first.host.Addr().String(), "--trust-anchor", "anchor", "--validate"}
		second := serve(t, w, "second", map[string]string{"anchor": anchor}, asks...)
		second.want("www.b. A", "NOERROR AD 192.0.2.1")
		second.want("nobody.b. A", "NXDOMAIN AD")

		wrong := strings.Replace(anchor, "257 3 13 ", "257 3 13 AAAA", 1)
		third := serve(t, w, "third", map[string]string{"anchor": wrong[:len(wrong)-4]}, asks...)
		third.want("www.b. A", "SERVFAIL")
		serve(t, w, "fourth", nil, asks[:2]...).want("www.b. A", "NOERROR 192.0.2.1")

		first.write("b.zone", apex("2")+"www A 192.0.2.2\nnew A 192.0.2.3\n")
		if err := first.reload(); err != nil {
			t.Fatal(err)
		}
		second.want("new.b. A", "NOERROR AD 192.0.2.3")

		// The key is kept, and signatures are renewed in time.
		first.host.Do(first.service.Stop)
		first.service = nil
		again := serve(t, w, "first", nil, args...)
		again.want("b. DNSKEY", key)
		w.Advance(30 * 24 * time.Hour)
		second.want("www.b. A", "NOERROR AD 192.0.2.2")
	}
}
