package authority

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// answer is what the site's server says to m over a network, without a network.
func (s *site) answer(m *dns.Message, k *dns.TSIGKey, from string, network dns.Network) string {
	s.t.Helper()
	m.Id = 4711
	p, err := m.Pack()
	if err != nil {
		s.t.Fatal(err)
	}
	if k != nil {
		if p, _, err = k.Sign(p, s.w.Now()); err != nil {
			s.t.Fatal(err)
		}
	}
	d := s.server.Answer(s.host.Loop(), p, twistor.Peer{Addr: netip.AddrPortFrom(netip.MustParseAddr(from), 4000)}, network)
	s.w.Run(func() bool { _, fired := d.Result(); return fired })
	b := sim.Result(s.t, d)
	if b == nil {
		return "nothing"
	}
	a, err := dns.ParseMessage(b)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("%s %d", dns.Rcode(a.Rcode), len(a.Answer))
}

// TestDNS_05Authority: who may transfer, notify and update is the same over every
// network: no new one is a way around it. The last row of each is the control:
// who may, can.
func TestDNS_05Authority(t *testing.T) {
	w := sim.New(t, 0)
	ours, theirs := key(t, "ours."), key(t, "theirs.")
	s := open(t, w, "one", Config{}, ours, theirs)
	s.do(s.AddPrimary(zoneOf(t, 1), Primary{
		Transfer: []Grant{{Key: ours.Name}, {From: netip.MustParsePrefix("192.0.2.0/24"), Key: theirs.Name}},
		Update:   []UpdateGrant{{Grant: Grant{Key: ours.Name}}},
	}))
	other := dns.MustParseName("other.")
	s.do(s.AddSecondary(other, quick(Peer{Addr: netip.MustParseAddrPort("192.0.2.9:53"), Key: theirs})))
	axfr := func() *dns.Message { return question("example.", dns.TypeAXFR) }
	ixfr := func() *dns.Message {
		m := question("example.", dns.TypeIXFR)
		m.Ns = []dns.RR{zoneOf(t, 1).SOA()}
		return m
	}
	updates := func() *dns.Message { return updating(nil, add(t, "n.example. 60 IN TXT x")) }
	notify := func(name string) func() *dns.Message {
		return func() *dns.Message {
			m := question(name, dns.TypeSOA)
			m.Opcode = dns.OpcodeNotify
			return m
		}
	}
	forAll := func(want string) [4]string { return [4]string{want, want, want, want} }
	for _, c := range []struct {
		name string
		m    func() *dns.Message
		key  *dns.TSIGKey
		from string
		want [4]string // over UDP, TCP, TLS, HTTPS
	}{
		{"AXFR of a stranger", axfr, nil, "198.51.100.1", forAll("REFUSED 0")},
		{"AXFR with another key", axfr, theirs, "198.51.100.1", forAll("REFUSED 0")},
		{"AXFR of an address, without its key", axfr, nil, "192.0.2.1", forAll("REFUSED 0")},
		{"AXFR of an address, with its key", axfr, theirs, "192.0.2.1", [4]string{"REFUSED 0", "NOERROR 6", "NOERROR 6", "REFUSED 0"}},
		{"AXFR with the key", axfr, ours, "198.51.100.1", [4]string{"REFUSED 0", "NOERROR 6", "NOERROR 6", "REFUSED 0"}},
		{"IXFR of a stranger", ixfr, nil, "198.51.100.1", forAll("REFUSED 0")},
		{"IXFR with the key", ixfr, ours, "198.51.100.1", forAll("NOERROR 1")},
		{"update of a stranger", updates, nil, "198.51.100.1", forAll("REFUSED 0")},
		{"update with another key", updates, theirs, "192.0.2.1", forAll("REFUSED 0")},
		{"update with the key", updates, ours, "198.51.100.1", forAll("NOERROR 0")},
		{"NOTIFY of a stranger", notify("other."), nil, "198.51.100.1", forAll("REFUSED 0")},
		{"NOTIFY with another key", notify("other."), ours, "198.51.100.1", forAll("REFUSED 0")},
		{"NOTIFY for what is ours", notify("example."), ours, "192.0.2.9", forAll("REFUSED 0")},
		{"NOTIFY for what is not here", notify("third."), nil, "192.0.2.9", forAll("NOTAUTH 0")},
		{"NOTIFY of the primary", notify("other."), nil, "192.0.2.9", forAll("NOERROR 0")},
		{"NOTIFY with the primary's key", notify("other."), theirs, "198.51.100.1", forAll("NOERROR 0")},
	} {
		for i, network := range []dns.Network{dns.OverUDP, dns.OverTCP, dns.OverTLS, dns.OverHTTPS} {
			if got := s.answer(c.m(), c.key, c.from, network); got != c.want[i] {
				t.Errorf("%s over %s: got %s, want %s", c.name, network, got, c.want[i])
			}
		}
	}
	s.stop()
}

