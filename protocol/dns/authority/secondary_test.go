package authority

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// quick is a Secondary of peers whose timers are short.
func quick(peers ...Peer) Secondary {
	return Secondary{Primaries: peers, MinRefresh: 20 * time.Second, MaxRefresh: 20 * time.Second,
		MinRetry: 5 * time.Second, MaxRetry: 5 * time.Second, MinExpire: time.Second}
}

// TestN16Expires: without a primary the zone is served until it expires, then
// SERVFAIL; when the primary is back it is served again.
func TestN16Expires(t *testing.T) {
	w := sim.New(t, 0)
	one, two := open(t, w, "one", Config{}), open(t, w, "two", Config{})
	c := client(t, w, "client")
	one.do(one.AddPrimary(zoneOf(t, 1), Primary{Transfer: everybody}))
	s := quick(one.peer())
	s.MaxExpire = time.Minute
	if got := c.rcode("www.example.", dns.TypeA, two); got != "REFUSED" {
		t.Errorf("before there is a zone: got %s, want REFUSED", got)
	}
	two.do(two.AddSecondary(example, s))
	if got := c.rcode("ns1.example.", dns.TypeA, two); got != "SERVFAIL" {
		t.Errorf("before the zone came: got %s, want SERVFAIL", got)
	}
	two.until(1)
	w.Partition(one.host, two.host)
	w.Advance(40 * time.Second)
	if got := c.rcode("ns1.example.", dns.TypeA, two); got != "NOERROR" {
		t.Errorf("without a primary: got %s, want NOERROR", got)
	}
	w.Advance(25 * time.Second)
	if got := c.rcode("ns1.example.", dns.TypeA, two); got != "SERVFAIL" {
		t.Errorf("after it expired: got %s, want SERVFAIL", got)
	}
	if errs := w.Errors(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "expired") {
		t.Errorf("logged %v, want that it expired", errs)
	}
	w.Heal(one.host, two.host)
	two.until(1)
	if got := c.rcode("ns1.example.", dns.TypeA, two); got != "NOERROR" {
		t.Errorf("with the primary again: got %s, want NOERROR", got)
	}
	c.close()
	one.stop()
	two.stop()
}

// TestN16Restart: a secondary that restarts serves its copy at once, without its
// primary; one that has expired meanwhile is not served.
func TestN16Restart(t *testing.T) {
	for _, c := range []struct {
		away time.Duration
		want string
	}{{time.Minute, "NOERROR"}, {3 * time.Hour, "SERVFAIL"}} {
		w := sim.New(t, 0)
		one := open(t, w, "one", Config{})
		w.Host("two").Disk.Mount().Mkdir("zones", 0o700)
		w.Host("two").Disk.Mount().SyncDir(".")
		two := open(t, w, "two", Config{Dir: "zones"})
		one.do(one.AddPrimary(zoneOf(t, 1, "www A 192.0.2.1", `* TXT "\"a\" ; b"`), Primary{Transfer: everybody}))
		s := quick(one.peer())
		s.MaxExpire = 2 * time.Hour
		two.do(two.AddSecondary(example, s))
		two.until(1)
		want := text(two.Zone(example))
		w.Advance(time.Second) // it is on the disk
		one.host.Crash()
		two.host.Crash()
		w.Advance(c.away)
		two.host.Restart()
		two = open(t, w, "two", Config{Dir: "zones"})
		two.do(two.AddSecondary(example, s))
		p := client(t, w, "client")
		if got := p.rcode("www.example.", dns.TypeA, two); got != c.want {
			t.Errorf("after %v: got %s, want %s", c.away, got, c.want)
		}
		if c.want == "NOERROR" {
			if got := text(two.Zone(example)); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		}
		w.Errors()
		p.close()
		two.stop()
		w.Close()
	}
}

// TestN16Primaries: when one primary does not answer, or has nothing, the next is
// asked.
func TestN16Primaries(t *testing.T) {
	w := sim.New(t, 0)
	one, two, three := open(t, w, "one", Config{}), open(t, w, "two", Config{}), open(t, w, "three", Config{})
	two.do(two.AddPrimary(zoneOf(t, 4), Primary{Transfer: everybody}))
	nobody := Peer{Addr: netip.MustParseAddrPort("10.0.0.250:53")}
	three.do(three.AddSecondary(example, quick(nobody, one.peer(), two.peer())))
	three.until(4)
	if got := three.Status()[0]; got.Err != nil || got.Kind != "secondary" || got.Expires.Sub(got.Refreshed) != 604800*time.Second {
		t.Errorf("got %+v", got)
	}
	one.stop()
	two.stop()
	three.stop()
}

