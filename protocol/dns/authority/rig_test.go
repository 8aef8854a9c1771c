package authority

import (
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

var example = dns.MustParseName("example.")

// everybody and nobody are Grants.
var everybody = []Grant{{From: netip.MustParsePrefix("0.0.0.0/0")}}

// anything lets everybody change everything.
var anything = []UpdateGrant{{Grant: everybody[0]}}

// key is a TSIG key of tests.
func key(t testing.TB, name string) *dns.TSIGKey {
	k, err := dns.ParseTSIGKey("hmac-sha256:" + name + ":MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// zoneOf is a zone example. with that serial and further records.
func zoneOf(t testing.TB, serial uint32, more ...string) *zone.Zone {
	t.Helper()
	text := fmt.Sprintf(`$ORIGIN example.
$TTL 300
@ IN SOA ns1 host %d 3600 600 604800 60
@ NS ns1
@ NS ns2
ns1 A 10.0.0.1
ns2 A 10.0.0.2
`, serial) + strings.Join(more, "\n") + "\n"
	z, err := zone.Read(strings.NewReader(text), zone.Options{Origin: example, File: "example.zone"})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// readZone reads a zone.
func readZone(t testing.TB, origin, text string) *zone.Zone {
	t.Helper()
	z, err := zone.Read(strings.NewReader(text), zone.Options{Origin: dns.MustParseName(origin)})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// text is all of a zone.
func text(z *zone.Zone) string {
	if z == nil {
		return "nothing"
	}
	var b strings.Builder
	z.WriteTo(&b)
	return b.String()
}

// records reads records.
func records(t testing.TB, lines ...string) (rrs []dns.RR) {
	t.Helper()
	for _, s := range lines {
		rr, err := dns.ParseRR(s)
		if err != nil {
			t.Fatal(err)
		}
		rrs = append(rrs, rr)
	}
	return rrs
}

// A site is an Authority on a host, with a server at port 53.
type site struct {
	*Authority
	t      testing.TB
	w      *sim.World
	host   *sim.Host
	server *dns.Server
}

// open starts a site.
func open(t testing.TB, w *sim.World, host string, c Config, keys ...*dns.TSIGKey) *site {
	t.Helper()
	ring, err := dns.NewKeyring(keys...)
	if err != nil {
		t.Fatal(err)
	}
	h := w.Host(host)
	s := &site{New(h.Loop(), c), t, w, h, nil}
	server := &dns.Server{Handler: s.Handler(h.Loop()), Opcodes: Opcodes(), Keys: ring}
	s.server = server
	if _, err := h.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, server.Packets()); err != nil {
		t.Fatal(err)
	}
	h.Listen("tcp", ":53", server.Factory())
	return s
}

// peer is the site as others are told of it.
func (s *site) peer() Peer { return Peer{Addr: netip.AddrPortFrom(s.host.Addr(), 53)} }

// do waits for d.
func (s *site) do(d *deferred.Signal) {
	s.t.Helper()
	if err := s.try(d); err != nil {
		s.t.Fatal(err)
	}
}

// try waits for d, and returns its error.
func (s *site) try(d *deferred.Signal) error {
	s.t.Helper()
	fired, err := false, error(nil)
	d.Done(func(_ struct{}, e error) { fired, err = true, e })
	s.w.Run(func() bool { return fired })
	return err
}

// until plays until the site serves example. with that serial.
func (s *site) until(serial uint32) {
	s.t.Helper()
	s.w.Run(func() bool { z := s.Zone(example); return z != nil && z.Serial() == serial })
}

// A person asks servers from a host.
type person struct {
	t testing.TB
	w *sim.World
	c *dns.Client
}

func client(t testing.TB, w *sim.World, host string) *person {
	h := w.Host(host)
	return &person{t, w, &dns.Client{Loop: h.Loop(), KeepCase: true, Deadline: time.Minute}}
}

// ask sends m and waits for the answer.
func (p *person) ask(m *dns.Message, to *site) *dns.Message {
	p.t.Helper()
	return p.over(dns.OverUDP, m, to)
}

func (p *person) over(network dns.Network, m *dns.Message, to *site) (answer *dns.Message) {
	p.t.Helper()
	d := p.c.Exchange(m, dns.Upstream{Addr: to.peer().Addr, Network: network})
	fired, err := false, error(nil)
	d.Done(func(a *dns.Message, e error) { answer, fired, err = a, true, e })
	p.w.Run(func() bool { return fired })
	if err != nil {
		p.t.Fatal(err)
	}
	return answer
}

// rcode asks a question and returns how it went.
func (p *person) rcode(name string, t uint16, to *site) string {
	p.t.Helper()
	m := question(name, t)
	return dns.Rcode(p.ask(m, to).Rcode).String()
}

// close ends the client.
func (p *person) close() { p.c.Close() }

// question is a message that asks.
func question(name string, t uint16) *dns.Message {
	m := new(dns.Message)
	m.Question = []dns.Question{{Name: name, Qtype: t, Qclass: dns.ClassIN}}
	return m
}

// updating is an update of example., with prerequisites and changes.
func updating(before, changes []dns.RR) *dns.Message {
	m := question("example.", dns.TypeSOA)
	m.Opcode = dns.OpcodeUpdate
	m.Answer, m.Ns = before, changes
	return m
}

// add, remove, removeSet, removeName are changes; the rest prerequisites.
func add(t testing.TB, lines ...string) []dns.RR { return records(t, lines...) }

func remove(t testing.TB, lines ...string) []dns.RR {
	rrs := records(t, lines...)
	for _, rr := range rrs {
		rr.Header().Class, rr.Header().Ttl = dns.ClassNONE, 0
	}
	return rrs
}

// bare is a record without data.
func bare(name string, class, t uint16) dns.RR {
	return &dns.ANY{Hdr: dns.RecordHeader{Name: name, Rrtype: t, Class: class}}
}

func removeSet(name string, t uint16) dns.RR { return bare(name, dns.ClassANY, t) }
func removeName(name string) dns.RR          { return bare(name, dns.ClassANY, dns.TypeANY) }

// A memory is a Journal that keeps in order what is durable, a while after it
// was appended, and forgets the rest in a crash.
type memory struct {
	loop   twistor.Loop
	steps  map[string][]Step
	delay  time.Duration
	refuse error // of Append, at once
	fail   error // of its Signal
}

func (m *memory) Steps(origin dns.Name) ([]Step, error) {
	return slices.Clone(m.steps[string(origin)]), nil
}

func (m *memory) Append(origin dns.Name, s Step) (*deferred.Signal, error) {
	if m.refuse != nil {
		return nil, m.refuse
	}
	d := deferred.New[struct{}](m.loop)
	fail := m.fail
	m.loop.CallLater(m.delay, func() {
		if fail != nil {
			d.Fail(fail)
			return
		}
		if m.steps == nil {
			m.steps = map[string][]Step{}
		}
		m.steps[string(origin)] = append(m.steps[string(origin)], s)
		d.Succeed(struct{}{})
	})
	return d, nil
}

func (m *memory) Rebase(origin dns.Name, n int, base uint32) (*deferred.Signal, error) {
	left := slices.Clone(m.steps[string(origin)][n:])
	for i := range left {
		left[i].Base = base
	}
	m.steps[string(origin)] = left
	return deferred.Succeeded(struct{}{}), nil
}

// stop ends the site.
func (s *site) stop() {
	s.t.Helper()
	s.host.Do(s.Stop)
}

// addrOf is where a host's server is.
func addrOf(h *sim.Host) netip.AddrPort { return netip.AddrPortFrom(h.Addr(), 53) }
