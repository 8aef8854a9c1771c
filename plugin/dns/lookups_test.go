package dns

import (
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// G07, N07, N09, N10: zones first, then hosts, then the cache, then the server that
// is asked; a name that was looked up is not asked for again, and --cache 0 asks each
// time.
func TestG07Forward(t *testing.T) {
	for _, tc := range []struct {
		args  []string
		asked uint64
	}{{nil, 2}, {[]string{"--cache", "0"}, 4}} {
		w := sim.New(t, 1)
		above := serve(t, w, "above", map[string]string{"b.zone": apex("1") + "www A 192.0.2.1\n"}, "--zone", "b.zone")
		s := serve(t, w, "server", map[string]string{"a.zone": apex("1") + "www A 192.0.2.2\n", "hosts": "192.0.2.3 www.b printer\n"},
			append([]string{"--zone", "a.zone", "--forward", above.host.Addr().String(), "--hosts", "hosts"}, tc.args...)...)
		s.want("www.a. A", "NOERROR AA 192.0.2.2")
		s.want("printer. A", "NOERROR 192.0.2.3")
		s.want("www.b. A", "NOERROR 192.0.2.3")
		before := queries(above)
		for range 2 { // on whatever loop
			s.want("ns.b. A", "NOERROR 192.0.2.53")
			s.want("nobody.b. A", "NXDOMAIN")
		}
		if got := queries(above) - before; got != tc.asked {
			t.Errorf("%q: the server above was asked %d times, want %d", tc.args, got, tc.asked)
		}
		s.write("hosts", "192.0.2.33 www.b\n")
		s.client.Do(func(co *deferred.Co) error { return co.Sleep(6 * time.Second) })
		s.want("www.b. A", "NOERROR 192.0.2.3") // it is read meanwhile
		s.want("www.b. A", "NOERROR 192.0.2.33")
	}
}

// queries is how many a server had.
func queries(s *serving) (n uint64) {
	for _, one := range s.tree().sites {
		stats := one.Stats()
		for _, q := range stats.Queries {
			n += q
		}
	}
	return n
}

// G07: servers of a resolv.conf are asked, and what they refuse is refused.
func TestG07ResolvConf(t *testing.T) {
	w := sim.New(t, 1)
	one := serve(t, w, "one", map[string]string{"b.zone": apex("1") + "www A 192.0.2.1\n"}, "--zone", "b.zone")
	s := serve(t, w, "server", map[string]string{"resolv": "nameserver " + one.host.Addr().String() + "\n"}, "--resolv-conf", "resolv")
	s.want("www.b. A", "NOERROR 192.0.2.1")
	s.want("www.c. A", "REFUSED")
}

// G07, N11, N07: from the root down, by hints of a root of one's own.
func TestG07Recursive(t *testing.T) {
	w := sim.New(t, 1)
	leaf := serve(t, w, "leaf", map[string]string{"b.zone": apex("1") + "www A 192.0.2.1\n"}, "--zone", "b.zone")
	addr := leaf.host.Addr().String()
	root := serve(t, w, "root", map[string]string{
		"zone": ". 60 SOA a.root. x. 1 1 1 1 1\n. 60 NS a.root.\na.root. 60 A " + w.Host("root").Addr().String() + "\nb. 60 NS ns.b.\nns.b. 60 A " + addr + "\n",
	}, "--zone", ".=zone")
	s := serve(t, w, "server", map[string]string{"hints": ". 60 NS a.root.\na.root. 60 A " + root.host.Addr().String() + "\n"},
		"--recursive", "--root-hints", "hints", "--validate=no")
	s.want("www.b. A", "NOERROR 192.0.2.1")
	s.want("nobody.b. A", "NXDOMAIN")
	s.want("nobody. A", "NXDOMAIN")
	s.want("1.0.0.10.in-addr.arpa. PTR", "NXDOMAIN") // nobody else's business
}
