package resolver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// TestLocal: names with a meaning of their own are answered here, and no server
// hears of them (RFC 6761, RFC 6303).
func TestLocal(t *testing.T) {
	clock := sim.NewClock(t)
	f := &fake{loop: clock, say: func(q dns.Question) (*dns.Message, error) { return said(q.Name + " 60 IN A 192.0.2.1"), nil }}
	l := &Local{Loop: clock, Resolver: f}
	for _, c := range []struct {
		name string
		t    dns.Type
		want string
	}{
		{"localhost.", dns.TypeA, "NOERROR, A 127.0.0.1"},
		{"a.LocalHost.", dns.TypeAAAA, "NOERROR, AAAA ::1"},
		{"localhost.", dns.TypeMX, "NOERROR"},
		{"1.0.0.127.in-addr.arpa.", dns.TypePTR, "NOERROR, PTR localhost."},
		{"x.invalid.", dns.TypeA, "NXDOMAIN"},
		{"x.onion.", dns.TypeA, "NXDOMAIN"},
		{"printer.local.", dns.TypeA, "NXDOMAIN"},
		{"10.in-addr.arpa.", dns.TypeA, "NOERROR"},
		{"3.2.1.10.in-addr.arpa.", dns.TypePTR, "NXDOMAIN"},
		{"1.0.31.172.in-addr.arpa.", dns.TypePTR, "NXDOMAIN"},
		{"1.0.100.100.in-addr.arpa.", dns.TypePTR, "NXDOMAIN"},
		{"1.0.d.f.ip6.arpa.", dns.TypePTR, "NXDOMAIN"},
	} {
		d := l.Resolve(dns.Question{Name: c.name, Qtype: uint16(c.t), Qclass: dns.ClassIN}, dns.Options{})
		if got := text(sim.Result(t, d), nil); got != c.want || len(f.asked) > 0 {
			t.Errorf("%s %s: got %q, want %q; asked %q", c.name, c.t, got, c.want, f.asked)
		}
	}
	for _, name := range []string{"example.", "1.0.32.172.in-addr.arpa.", "notlocalhost.", "8.8.8.8.in-addr.arpa."} {
		f.asked = nil
		sim.Result(t, l.Resolve(dns.Question{Name: name, Qtype: dns.TypeA, Qclass: dns.ClassIN}, dns.Options{}))
		if len(f.asked) != 1 {
			t.Errorf("%s was not asked for", name)
		}
	}
	f.asked, l.Except = nil, []dns.Name{dns.MustParseName("10.in-addr.arpa.")}
	sim.Result(t, l.Resolve(dns.Question{Name: "1.1.1.10.in-addr.arpa.", Qtype: dns.TypePTR, Qclass: dns.ClassIN}, dns.Options{}))
	if len(f.asked) != 1 {
		t.Error("an exception was not asked for")
	}
}

// TestGuard: a name of a stranger cannot have an address of our network, and
// one of ours can.
func TestGuard(t *testing.T) {
	clock := sim.NewClock(t)
	addr := ""
	f := &fake{loop: clock, say: func(q dns.Question) (*dns.Message, error) {
		return said(q.Name+" 60 IN CNAME host.evil.com.", "host.evil.com. 60 IN A "+addr), nil
	}}
	g := &Guard{Loop: clock, Resolver: f, Except: []dns.Name{dns.MustParseName("evil.com.")}}
	ask := func() error {
		d := g.Resolve(dns.Question{Name: "www.evil.com.", Qtype: dns.TypeA, Qclass: dns.ClassIN}, dns.Options{})
		got, _ := d.Result()
		return got.Err
	}
	for _, addr = range []string{"192.168.1.1", "8.8.8.8"} {
		if err := ask(); err != nil {
			t.Errorf("excepted, %s: got %v", addr, err)
		}
	}
	g.Except = nil
	if err := ask(); err != nil {
		t.Errorf("a public address: got %v", err)
	}
	for _, addr = range []string{"192.168.1.1", "127.0.0.1", "10.0.0.1", "169.254.169.254"} {
		if f, ok := errors.AsType[*Failure](ask()); !ok || f.Code != CodeBlocked {
			t.Errorf("%s: got %v", addr, f)
		}
	}
}

// TestMinimised: the servers above hear no more of a name than they need (RFC
// 9156), and one that denies names in between is asked for the whole one.
func TestMinimised(t *testing.T) {
	tr := newTree(t, sim.New(t, 2))
	heard := map[string][]string{}
	listen := func(host string, h dns.Handler) dns.Handler {
		return handler(func(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
			heard[host] = append(heard[host], q.Name.String()+" "+q.Type.String())
			return h.Serve(w, q)
		})
	}
	tr.handle("root", listen("root", tr.zone(".\n@ NS ns.root.\nns.root. A $root\ncom. NS ns.com.\nns.com. A $com\n")))
	tr.handle("com", listen("com", tr.zone("com\n@ NS ns\nns A $com\nshop NS ns.shop\nns.shop A $shop\n")))
	shop := tr.zone("shop.com\n@ NS ns\nns A $shop\nsecret.a.b TXT here\n")
	tr.handle("shop", listen("shop", handler(func(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
		d := shop.Serve(w, q)
		if q.Name.String() == "b.shop.com." {
			w.Reset()
			w.SetAuthoritative(true)
			w.SetRcode(dns.RcodeNameError) // wrong: there are names below
			w.Add(dns.Authority, shop.SOA())
		}
		return d
	})))
	tr.want(tr.r, "secret.a.b.shop.com.", dns.TypeTXT, `NOERROR, TXT "here"`)
	for host, want := range map[string][]string{"root": {". NS", "com. A"}, "com": {"shop.com. A"}, "shop": {"b.shop.com. A", "secret.a.b.shop.com. TXT"}} {
		if !slices.Equal(heard[host], want) {
			t.Errorf("%s heard %q, want %q", host, heard[host], want)
		}
	}
}

