package resolver

import (
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// TestN11 finds names from the root's servers on down, over networks of many
// kinds: with glue and without, over aliases, past lame and silent servers.
func TestN11(t *testing.T) {
	sim.Seeds(t, 20, func(t *testing.T, w *sim.World) {
		tr := plain(t, w)
		for _, c := range []struct {
			name string
			t    dns.Type
			want string
		}{
			{"www.good.com.", dns.TypeA, "NOERROR, A 192.0.2.1"},
			{"www.good.com.", dns.TypeAAAA, "NOERROR, AAAA 2001:db8::1"},
			{"www.good.com.", dns.TypeMX, "NOERROR"},
			{"nothing.good.com.", dns.TypeA, "NXDOMAIN"},
			{"alias.good.com.", dns.TypeA, "NOERROR, CNAME www.good.com., A 192.0.2.1"},
			{"alias.good.com.", dns.TypeCNAME, "NOERROR, CNAME www.good.com."},
			{"www.glueless.com.", dns.TypeA, "NOERROR, A 192.0.2.2"},
			{"far.good.com.", dns.TypeA, "NOERROR, CNAME www.glueless.com., A 192.0.2.2"},
			{"a.b.c.d.e.f.g.h.i.j.k.l.m.good.com.", dns.TypeA, "NOERROR, A 192.0.2.9"},
			{"any.thing.wild.good.com.", dns.TypeA, "NOERROR, A 192.0.2.7"},
			{"x.old.good.com.", dns.TypeA, "NOERROR, DNAME new.good.com., CNAME x.new.good.com., A 192.0.2.3"},
			{"www.lame.com.", dns.TypeA, "NOERROR, A 192.0.2.4"},
			{"www.slow.com.", dns.TypeA, "NOERROR, A 192.0.2.5"},
			{"good.com.", dns.TypeNS, "NOERROR, NS ns.good.com."},
			{"com.", dns.TypeNS, "NOERROR, NS ns.com."},
			{"good.com.", dns.TypeDS, "NOERROR"},
			{".", dns.TypeNS, "NOERROR, NS ns.root."},
			{"absent.", dns.TypeA, "NXDOMAIN"},
		} {
			tr.want(tr.r, c.name, c.t, c.want)
		}
		if _, err := tr.ask(tr.r, "www.dead.com.", dns.TypeA); err == nil || !strings.Contains(err.Error(), "no server of dead.com. answers") {
			t.Errorf("a zone without servers: got %v", err)
		}
		if _, err := tr.ask(tr.r, "loop1.good.com.", dns.TypeA); err == nil || !strings.Contains(err.Error(), "too many aliases") {
			t.Errorf("a loop of aliases: got %v", err)
		}
	})
}

// TestSameSeed: what a resolver does is decided by the seed.
func TestSameSeed(t *testing.T) {
	for seed := range uint64(3) {
		var traces [2]string
		for i := range traces {
			w := sim.New(t, seed)
			tr := plain(t, w)
			tr.want(tr.r, "www.slow.com.", dns.TypeA, "NOERROR, A 192.0.2.5")
			tr.want(tr.r, "www.lame.com.", dns.TypeA, "NOERROR, A 192.0.2.4")
			traces[i] = w.Trace()
			w.Close()
		}
		if traces[0] != traces[1] {
			t.Errorf("seed %d: two runs differ", seed)
		}
	}
}
