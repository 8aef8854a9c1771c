package resolver

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// answers is a Handler of a test: it says what f returns for a query.
func answers(f func(q *dns.Query) *dns.Message) dns.Handler {
	return dns.HandlerFunc(func(w *dns.ResponseWriter, q *dns.Query) {
		if m := f(q); m != nil {
			w.WriteMessage(m)
		} else {
			w.SetRcode(dns.RcodeRefused)
		}
	})
}

// authoritative is an answer with records of its sections.
func authoritative(answer, authority, additional []dns.RR) *dns.Message {
	m := new(dns.Message)
	m.Response, m.Authoritative = true, len(authority) == 0 || len(answer) > 0
	m.Answer, m.Ns, m.Extra = answer, authority, additional
	return m
}

// attacked is a tree with evil.com, whose server says what f wants, and
// victim.com.
func attacked(t *testing.T, w *sim.World, f func(q *dns.Query) *dns.Message) *tree {
	tr := newTree(t, w)
	tr.serve("root", ".\n@ NS ns.root.\nns.root. A $root\ncom. NS ns.com.\nns.com. A $com\n")
	tr.serve("com", "com\n@ NS ns\nns A $com\nevil NS ns.evil\nns.evil A $evil\nvictim NS ns.victim\nns.victim A $victim\n"+
		"a NS ns.b\nb NS ns.a\n") // each served by the other, TsuNAME's seed
	tr.serve("victim", "victim.com\n@ NS ns\nns A $victim\nwww A 192.0.2.1\n")
	tr.handle("evil", answers(f))
	return tr
}

// TestDNS_07 asks for names of an attacker: the cost of each question is
// bounded, in queries, in names of servers looked up, in aliases and in time.
func TestDNS_07(t *testing.T) {
	t.Run("a hundred servers without addresses (NXNSAttack)", func(t *testing.T) {
		sim.Seeds(t, 5, func(t *testing.T, w *sim.World) {
			tr := attacked(t, w, func(q *dns.Query) *dns.Message {
				var ns []dns.RR
				for i := range 100 {
					ns = append(ns, rrs(fmt.Sprintf("sub.evil.com. 60 IN NS ns%d.x%d.victim.com.", i, i))...)
				}
				return authoritative(nil, ns, nil)
			})
			if _, err := tr.ask(tr.r, "www.sub.evil.com.", dns.TypeA); err == nil {
				t.Error("there is an answer")
			}
			// Two types for each of five names, some with a name in between.
			if got := tr.served["victim"]; got == 0 || got > maxFetched*2*3 {
				t.Errorf("the victim got %d queries, want some, for up to %d names", got, maxFetched)
			}
			if got := tr.r.Stats.Queries; got > 40 {
				t.Errorf("it took %d queries", got)
			}
			before := tr.served["victim"]
			tr.ask(tr.r, "www2.sub.evil.com.", dns.TypeA)
			if got := tr.served["victim"] - before; got > maxFetched*2*3 {
				t.Errorf("the second question cost the victim %d queries", got)
			}
		})
	})
	t.Run("referrals to ever more zones", func(t *testing.T) {
		sim.Seeds(t, 3, func(t *testing.T, w *sim.World) {
			n := 0
			tr := attacked(t, w, func(q *dns.Query) *dns.Message {
				n++ // each name leads to five others, which do the same
				var ns []dns.RR
				for i := range 5 {
					ns = append(ns, rrs(fmt.Sprintf("%s 60 IN NS ns%d.z%d.evil.com.", q.Name, i, n*5+i))...)
				}
				return authoritative(nil, ns, nil)
			})
			if _, err := tr.ask(tr.r, "www.evil.com.", dns.TypeA); err == nil {
				t.Error("there is an answer")
			}
			if got := tr.r.Stats.Queries; got < 20 || got > DefaultMaxQueries {
				t.Errorf("it took %d queries, want some, and up to %d", got, DefaultMaxQueries)
			}
		})
	})
	t.Run("aliases without end", func(t *testing.T) {
		n := 0
		w := sim.New(t, 1)
		tr := attacked(t, w, func(q *dns.Query) *dns.Message {
			n++
			return authoritative(rrs(fmt.Sprintf("%s 0 IN CNAME n%d.evil.com.", q.Name, n)), nil, nil)
		})
		if _, err := tr.ask(tr.r, "www.evil.com.", dns.TypeA); err == nil || !strings.Contains(err.Error(), "too many aliases") {
			t.Errorf("got %v", err)
		}
		if n != maxAliases+1 {
			t.Errorf("%d aliases were followed, want %d", n, maxAliases+1)
		}
	})
	t.Run("two zones served from each other (TsuNAME)", func(t *testing.T) {
		w := sim.New(t, 1)
		tr := attacked(t, w, func(*dns.Query) *dns.Message { return nil })
		if _, err := tr.ask(tr.r, "www.a.com.", dns.TypeA); err == nil {
			t.Error("there is an answer")
		}
		if got := tr.r.Stats.Queries; got > 10 {
			t.Errorf("it took %d queries", got)
		}
		for range 10 {
			tr.ask(tr.r, "www.a.com.", dns.TypeA)
		}
		if got := tr.r.Stats.Queries; got > 40 {
			t.Errorf("asked ten times more, it took %d queries", got)
		}
	})
	t.Run("ten seconds", func(t *testing.T) {
		w := sim.New(t, 1)
		tr := newTree(t, w)
		for i := range 12 {
			w.Partition(tr.client, w.Host(fmt.Sprintf("silent%d", i)))
		}
		tr.serve("root", ".\n@ NS ns.root.\nns.root. A $root\n"+func() (s string) {
			for i := range 12 {
				s += fmt.Sprintf("slow. NS ns%d.slow.\nns%d.slow. A $silent%d\n", i, i, i)
			}
			return s
		}())
		began := w.Elapsed()
		_, err := tr.ask(tr.r, "www.slow.", dns.TypeA)
		if took := w.Elapsed() - began; err == nil || took < 9*time.Second || took > DefaultDeadline+time.Second {
			t.Errorf("got %v after %v", err, took)
		}
		if f, ok := errors.AsType[*Failure](err); !ok || f.Code != CodeNoReachableAuthority {
			t.Errorf("got %v", err)
		}
	})
}

