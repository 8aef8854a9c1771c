package authority

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/sim"
)

// TestN14ManyLoops: each loop answers from the version that the home loop made;
// updates and NOTIFYs that come to another are done at home.
func TestN14ManyLoops(t *testing.T) {
	sim.Seeds(t, 10, func(t *testing.T, w *sim.World) {
		h := w.Host("one")
		h.LoopCount = 3
		a := New(h.Loop(), Config{})
		servers := map[int]*dns.Server{}
		for i, at := range h.Loops() {
			servers[i] = &dns.Server{Handler: a.Handler(at), Opcodes: Opcodes()}
		}
		s := &site{a, t, w, h, servers[0]}
		two := open(t, w, "two", Config{})
		two.do(two.AddPrimary(readZone(t, "other.", "@ 300 SOA ns host 1 3600 600 86400 60\n@ 300 NS ns\nns 300 A 192.0.2.1\n"), Primary{Transfer: everybody}))
		s.do(s.AddPrimary(zoneOf(t, 1), Primary{Update: anything}))
		s.do(s.AddSecondary(dns.MustParseName("other."), quick(two.peer())))
		ask := func(i int, m *dns.Message) string {
			p, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			h.Loops()[i].Post(func() {
				servers[i].Answer(h.Loops()[i], p, twistor.Peer{Addr: two.peer().Addr}, dns.OverUDP).Done(func(b []byte, _ error) { got = b })
			})
			w.Run(func() bool { return got != nil })
			a, err := dns.ParseMessage(got)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("%s %d", dns.Rcode(a.Rcode), len(a.Answer))
		}
		w.Advance(time.Second)
		for i := range h.Loops() {
			name := fmt.Sprintf("n%d.example.", i)
			if got := ask(i, updating(nil, add(t, name+" 60 IN A 192.0.2.1"))); got != "NOERROR 0" {
				t.Errorf("loop %d: update: got %s", i, got)
			}
			m := question("other.", dns.TypeSOA)
			m.Opcode = dns.OpcodeNotify
			if got := ask(i, m); got != "NOERROR 0" {
				t.Errorf("loop %d: NOTIFY: got %s", i, got)
			}
			w.Advance(time.Millisecond)
			for j := range h.Loops() {
				if got := ask(j, question(name, dns.TypeA)); got != "NOERROR 1" {
					t.Errorf("loop %d: %s: got %s", j, name, got)
				}
				if got := ask(j, question("ns.other.", dns.TypeA)); got != "NOERROR 1" {
					t.Errorf("loop %d: ns.other.: got %s", j, got)
				}
			}
		}
		s.stop()
		two.stop()
	})
}

// TestUC22Durable: the client hears of success when the journal says that the
// update is durable, and not before; what the journal refuses is not made, and
// what it may have kept is.
func TestUC22Durable(t *testing.T) {
	w := sim.New(t, 0)
	m := &memory{loop: w.Host("one").Loop(), delay: time.Minute}
	s := open(t, w, "one", Config{Journal: m, MaxUpdates: 3})
	s.do(s.AddPrimary(zoneOf(t, 1), Primary{}))
	change := func(name string) *deferred.Signal {
		return s.Change(example, zone.Change{Added: records(t, name+".example. 60 IN TXT x")})
	}
	has := func(name string) bool { return s.Zone(example).Has(dns.MustParseName(name + ".example")) }
	d := change("slow")
	w.Advance(59 * time.Second)
	sim.NoResult(t, d)
	if has("slow") {
		t.Error("it is served before it is durable")
	}
	w.Advance(time.Second)
	sim.Result(t, d)
	if !has("slow") {
		t.Error("it is durable, and not served")
	}
	m.delay, m.refuse = 0, errors.New("the disk is full")
	if err := s.try(change("refused")); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("got %v", err)
	}
	if has("refused") || s.Zone(example).Serial() != 2 {
		t.Error("what was refused is served")
	}
	m.refuse, m.fail = nil, errors.New("the disk is strange")
	if err := s.try(change("uncertain")); err == nil {
		t.Error("it succeeded, and is not known to be durable")
	}
	if !has("uncertain") {
		t.Error("what may be kept is not served: the next steps would not fit")
	}
	m.fail, m.delay = nil, time.Minute
	all := []*deferred.Signal{change("one")}
	for i := range 4 {
		all = append(all, change(fmt.Sprint("w", i)))
	}
	if err := sim.Failure(t, all[4]); !errors.Is(err, ErrBusy) {
		t.Errorf("too many wait: got %v", err)
	}
	for _, d := range all[:4] {
		s.do(d)
	}
	if got := len(m.steps[string(example)]); got != 3 {
		t.Errorf("the journal has %d steps, want 3: those that waited are one", got)
	}
	s.stop()
	if err := s.try(change("late")); !errors.Is(err, ErrStopped) {
		t.Errorf("after Stop: got %v", err)
	}
}