// TestIdenticalQueries: what many ask at once is asked once.
func TestIdenticalQueries(t *testing.T) {
	w := sim.New(t, 0)
	tr := plain(t, w)
	n := 0
	for i := range 100 {
		name := "www.good.com."
		if i%2 == 1 {
			name = "WWW.good.com."
		}
		tr.r.Resolve(dns.Question{Name: name, Qtype: dns.TypeA, Qclass: dns.ClassIN}, dns.Options{}).Done(func(m *dns.Message, err error) {
			if err == nil && len(m.Answer) == 1 {
				n++
			}
		})
	}
	w.Run(func() bool { return n == 100 })
	if tr.r.Stats.Queries > 5 || tr.served["good"] != 1 {
		t.Errorf("it took %d queries, %d of them at the server", tr.r.Stats.Queries, tr.served["good"])
	}
	tr = plain(t, sim.New(t, 0))
	n = 0
	for i := range 50 { // other questions, which begin with the same queries
		q := dns.Question{Name: fmt.Sprintf("n%d.wild.good.com.", i), Qtype: dns.TypeA, Qclass: dns.ClassIN}
		tr.r.Resolve(q, dns.Options{}).Done(func(m *dns.Message, err error) {
			if err == nil && len(m.Answer) == 1 {
				n++
			}
		})
	}
	tr.w.Run(func() bool { return n == 50 })
	if tr.served["root"] != 2 || tr.served["com"] != 1 {
		t.Errorf("the root got %d queries, com %d: want 2 and 1", tr.served["root"], tr.served["com"])
	}
}

// TestHints: the built-in ones are whole, and a file without any is refused.
func TestHints(t *testing.T) {
	d := hinted(RootHints())
	if len(d.ns) != 13 || len(known(d)) != 26 {
		t.Errorf("%d servers with %d addresses", len(d.ns), len(known(d)))
	}
	for _, a := range known(d) {
		if !PublicAddr(a) {
			t.Errorf("%s is no public address", a)
		}
	}
	got, err := ReadHints(strings.NewReader(". 3600000 NS A.ROOT-SERVERS.NET.\nA.ROOT-SERVERS.NET. 3600000 A 198.41.0.4\n"), "named.root")
	if err != nil || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	for text, want := range map[string]string{
		"":                             "named.root: want NS records of the root",
		". 60 NS a.example.\n":         "named.root: want NS records of the root",
		". 60 NS a.\na. 60 A 1.2.3.\n": "named.root:2",
	} {
		if _, err := ReadHints(strings.NewReader(text), "named.root"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// TestNew puts all of it together: it answers a dns.Server's clients, from the
// root on down, validated.
func TestNew(t *testing.T) {
	sim.Seeds(t, 3, func(t *testing.T, w *sim.World) {
		st := newSignedTree(t, w, treeConfig{})
		c := New(st.client.Loop(), Config{Hints: st.r.Hints, AllowServer: anyAddr, Anchors: st.anchors})
		for _, name := range []string{"www.good.com.", "www.plain.com.", "localhost."} {
			if m, err := st.ask(c, name, dns.TypeA); err != nil || len(m.Answer) == 0 || m.AuthenticatedData != (name == "www.good.com.") {
				t.Errorf("%s: got %v, %v", name, m, err)
			}
		}
		before := st.served["good"]
		for range 10 {
			st.ask(c, "www.good.com.", dns.TypeA)
		}
		if st.served["good"] != before {
			t.Error("what is known is asked for again")
		}
		if _, err := st.ask(c, "ns.good.com.", dns.TypeA); err == nil || !strings.Contains(err.Error(), "private") {
			t.Errorf("a private address: got %v", err) // 10.0.0.x is the simulator's
		}
	})
}

// TestTable forgets what was used least recently.
func TestTable(t *testing.T) {
	tb := table[int]{max: 3}
	for i := range 5 {
		tb.put(fmt.Sprint(i), i)
		tb.get("0")
	}
	for i, want := range []bool{true, false, false, true, true} {
		if _, ok := tb.get(fmt.Sprint(i)); ok != want {
			t.Errorf("%d: got %v, want %v", i, ok, want)
		}
	}
	tb.remove("0")
	if _, ok := tb.get("0"); ok || len(tb.byKey) != 2 {
		t.Error("what was removed is there")
	}
}