// TestUC22GrantOfNobody: a Grant that names nobody is for nobody.
func TestUC22GrantOfNobody(t *testing.T) {
	w := sim.New(t, 0)
	s := open(t, w, "one", Config{})
	s.do(s.AddPrimary(zoneOf(t, 1), Primary{Transfer: []Grant{{}}, Update: []UpdateGrant{{Names: []dns.Name{example}}}}))
	if got := s.answer(question("example.", dns.TypeAXFR), nil, "192.0.2.1", dns.OverTCP); got != "REFUSED 0" {
		t.Errorf("AXFR: got %s", got)
	}
	if got := s.answer(updating(nil, add(t, "n.example. 60 IN TXT x")), nil, "192.0.2.1", dns.OverTCP); got != "REFUSED 0" {
		t.Errorf("update: got %s", got)
	}
	s.stop()
}

// TestN17Opcodes: what an Authority does not do is NOTIMP, and what is no update
// FORMERR.
func TestN17Opcodes(t *testing.T) {
	w := sim.New(t, 0)
	s := open(t, w, "one", Config{})
	s.do(s.AddPrimary(zoneOf(t, 1), Primary{Update: anything}))
	m := question("example.", dns.TypeSOA)
	m.Opcode = dns.OpcodeStatus
	if got := s.answer(m, nil, "192.0.2.1", dns.OverUDP); got != "NOTIMP 0" {
		t.Errorf("status: got %s", got)
	}
	m = updating(nil, nil)
	m.Question[0].Qtype = dns.TypeA
	if got := s.answer(m, nil, "192.0.2.1", dns.OverUDP); got != "FORMERR 0" {
		t.Errorf("an update of type A: got %s", got)
	}
	m = updating(nil, nil)
	m.Question[0].Name = "www.example."
	if got := s.answer(m, nil, "192.0.2.1", dns.OverUDP); got != "NOTAUTH 0" {
		t.Errorf("an update of a name within the zone: got %s", got)
	}
	s.stop()
}

// TestN14LongestName: the zone of the longest name answers; for DS the one above,
// if it is here; where there is none, REFUSED.
func TestN14LongestName(t *testing.T) {
	w := sim.New(t, 0)
	s := open(t, w, "one", Config{})
	if got := s.answer(question("www.example.", dns.TypeA), nil, "192.0.2.1", dns.OverUDP); got != "REFUSED 0" {
		t.Errorf("without zones: got %s", got)
	}
	s.do(s.AddPrimary(zoneOf(t, 1, "www A 192.0.2.1", "sub NS ns1.sub", "ns1.sub A 192.0.2.2", "sub DS 1 13 2 0123456789012345678901234567890123456789012345678901234567890123"), Primary{}))
	sub := readZone(t, "sub.example.", "@ 300 SOA ns1 host 1 1 1 1 1\n@ 300 NS ns1\nns1 300 A 192.0.2.2\nwww 300 A 192.0.2.3\n")
	s.do(s.AddPrimary(sub, Primary{}))
	for _, c := range []struct {
		name string
		t    uint16
		want string
	}{
		{"www.example.", dns.TypeA, "NOERROR 1"},
		{"www.sub.example.", dns.TypeA, "NOERROR 1"},
		{"sub.example.", dns.TypeSOA, "NOERROR 1"},
		{"sub.example.", dns.TypeDS, "NOERROR 1"},
		{"a.b.c.www.example.", dns.TypeA, "NXDOMAIN 0"},
		{"example.org.", dns.TypeA, "REFUSED 0"},
		{".", dns.TypeNS, "REFUSED 0"},
	} {
		if got := s.answer(question(c.name, c.t), nil, "192.0.2.1", dns.OverUDP); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.name, dns.Type(c.t), got, c.want)
		}
	}
	if !s.Remove(sub.Origin()) || s.Remove(sub.Origin()) {
		t.Error("Remove: want that it was there, once")
	}
	if got := s.answer(question("www.sub.example.", dns.TypeA), nil, "192.0.2.1", dns.OverUDP); got != "NOERROR 0" {
		t.Errorf("after Remove: got %s, want a referral", got)
	}
	s.stop()
}