// TestUC22JournalAndFile: what the journal holds is made again on the file that it
// was made on, not on one that is newer, and nobody guesses otherwise.
func TestUC22JournalAndFile(t *testing.T) {
	const a, b = "a 60 TXT x", "b 60 TXT x"
	steps := []Step{
		{From: zoneOf(t, 3).SOA(), To: zoneOf(t, 4).SOA(), Added: records(t, "a.example. 60 IN TXT x"), Base: 3},
		{From: zoneOf(t, 4).SOA(), To: zoneOf(t, 5).SOA(), Removed: records(t, "a.example. 60 IN TXT x"), Added: records(t, "b.example. 60 IN TXT x"), Base: 3},
	}
	for _, c := range []struct {
		name string
		file *zone.Zone
		want string // serial, whether a and b are there, steps left; or the error
	}{
		{"the file of before", zoneOf(t, 3), "5 false true 2"},
		{"a file with the first update", zoneOf(t, 4, a), "5 false true 1"},
		{"a file with both", zoneOf(t, 5, "b 3600 TXT x"), "5 false true 0"},
		{"a newer file", zoneOf(t, 9), "9 false false 0"},
		{"an older file", zoneOf(t, 2), "serial 2, but there are updates of serial 3, up to 5"},
		{"a file counted on, without the first update", zoneOf(t, 4), "without its change of a.example. TXT: want that change in it, or a serial above 5"},
		{"a file counted on, with what was removed", zoneOf(t, 5, a, b), "without its change of a.example. TXT"},
		{"a file counted on, without what was added", zoneOf(t, 5), "without its change of b.example. TXT"},
	} {
		w := sim.New(t, 0)
		m := &memory{loop: w.Host("one").Loop(), steps: map[string][]Step{string(example): slices.Clone(steps)}}
		s := open(t, w, "one", Config{Journal: m})
		err := s.try(s.AddPrimary(c.file, Primary{}))
		if z := s.Zone(example); err == nil {
			got := fmt.Sprintf("%d %v %v %d", z.Serial(), z.Has(dns.MustParseName("a.example")), z.Has(dns.MustParseName("b.example")), len(m.steps[string(example)]))
			if got != c.want {
				t.Errorf("%s: got %s, want %s", c.name, got, c.want)
			}
		} else if !strings.Contains(err.Error(), c.want) || len(s.Status()) != 0 || len(m.steps[string(example)]) != 2 {
			t.Errorf("%s: got %v with %d steps left, want %s", c.name, err, len(m.steps[string(example)]), c.want)
		}
		s.stop()
		w.Close()
	}
}

// TestN15Replace: differences lead across what the owner does, unless the serial
// went backwards, which is logged, and served.
func TestN15Replace(t *testing.T) {
	w := sim.New(t, 0)
	s := open(t, w, "one", Config{})
	s.do(s.AddPrimary(zoneOf(t, 1, "a A 192.0.2.1"), Primary{Transfer: everybody}))
	ixfr := func(serial uint32) string {
		m := question("example.", dns.TypeIXFR)
		m.Ns = []dns.RR{zoneOf(t, serial).SOA()}
		return s.answer(m, nil, "192.0.2.1", dns.OverTCP)
	}
	s.do(s.Replace(zoneOf(t, 5, "b A 192.0.2.1")))
	if got := ixfr(1); got != "NOERROR 6" { // SOA, SOA, a, SOA, b, SOA
		t.Errorf("the difference: got %s", got)
	}
	if got := ixfr(5); got != "NOERROR 1" {
		t.Errorf("nothing newer: got %s", got)
	}
	if got := ixfr(3); got != "NOERROR 7" {
		t.Errorf("a version that never was: got %s, want all", got)
	}
	s.do(s.Replace(zoneOf(t, 2, "c A 192.0.2.1")))
	if !strings.Contains(w.Logged(), "serial went backwards") || s.Zone(example).Serial() != 2 {
		t.Errorf("backwards: serial %d, logged %s", s.Zone(example).Serial(), w.Logged())
	}
	if got := ixfr(1); got != "NOERROR 7" {
		t.Errorf("the way across is gone: got %s, want all", got)
	}
	s.do(s.Replace(zoneOf(t, 2, "d A 192.0.2.1")))
	if !strings.Contains(w.Logged(), "its serial did not") {
		t.Errorf("the same serial: logged %s", w.Logged())
	}
	if err := s.try(s.Replace(readZone(t, "other.", "@ 300 SOA ns host 1 1 1 1 1\n@ 300 NS ns\nns 300 A 192.0.2.1\n"))); !errors.Is(err, ErrNoZone) {
		t.Errorf("a zone that is not here: got %v", err)
	}
	if err := s.try(s.AddPrimary(zoneOf(t, 1), Primary{})); err == nil {
		t.Error("a zone twice: want an error")
	}
	s.stop()
}