// TestDNS_08 has an attacker's server send more than it was asked: addresses of
// other names, servers of other zones, what its alias leads to. Nobody who
// asks for those gets any of it.
func TestDNS_08(t *testing.T) {
	forged := rrs("www.victim.com. 86400 IN A 6.6.6.6")
	for _, c := range []struct {
		name string
		m    *dns.Message
	}{
		{"an address more", authoritative(append(rrs("www.evil.com. 60 IN A 6.6.6.6"), forged...), nil, nil)},
		{"glue for another name", authoritative(rrs("www.evil.com. 60 IN A 6.6.6.6"), nil, append(rrs("ns.victim.com. 86400 IN A 6.6.6.6"), forged...))},
		{"servers for another zone", authoritative(rrs("www.evil.com. 60 IN A 6.6.6.6"), rrs("victim.com. 86400 IN NS ns.evil.com."), nil)},
		{"servers for the zone above", authoritative(rrs("www.evil.com. 60 IN A 6.6.6.6"), rrs("com. 86400 IN NS ns.evil.com."), nil)},
		{"a referral upward", authoritative(nil, rrs(". 86400 IN NS ns.evil.com."), nil)},
		{"a referral to another zone", authoritative(nil, rrs("victim.com. 86400 IN NS ns.evil.com."), rrs("ns.evil.com. 60 IN A 6.6.6.6"))},
		{"a zone served by another's server, with an address", authoritative(nil, rrs("www.evil.com. 86400 IN NS ns.victim.com."), rrs("ns.victim.com. 86400 IN A 6.6.6.6"))},
		{"an alias, and where it leads", authoritative(append(rrs("www.evil.com. 60 IN CNAME www.victim.com."), forged...), nil, nil)},
		{"a DNAME above the zone", authoritative(rrs("com. 60 IN DNAME evil.com.", "www.evil.com. 60 IN CNAME www.evil.evil.com."), nil, nil)},
		{"an answer without authority", &dns.Message{Answer: rrs("www.evil.com. 60 IN A 6.6.6.6")}},
		{"that a name of another zone is not there", func() *dns.Message {
			m := authoritative(nil, rrs("com. 86400 IN SOA ns.evil.com. x.evil.com. 1 2 3 4 86400"), nil)
			m.Rcode = dns.RcodeNameError
			return m
		}()},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim.Seeds(t, 3, func(t *testing.T, w *sim.World) {
				tr := attacked(t, w, func(*dns.Query) *dns.Message { return c.m })
				cache := &Cache{Loop: tr.client.Loop(), Resolver: tr.r}
				got := text(tr.ask(cache, "www.evil.com.", dns.TypeA))
				if strings.Contains(got, "www.victim.com., A 6.6.6.6") {
					t.Errorf("the answer was believed: %s", got)
				}
				// A server that has nothing to say of its zone is none.
				own := c.m.Authoritative || len(c.m.Ns) > 0 && c.m.Ns[0].Header().Name == "www.evil.com."
				if lame := strings.Contains(got, "no server of evil.com. answers"); lame == own && c.name != "a DNAME above the zone" {
					t.Errorf("got %s", got)
				}
				// What is the attacker's own to say is believed: the test sees its server.
				if tr.served["evil"] == 0 || c.m.Authoritative && c.m.Answer[0].Header().Rrtype == dns.TypeA && got != "NOERROR, A 6.6.6.6" {
					t.Errorf("the attacker's own name: got %s", got)
				}
				tr.want(cache, "www.victim.com.", dns.TypeA, "NOERROR, A 192.0.2.1")
				tr.want(cache, "ns.victim.com.", dns.TypeA, "NOERROR, A "+tr.ip("victim"))
				tr.want(cache, "victim.com.", dns.TypeNS, "NOERROR, NS ns.victim.com.")
				if tr.served["victim"] == 0 {
					t.Error("the victim's own server was not asked")
				}
			})
		})
	}
}