// TestN16Notify: a NOTIFY of a primary has it asked at once, one of anybody else
// does not, and is refused.
func TestN16Notify(t *testing.T) {
	w := sim.New(t, 0)
	one, two := open(t, w, "one", Config{}), open(t, w, "two", Config{})
	one.do(one.AddPrimary(zoneOf(t, 1), Primary{Transfer: everybody})) // and tells nobody
	s := quick(one.peer())
	s.MinRefresh, s.MaxRefresh = time.Hour, time.Hour
	two.do(two.AddSecondary(example, s))
	two.until(1)
	one.do(one.Replace(zoneOf(t, 2)))
	notify := func(host, name string) string {
		m := question(name, dns.TypeSOA)
		m.Opcode = dns.OpcodeNotify
		c := client(t, w, host)
		defer c.close()
		a := c.ask(m, two)
		if a.Opcode != dns.OpcodeNotify || len(a.Question) != 1 {
			t.Errorf("got %v", a)
		}
		return dns.Rcode(a.Rcode).String()
	}
	if got := notify("stranger", "example."); got != "REFUSED" {
		t.Errorf("of a stranger: got %s, want REFUSED", got)
	}
	if got := notify("one", "other."); got != "NOTAUTH" {
		t.Errorf("of another zone: got %s, want NOTAUTH", got)
	}
	w.Advance(time.Minute)
	if got := two.Zone(example).Serial(); got != 1 {
		t.Errorf("got serial %d after those, want 1", got)
	}
	if got := notify("one", "example."); got != "NOERROR" {
		t.Errorf("of the primary: got %s, want NOERROR", got)
	}
	w.Advance(time.Second)
	if got := two.Zone(example).Serial(); got != 2 {
		t.Errorf("got serial %d a second later, want 2", got)
	}
	one.stop()
	two.stop()
}

// TestN16NotifyRepeated: a NOTIFY is repeated until it is answered, six times at
// most; of many updates in a moment there are two.
func TestN16NotifyRepeated(t *testing.T) {
	w := sim.New(t, 0)
	heard := &deaf{}
	if _, err := w.Host("two").Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, heard); err != nil {
		t.Fatal(err)
	}
	one := open(t, w, "one", Config{})
	one.do(one.AddPrimary(zoneOf(t, 1), Primary{Notify: []Peer{{Addr: addrOf(w.Host("two"))}}}))
	w.Advance(time.Hour)
	if got := len(heard.messages); got != notifyAttempts {
		t.Errorf("nobody answers: got %d messages, want %d", got, notifyAttempts)
	}
	m := heard.messages[0]
	if m.Opcode != dns.OpcodeNotify || !m.Authoritative || m.Question[0].Name != "example." || len(m.Answer) != 1 || m.Answer[0].(*dns.SOA).Serial != 1 {
		t.Errorf("got %v", m)
	}
	heard.messages, heard.answer = nil, true
	for i := range uint32(10) {
		one.do(one.Replace(zoneOf(t, 2+i)))
		w.Advance(10 * time.Millisecond)
	}
	w.Advance(time.Hour)
	if got := len(heard.messages); got != 2 {
		t.Errorf("ten versions at once: got %d messages, want 2", got)
	}
	if got := heard.messages[len(heard.messages)-1].Answer[0].(*dns.SOA).Serial; got != 11 {
		t.Errorf("the last one says %d, want 11", got)
	}
	one.stop()
}

// A deaf hears messages, and answers if it is told to.
type deaf struct {
	twistor.PacketTransport
	messages []*dns.Message
	answer   bool
}

func (d *deaf) Bound(t twistor.PacketTransport) { d.PacketTransport = t }
func (d *deaf) Unbound(error)                   {}
func (d *deaf) PacketReceived(p []byte, from twistor.Peer) {
	m, err := dns.ParseMessage(p)
	if err != nil {
		panic(err)
	}
	d.messages = append(d.messages, m)
	if d.answer {
		a := question(m.Question[0].Name, m.Question[0].Qtype)
		a.Id, a.Opcode, a.Response = m.Id, m.Opcode, true
		p, err := a.Pack()
		if err != nil {
			panic(err)
		}
		d.Send(p, from)
	}
}

// An impostor is a primary that says to each question over TCP what a test wants.
type impostor struct {
	answer func(q *dns.Message) []*dns.Message
	asked  []string
	open   int
	most   int
	// dribble, if not 0, has a message follow that comes byte by byte.
	dribble time.Duration
}

func (i *impostor) serve(h *sim.Host) Peer {
	h.Listen("tcp", ":53", framing.Prefixed16{Build: func(t *framing.MessageTransport) framing.MessageProtocol {
		return &impostorStream{MessageTransport: t, i: i}
	}}.Factory())
	return Peer{Addr: addrOf(h)}
}