// TestN15OverUDP: differences that fit go over UDP, else the SOA alone.
func TestN15OverUDP(t *testing.T) {
	w := sim.New(t, 0)
	s := open(t, w, "one", Config{})
	s.do(s.AddPrimary(zoneOf(t, 1), Primary{Transfer: everybody}))
	s.do(s.Replace(zoneOf(t, 2, "a A 192.0.2.1")))
	ask := func() string {
		m := question("example.", dns.TypeIXFR)
		m.Ns = []dns.RR{zoneOf(t, 1).SOA()}
		return s.answer(m, nil, "192.0.2.1", dns.OverUDP)
	}
	if got := ask(); got != "NOERROR 5" {
		t.Errorf("a small difference: got %s", got)
	}
	s.do(s.Replace(zoneOf(t, 3, "a TXT "+strings.Repeat("x", 250), "b TXT "+strings.Repeat("x", 250))))
	if got := ask(); got != "NOERROR 1" {
		t.Errorf("a large one: got %s, want the SOA alone", got)
	}
	s.stop()
}

// TestUC22TransferOverTLS: zones come over TLS, with a key, from who has the
// certificate.
func TestUC22TransferOverTLS(t *testing.T) {
	for _, name := range []string{"one", "somebody"} {
		w := sim.New(t, 0)
		k := key(t, "k.")
		one, two := open(t, w, "one", Config{}, k), open(t, w, "two", Config{}, k)
		cert := sim.Certificate(name)
		if _, err := one.host.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: ":853",
			TLS: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"dot"}}}, one.server.Factory()); err != nil {
			t.Fatal(err)
		}
		one.do(one.AddPrimary(zoneOf(t, 1), Primary{Transfer: []Grant{{Key: k.Name}}}))
		p := Peer{Addr: one.peer().Addr, Key: k, TLS: &tls.Config{ServerName: "one", RootCAs: sim.Roots(cert)}}
		p.Addr = netip.AddrPortFrom(p.Addr.Addr(), 853)
		two.do(two.AddSecondary(example, quick(p)))
		w.Advance(time.Second)
		if got, want := two.Zone(example) != nil, name == "one"; got != want {
			t.Errorf("a certificate of %s: the zone came: %v, want %v", name, got, want)
		}
		one.stop()
		two.stop()
		w.Close()
	}
}

// TestUC22SecondaryWithKey: a primary's answer must be signed with the key.
func TestUC22SecondaryWithKey(t *testing.T) {
	for _, c := range []struct {
		name string
		sign func(k *dns.TSIGKey) *dns.TSIGKey
		want bool
	}{
		{"the same key", func(k *dns.TSIGKey) *dns.TSIGKey { return k }, true},
		{"another secret", func(*dns.TSIGKey) *dns.TSIGKey {
			k, err := dns.ParseTSIGKey("hmac-sha256:k.:b3RoZXJzZWNyZXRvdGhlcnNlY3JldG90aGVyc2VjcmU=")
			if err != nil {
				t.Fatal(err)
			}
			return k
		}, false},
	} {
		w := sim.New(t, 0)
		k := key(t, "k.")
		one, two := open(t, w, "one", Config{}, c.sign(k)), open(t, w, "two", Config{})
		one.do(one.AddPrimary(zoneOf(t, 1), Primary{Transfer: everybody}))
		p := one.peer()
		p.Key = k
		two.do(two.AddSecondary(example, quick(p)))
		w.Advance(time.Second)
		if got := two.Zone(example) != nil; got != c.want {
			t.Errorf("%s: the zone came: %v, want %v", c.name, got, c.want)
		}
		one.stop()
		two.stop()
		w.Close()
	}
	w := sim.New(t, 0)
	i := &impostor{answer: func(*dns.Message) []*dns.Message { return []*dns.Message{saying(t, soa1, ns, soa1)} }}
	p := i.serve(w.Host("one"))
	two := open(t, w, "two", Config{})
	p.Key = key(t, "k.")
	two.do(two.AddSecondary(example, quick(p)))
	w.Advance(time.Second)
	if two.Zone(example) != nil {
		t.Error("an answer without a signature was taken")
	}
	two.stop()
}