// TestN14FindAllocatesNothing: among many zones too.
func TestN14FindAllocatesNothing(t *testing.T) {
	tab := table{at: map[string]*version{}}
	for i := range 1000 {
		origin := dns.MustParseName(fmt.Sprintf("z%d.example", i))
		tab.put(origin, &version{origin: origin})
	}
	name, deep := dns.MustParseName("www.z777.example"), dns.MustParseName(strings.Repeat("a.", 100)+"z5.example")
	if got := testing.AllocsPerRun(100, func() {
		if v := tab.find(name); v == nil || v.origin.String() != "z777.example." {
			t.Error("not found")
		}
		if tab.find(deep) == nil {
			t.Error("not found")
		}
	}); got != 0 {
		t.Errorf("got %v allocations, want none", got)
	}
}

// TestN15SlowReader: a large zone goes to a slow reader in pieces, as fast as it
// reads; further transfers than allowed are told to come again.
func TestN15SlowReader(t *testing.T) {
	w := sim.New(t, 0)
	w.Net.SendBuffer, w.Net.ReceiveBuffer = 32<<10, 32<<10
	s := open(t, w, "one", Config{MaxTransfers: 1})
	var lines []string
	for i := range 20_000 {
		lines = append(lines, fmt.Sprintf("n%d TXT %s", i, strings.Repeat("x", 100)))
	}
	z := zoneOf(t, 1, lines...)
	s.do(s.AddPrimary(z, Primary{Transfer: everybody}))
	slow, quick := &reader{}, &reader{}
	slow.dial(w.Host("slow"), s)
	w.Advance(time.Second)
	if !slow.paused || slow.records == 0 {
		t.Fatalf("got %d records", slow.records)
	}
	if got := s.host.Reactor().Stats().Buffered; got > 256<<10 {
		t.Errorf("the server holds %d bytes for it, want up to 256 KiB", got)
	}
	quick.dial(w.Host("quick"), s)
	w.Run(func() bool { return quick.rcode != "" })
	if quick.rcode != "SERVFAIL" {
		t.Errorf("a second transfer: got %s, want SERVFAIL", quick.rcode)
	}
	w.Run(func() bool { slow.resume(); return slow.soas == 2 })
	if got, want := slow.records, z.Records()+1; got != want {
		t.Errorf("got %d records, want %d", got, want)
	}
	if slow.messages < 30 {
		t.Errorf("got %d messages, want many", slow.messages)
	}
	slow.Close()
	quick.Close()
	s.stop()
}

// A reader asks for a zone and reads one message, until it is told to read on.
type reader struct {
	*framing.MessageTransport
	records, soas, messages int
	paused                  bool
	rcode                   string
}

func (r *reader) dial(h *sim.Host, s *site) {
	h.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: s.peer().Addr.String()}, framing.Prefixed16{Build: func(t *framing.MessageTransport) framing.MessageProtocol {
		r.MessageTransport = t
		return r
	}}.Factory())
}

func (r *reader) Connected() {
	p, err := question("example.", dns.TypeAXFR).Pack()
	if err != nil {
		panic(err)
	}
	r.WriteMessage(p)
}

func (r *reader) MessageReceived(p []byte) {
	m, err := dns.ParseMessage(p)
	if err != nil {
		panic(err)
	}
	r.messages++
	r.records += len(m.Answer)
	r.rcode = dns.Rcode(m.Rcode).String()
	for _, rr := range m.Answer {
		if isSOA(rr) {
			r.soas++
		}
	}
	r.paused = true
	r.Pause()
}

func (r *reader) resume() {
	if r.paused {
		r.paused = false
		r.Resume()
	}
}

func (r *reader) Disconnected(error) {}