type impostorStream struct {
	*framing.MessageTransport
	i     *impostor
	timer twistor.Timer
}

func (s *impostorStream) Connected()         { s.i.open++; s.i.most = max(s.i.most, s.i.open) }
func (s *impostorStream) Disconnected(error) { s.i.open--; s.timer.Stop() }
func (s *impostorStream) MessageReceived(p []byte) {
	q, err := dns.ParseMessage(p)
	if err != nil {
		panic(err)
	}
	s.i.asked = append(s.i.asked, dns.Type(q.Question[0].Qtype).String())
	for _, a := range s.i.answer(q) {
		if a.Id == 0 {
			a.Id = q.Id
		}
		a.Response = true
		p, err := a.Pack()
		if err != nil {
			panic(err)
		}
		s.WriteMessage(p)
	}
	if s.i.dribble > 0 {
		s.timer = s.Loop().CallLater(s.i.dribble, func() {
			s.Unwrap().Write([]byte{1})
			s.timer.Reset(s.i.dribble)
		})
	}
}

// saying is a message with records.
func saying(t testing.TB, lines ...string) *dns.Message {
	m := new(dns.Message)
	m.Answer = records(t, lines...)
	return m
}

const (
	soa1 = "example. 300 IN SOA ns1.example. host.example. 1 3600 600 604800 60"
	soa2 = "example. 300 IN SOA ns1.example. host.example. 2 3600 600 604800 60"
	ns   = "example. 300 IN NS ns1.other."
)

// TestN16Impostor: what a primary sends that is no transfer of the zone, or too
// much of one, is not taken; each case differs from a good one in one thing.
func TestN16Impostor(t *testing.T) {
	long := []string{soa1, ns}
	for i := range 200 {
		long = append(long, fmt.Sprintf("n%d.example. 60 IN A 192.0.2.1", i))
	}
	for _, c := range []struct {
		name  string
		lines []string
		edit  func(m *dns.Message)
		good  bool
	}{
		{name: "a good one", lines: []string{soa1, ns, "www.example. 60 IN A 192.0.2.1", soa1}, good: true},
		{name: "a record of another zone", lines: []string{soa1, ns, "www.other. 60 IN A 192.0.2.1", soa1}},
		{name: "a record above the zone", lines: []string{soa1, ns, ". 60 IN NS evil.", soa1}},
		{name: "a class", lines: []string{soa1, ns, "www.example. 60 CH TXT x", soa1}},
		{name: "two versions", lines: []string{soa1, ns, soa2}},
		{name: "no SOA first", lines: []string{ns, soa1, soa1}},
		{name: "something behind the end", lines: []string{soa1, ns, soa1, "www.example. 60 IN A 192.0.2.1"}},
		{name: "no NS", lines: []string{soa1, "www.example. 60 IN A 192.0.2.1", soa1}},
		{name: "beside a CNAME", lines: []string{soa1, ns, "www.example. 60 IN A 192.0.2.1", "www.example. 60 IN CNAME x.", soa1}},
		{name: "too many records", lines: append(slices.Clone(long), soa1)},
		{name: "another id", lines: []string{soa1, ns, soa1}, edit: func(m *dns.Message) { m.Id = 7 }},
		{name: "a code", lines: []string{soa1, ns, soa1}, edit: func(m *dns.Message) { m.Rcode = dns.RcodeRefused }},
		{name: "another question", lines: []string{soa1, ns, soa1}, edit: func(m *dns.Message) { m.Question = question("example.", dns.TypeA).Question }},
		{name: "no records", lines: nil},
	} {
		w := sim.New(t, 0)
		i := &impostor{answer: func(*dns.Message) []*dns.Message {
			m := saying(t, c.lines...)
			if c.edit != nil {
				c.edit(m)
			}
			return []*dns.Message{m}
		}}
		two := open(t, w, "two", Config{})
		s := quick(i.serve(w.Host("one")))
		s.MaxRecords = 150
		two.do(two.AddSecondary(example, s))
		w.Advance(4 * time.Second)
		if got := two.Zone(example) != nil; got != c.good {
			t.Errorf("%s: it was taken: %v, want %v", c.name, got, c.good)
		}
		if got := two.Status()[0].Err; (got == nil) != c.good {
			t.Errorf("%s: the error is %v", c.name, got)
		}
		two.stop()
		w.Close()
	}
}