// TestGhost: a zone that was taken away cannot keep itself alive by what its
// own server says of itself (CVE-2012-1033).
func TestGhost(t *testing.T) {
	w := sim.New(t, 1)
	tr := newTree(t, w)
	root := tr.zone(".\n@ NS ns.root.\nns.root. A $root\nghost. 100 NS ns.ghost.\nns.ghost. 100 A $ghost\n")
	tr.handle("root", handler(func(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal { return root.Serve(w, q) }))
	tr.serve("ghost", "ghost\n@ 86400 NS ns\nns 86400 A $ghost\nwww A 192.0.2.6\n")
	tr.want(tr.r, "www.ghost.", dns.TypeA, "NOERROR, A 192.0.2.6")
	root = tr.zone(".\n@ NS ns.root.\nns.root. A $root\n")
	for range 9 {
		w.Advance(10 * time.Second)
		tr.ask(tr.r, "ghost.", dns.TypeNS)
		tr.ask(tr.r, "ns.ghost.", dns.TypeA)
	}
	w.Advance(11 * time.Second)
	tr.want(tr.r, "www.ghost.", dns.TypeA, "NXDOMAIN")
}

// TestPrivateServers: no zone can have us ask a machine of our own network,
// unless that is allowed.
func TestPrivateServers(t *testing.T) {
	w := sim.New(t, 1)
	tr := plain(t, w)
	tr.r.Allow = nil
	if _, err := tr.ask(tr.r, "www.good.com.", dns.TypeA); err == nil || tr.served["root"] != 0 {
		t.Errorf("got %v, and %d queries at 10.0.0.1", err, tr.served["root"])
	}
	for addr, want := range map[string]bool{"10.1.2.3": false, "127.0.0.1": false, "::ffff:127.0.0.1": false, "fe80::1": false,
		"100.64.0.1": false, "0.0.0.0": false, "255.255.255.255": false, "198.41.0.4": true, "2001:500:2::c": true, "::1": false} {
		if got := PublicAddr(addrOf(addr)); got != want {
			t.Errorf("PublicAddr(%s) = %v", addr, got)
		}
	}
}

// TestDNS_16: while the servers of some names are silent, other names are
// found, and the silent ones fail after their time.
func TestDNS_16(t *testing.T) {
	sim.Seeds(t, 5, func(t *testing.T, w *sim.World) {
		tr := plain(t, w)
		w.Partition(tr.client, w.Host("silent"))
		loop := tr.client.Loop()
		failed, found := 0, 0
		began := loop.Now()
		var longest time.Duration
		for i := range 200 {
			q := dns.Question{Name: fmt.Sprintf("n%d.dead.com.", i), Qtype: dns.TypeA, Qclass: dns.ClassIN}
			tr.r.Resolve(q, dns.Options{}).Done(func(_ *dns.Message, err error) {
				if err != nil {
					failed++
				}
			})
			q.Name = fmt.Sprintf("n%d.wild.good.com.", i)
			tr.r.Resolve(q, dns.Options{}).Done(func(m *dns.Message, err error) {
				if err == nil && len(m.Answer) == 1 {
					found++
					longest = max(longest, loop.Now().Sub(began))
				}
			})
		}
		w.Run(func() bool { return failed == 200 && found == 200 })
		if found != 200 || longest > 3*time.Second {
			t.Errorf("%d of 200 were found, the last after %v", found, longest)
		}
		if took := loop.Now().Sub(began); took < 5*time.Second || took > DefaultDeadline+time.Second {
			t.Errorf("the others failed after %v", took)
		}
	})
}

// TestLoss finds everything over a network that loses, repeats and reorders
// datagrams.
func TestLoss(t *testing.T) {
	sim.Seeds(t, 10, func(t *testing.T, w *sim.World) {
		w.Net.Loss, w.Net.Duplicate, w.Net.Reorder = 0.1, 0.1, 0.1
		tr := plain(t, w)
		found := 0
		for i := range 20 {
			m, err := tr.ask(tr.r, fmt.Sprintf("n%d.wild.good.com.", i), dns.TypeA)
			if err == nil && len(m.Answer) == 1 {
				found++
			}
			w.Advance(time.Minute)
		}
		if found < 18 {
			t.Errorf("%d of 20 were found", found)
		}
	})
}