// TestN16Endless: a transfer that does not end is ended, though another byte comes
// every second.
func TestN16Endless(t *testing.T) {
	w := sim.New(t, 0)
	i := &impostor{dribble: time.Second}
	i.answer = func(*dns.Message) []*dns.Message { return []*dns.Message{saying(t, soa1, ns)} }
	two := open(t, w, "two", Config{})
	two.do(two.AddSecondary(example, quick(i.serve(w.Host("one")))))
	w.Advance(DefaultIdleTimeout + time.Second)
	if got := two.Status()[0].Err; got == nil {
		t.Error("want an error after the idle timeout")
	}
	if i.most != 1 {
		t.Errorf("got %d transfers at once, want 1", i.most)
	}
	two.stop()
}

// TestN16OneAtATime: whatever asks for it, there is one transfer of a zone at a
// time; Twisted's guard against a second one was misspelled, and its zone never
// refreshed.
func TestN16OneAtATime(t *testing.T) {
	w := sim.New(t, 0)
	w.Net.Latency = time.Second
	serial := 1
	i := &impostor{answer: func(q *dns.Message) []*dns.Message {
		soa := strings.Replace(soa1, " 1 ", fmt.Sprintf(" %d ", serial), 1)
		if q.Question[0].Qtype == dns.TypeIXFR && q.Ns[0].(*dns.SOA).Serial == uint32(serial) {
			return []*dns.Message{saying(t, soa)}
		}
		return []*dns.Message{saying(t, soa, ns, soa)}
	}}
	two := open(t, w, "two", Config{})
	two.do(two.AddSecondary(example, quick(i.serve(w.Host("one")))))
	for range 20 {
		if err := two.Refresh(example); err != nil {
			t.Fatal(err)
		}
		two.zones[string(example)].(*secondary).notified(0, nil)
		w.Advance(100 * time.Millisecond)
	}
	if i.most != 1 {
		t.Errorf("got %d transfers at once, want 1", i.most)
	}
	serial = 2
	w.Advance(time.Minute) // no NOTIFY: the refresh timer finds it
	if got := two.Zone(example).Serial(); got != 2 {
		t.Errorf("got serial %d a minute later, want 2", got)
	}
	two.stop()
}

// TestN16Fallback: differences that do not fit, or are not to be had, lead to the
// whole zone; which is fetched only if it is newer.
func TestN16Fallback(t *testing.T) {
	whole := func(soa string) []string { return []string{soa, ns, "www.example. 60 IN A 192.0.2.2", soa} }
	for _, c := range []struct {
		name string
		ixfr func() *dns.Message
		soa  string
		want []string
	}{
		{"differences", func() *dns.Message {
			return saying(t, soa2, soa1, "www.example. 60 IN A 192.0.2.1", soa2, "www.example. 60 IN A 192.0.2.2", soa2)
		}, soa2,
			[]string{"AXFR", "IXFR"}},
		{"the whole zone", func() *dns.Message { return saying(t, whole(soa2)...) }, soa2, []string{"AXFR", "IXFR"}},
		{"differences that do not fit", func() *dns.Message { return saying(t, soa2, soa1, "no.example. 60 IN A 192.0.2.1", soa2, soa2) }, soa2,
			[]string{"AXFR", "IXFR", "AXFR"}},
		{"not implemented", func() *dns.Message { m := saying(t); m.Rcode = dns.RcodeNotImplemented; return m }, soa2,
			[]string{"AXFR", "IXFR", "SOA", "AXFR"}},
		{"not implemented, and nothing newer", func() *dns.Message { m := saying(t); m.Rcode = dns.RcodeNotImplemented; return m }, soa1,
			[]string{"AXFR", "IXFR", "SOA"}},
	} {
		w := sim.New(t, 0)
		first := true
		i := &impostor{}
		i.answer = func(q *dns.Message) []*dns.Message {
			switch {
			case first:
				first = false
				return []*dns.Message{saying(t, soa1, ns, "www.example. 60 IN A 192.0.2.1", soa1)}
			case q.Question[0].Qtype == dns.TypeIXFR:
				return []*dns.Message{c.ixfr()}
			case q.Question[0].Qtype == dns.TypeSOA:
				return []*dns.Message{saying(t, c.soa)}
			}
			return []*dns.Message{saying(t, whole(c.soa)...)}
		}
		two := open(t, w, "two", Config{})
		two.do(two.AddSecondary(example, quick(i.serve(w.Host("one")))))
		two.until(1)
		w.Advance(22 * time.Second)
		if !slices.Equal(i.asked, c.want) {
			t.Errorf("%s: it asked %q, want %q", c.name, i.asked, c.want)
		}
		if got, want := two.Zone(example).SOA().String() == records(t, soa2)[0].String(), c.soa == soa2; got != want {
			t.Errorf("%s: it has the second version: %v", c.name, got)
		}
		two.stop()
		w.Close()
	}
}
