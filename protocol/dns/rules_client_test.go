package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// asking is a client of a host "server" whose fake server f is.
func asking(t *testing.T, w *sim.World, f *fakeServer) *Client {
	f.serve(t, w.Host("server"))
	c := &Client{Loop: w.Host("client").Loop(), Servers: []Upstream{upstreamAt(w.Host("server"))}}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestDNS_08WrongAnswers: what is no answer to the query is ignored, whatever
// is wrong with it, and the right one is taken when it comes.
func TestDNS_08WrongAnswers(t *testing.T) {
	forged := func(q *Message, change func(m *Message)) []byte {
		m := reply(q, q.Question[0].Name+" 60 A 203.0.113.66")
		change(m)
		return packed(m)
	}
	recase := func(s string) string {
		if up := strings.ToUpper(s); up != s {
			return up
		}
		return strings.ToLower(s)
	}
	for what, change := range map[string]func(m *Message){
		"another id":              func(m *Message) { m.Id++ },
		"no response":             func(m *Message) { m.Response = false },
		"another opcode":          func(m *Message) { m.Opcode = OpcodeNotify },
		"another name":            func(m *Message) { m.Question[0].Name = "other.test." },
		"another case":            func(m *Message) { m.Question[0].Name = recase(m.Question[0].Name) },
		"another type":            func(m *Message) { m.Question[0].Qtype = TypeAAAA },
		"another class":           func(m *Message) { m.Question[0].Qclass = ClassCH },
		"no question":             func(m *Message) { m.Question = nil },
		"no question, no records": func(m *Message) { m.Question, m.Answer, m.Extra = nil, nil, nil },
		"two questions":           func(m *Message) { m.Question = append(m.Question, m.Question[0]) },
		"another cookie":          func(m *Message) { setCookie(m, strings.Repeat("ab", 16)) },
		"a cookie too long":       func(m *Message) { setCookie(m, strings.Repeat("ab", 41)) },
	} {
		t.Run(what, func(t *testing.T) {
			w := sim.New(t, 0)
			f := new(fakeServer)
			f.raw = func(p []byte, from twistor.Peer) bool {
				q := f.heard[len(f.heard)-1]
				f.Send(forged(q, change), from)
				f.Loop().CallLater(200*time.Millisecond, func() { f.Send(packed(reply(q, q.Question[0].Name+" 60 A 192.0.2.1")), from) })
				return true
			}
			c := asking(t, w, f)
			m, err := ask(t, w, c.Resolve(Question{Name: "a.long-name-with-letters.test.", Qtype: TypeA}, Options{}))
			if err != nil || len(m.Answer) != 1 || m.Answer[0].(*A).A.String() != "192.0.2.1" {
				t.Fatalf("got %v, %v", m, err)
			}
			if c.Stats().Wrong != 1 || len(f.heard) != 1 {
				t.Errorf("%d wrong, %d queries: want one of each", c.Stats().Wrong, len(f.heard))
			}
			if tcp := c.Stats().OverTCP == 1; tcp != strings.Contains(what, "case") && tcp != strings.Contains(what, "cookie") {
				t.Errorf("over TCP as well: %v", tcp)
			}
		})
	}
	t.Run("positive control", func(t *testing.T) {
		w := sim.New(t, 0)
		f := new(fakeServer)
		f.raw = func(p []byte, from twistor.Peer) bool {
			f.Send(forged(f.heard[0], func(*Message) {}), from)
			return true
		}
		c := asking(t, w, f)
		m, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{}))
		if err != nil || m.Answer[0].(*A).A.String() != "203.0.113.66" || c.Stats().Wrong != 0 {
			t.Errorf("who knows all is believed: got %v, %v", m, err)
		}
	})
	t.Run("garbage", func(t *testing.T) {
		w := sim.New(t, 0)
		f := new(fakeServer)
		f.raw = func(p []byte, from twistor.Peer) bool {
			good := packed(reply(f.heard[0], f.heard[0].Question[0].Name+" 60 A 192.0.2.1"))
			for n := range len(good) - 1 { // cut anywhere
				if n < 5 {
					f.Send(good[:n*5], from)
				}
			}
			f.Send(append(slices.Clone(good), 0), from) // something behind the end
			f.Send(good, from)
			return true
		}
		c := asking(t, w, f)
		if m, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{})); err != nil || len(m.Answer) != 1 {
			t.Errorf("got %v, %v", m, err)
		}
	})
}

func setCookie(m *Message, hex string) {
	m.Extra = nil
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = append(m.IsEdns0().Option, withCookie(hex))
}

// TestDNS_08WrongPlace: datagrams from another port or address than the
// server's are ignored, even if all else fits.
func TestDNS_08WrongPlace(t *testing.T) {
	w := sim.New(t, 0)
	f, other := new(fakeServer), new(sim.PacketEar)
	if _, err := w.Host("server").Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":5300"}, other); err != nil {
		t.Fatal(err)
	}
	attacker := new(sim.PacketEar)
	if _, err := w.Host("attacker").Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, attacker); err != nil {
		t.Fatal(err)
	}
	f.raw = func(p []byte, from twistor.Peer) bool {
		q := f.heard[0]
		bad := packed(reply(q, q.Question[0].Name+" 60 A 203.0.113.66"))
		other.Send(bad, from)
		attacker.Send(bad, twistor.Peer{Addr: from.Addr})
		f.Loop().CallLater(100*time.Millisecond, func() { f.Send(packed(reply(q, q.Question[0].Name+" 60 A 192.0.2.1")), from) })
		return true
	}
	c := asking(t, w, f)
	m, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{}))
	if err != nil || m.Answer[0].(*A).A.String() != "192.0.2.1" {
		t.Errorf("got %v, %v", m, err)
	}
}

// TestDNS_08Connected: also where the system does not keep them off.
func TestDNS_08Connected(t *testing.T) {
	clock := sim.NewClock(t)
	server := netip.MustParseAddrPort("192.0.2.53:53")
	c := &Client{Loop: clock, Servers: []Upstream{{Addr: server}}}
	d := c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{})
	port := clock.PacketPorts()[0]
	if port.Config.Remote != server {
		t.Errorf("connected to %v", port.Config.Remote)
	}
	q := new(Message)
	if err := q.Unpack([]byte(port.Take()[0].Bytes)); err != nil {
		t.Fatal(err)
	}
	good := string(packed(reply(q, q.Question[0].Name+" 60 A 192.0.2.1")))
	for _, from := range []string{"192.0.2.53:54", "192.0.2.54:53", "[::ffff:192.0.2.54]:53"} {
		port.Receive(good, twistor.Peer{Addr: netip.MustParseAddrPort(from)})
		clock.Advance(0)
		if _, fired := d.Result(); fired {
			t.Fatalf("takes an answer from %s", from)
		}
	}
	port.Receive(good, twistor.Peer{Addr: server})
	clock.Advance(0)
	if _, err := outcome(d); err != nil || c.Stats().Wrong != 3 {
		t.Errorf("got %v, and %d wrong", err, c.Stats().Wrong)
	}
}

// TestClientCase: the random case of the query's name is not seen in the
// answer, though the server's names point to the question.
func TestClientCase(t *testing.T) {
	w := sim.New(t, 0)
	s := &Server{Handler: HandlerFunc(func(w *ResponseWriter, q *Query) {
		mx, _ := ParseRR("written.by.somebody.test. 60 MX 1 mail.written.by.somebody.test.")
		w.Answer(mx)
	})}
	h := w.Host("server")
	if _, err := h.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, s.Packets()); err != nil {
		t.Fatal(err)
	}
	c := &Client{Loop: w.Host("client").Loop(), Servers: []Upstream{upstreamAt(h)}}
	q := &Message{Question: []Question{{Name: "Written.by.Somebody.test.", Qtype: TypeMX, Qclass: ClassIN}}}
	m, err := ask(t, w, c.Exchange(q, c.Servers[0]))
	if err != nil || m.Question[0].Name != "Written.by.Somebody.test." || m.Answer[0].Header().Name != m.Question[0].Name || m.Answer[0].(*MX).Mx != "mail.Written.by.Somebody.test." {
		t.Errorf("got %v, %v", m, err)
	}
}

// TestDNS_08Unsolicited: records that nobody asked for are not passed on; those
// that aliases lead to are.
func TestDNS_08Unsolicited(t *testing.T) {
	w := sim.New(t, 0)
	f := &fakeServer{udp: func(q *Message, _ twistor.Peer) []*Message {
		return []*Message{reply(q, "www.a.test. 60 CNAME x.sub.b.test.", "bank.test. 60 A 203.0.113.66", "sub.b.test. 60 DNAME c.test.", "b.test. 60 MX 1 evil.test.",
			"x.sub.b.test. 60 CNAME x.c.test.", "x.c.test. 60 A 192.0.2.1", "x.c.test. 60 TXT more", "other.test. 60 DNAME evil.test.",
			"x.c.test. 60 RRSIG A 13 3 60 20300101000000 20290101000000 1 c.test. AAAA", "x.c.test. 60 RRSIG TXT 13 3 60 20300101000000 20290101000000 1 c.test. AAAA")}
	}}
	c := asking(t, w, f)
	m, err := ask(t, w, c.Resolve(Question{Name: "www.a.test.", Qtype: TypeA}, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range m.Answer {
		got = append(got, r.Header().Name+" "+Type(r.Header().Rrtype).String())
	}
	if got, want := fmt.Sprint(got), "[www.a.test. CNAME sub.b.test. DNAME x.sub.b.test. CNAME x.c.test. A x.c.test. RRSIG]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestDNS_08Flood: an attacker who can forge the server's address and knows
// everything but id and case floods the port with guesses. After ten wrong ones
// the client asks over TCP, and is not deceived.
func TestDNS_08Flood(t *testing.T) {
	sim.Seeds(t, 20, func(t *testing.T, w *sim.World) {
		f := new(fakeServer)
		f.raw = func(p []byte, from twistor.Peer) bool {
			q := f.heard[len(f.heard)-1]
			bad := reply(q, q.Question[0].Name+" 60 A 203.0.113.66")
			for i := range 500 {
				bad.Id = q.Id + 1 + uint16(i)
				f.Send(packed(bad), from)
			}
			return true
		}
		f.tcp = saying("60 A 192.0.2.1")
		c := asking(t, w, f)
		m, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{}))
		if err != nil || m.Answer[0].(*A).A.String() != "192.0.2.1" {
			t.Fatalf("got %v, %v", m, err)
		}
		if got := c.Stats(); got.OverTCP != 1 || got.Wrong < 10 || len(f.heard) != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

// TestDNS_08FoldedCase: a server that does not keep the case of names is asked
// over TCP, at once.
func TestDNS_08FoldedCase(t *testing.T) {
	w := sim.New(t, 0)
	fold := func(q *Message, p twistor.Peer) []*Message {
		m := reply(q, "name.with.letters.test. 60 A 192.0.2.1")
		m.Question = []Question{{Name: strings.ToLower(q.Question[0].Name), Qtype: TypeA, Qclass: ClassIN}}
		return []*Message{m}
	}
	f := &fakeServer{udp: fold, tcp: fold}
	c := asking(t, w, f)
	m, err := ask(t, w, c.Resolve(Question{Name: "name.with.letters.test.", Qtype: TypeA}, Options{}))
	if err != nil || len(m.Answer) != 1 || len(f.asked) != 1 || w.Elapsed() > 500*time.Millisecond {
		t.Errorf("got %v, %v, %d over TCP, after %v", m, err, len(f.asked), w.Elapsed())
	}
	if name := f.heard[0].Question[0].Name; name == strings.ToLower(name) || name == strings.ToUpper(name) {
		t.Errorf("asked for %s: want random case", name)
	}
	c.KeepCase = true
	if _, err := ask(t, w, c.Resolve(Question{Name: "other.test.", Qtype: TypeA}, Options{})); err != nil {
		t.Error(err)
	}
	if name := f.heard[1].Question[0].Name; name != "other.test." {
		t.Errorf("KeepCase: asked for %s", name)
	}
}

// chiSquare is how far counts are from even.
func chiSquare(counts []int) float64 {
	total := 0
	for _, n := range counts {
		total += n
	}
	want := float64(total) / float64(len(counts))
	sum := 0.0
	for _, n := range counts {
		sum += (float64(n) - want) * (float64(n) - want) / want
	}
	return sum
}

// TestDNS_09Random: 100,000 draws of id, port and case, as each query makes
// one, are evenly distributed, each for itself and both together; so are the
// bits that follow each other. The limits are those of p = 0.001.
func TestDNS_09Random(t *testing.T) {
	const n = 100_000
	evenly := func(d func() (draw, error)) (worst string) {
		ids, ports, pairs, steps, bits := make([]int, 256), make([]int, 252), make([]int, 256), make([]int, 256), make([]int, 256)
		last := draw{}
		for range n {
			d, err := d()
			if err != nil {
				t.Fatal(err)
			}
			if d.port < firstPort {
				t.Fatalf("port %d", d.port)
			}
			ids[d.id>>8]++
			ports[(d.port-firstPort)/256]++
			pairs[(d.id^d.port)&0xff]++
			steps[byte(d.id-last.id)]++
			bits[d.bits[0]]++
			last = d
		}
		for name, counts := range map[string][]int{"ids": ids, "ports": ports, "id and port": pairs, "steps": steps, "case": bits} {
			if x := chiSquare(counts); x > 330.6 { // 255 degrees of freedom
				worst = fmt.Sprintf("%s: chi-square %.1f", name, x)
			}
		}
		return worst
	}
	rand := sim.NewClock(t).Rand()
	if worst := evenly(func() (draw, error) { return drawn(rand) }); worst != "" {
		t.Error(worst)
	}
	i := uint16(0)
	if worst := evenly(func() (draw, error) { i++; return draw{id: i, port: max(firstPort, i*3)}, nil }); worst == "" {
		t.Error("positive control: a counter passes as random")
	}
}

// TestDNS_09FreshSocket: each query on the wire, also each repetition, has an id
// and a port of its own.
func TestDNS_09FreshSocket(t *testing.T) {
	w := sim.New(t, 0)
	f := &fakeServer{udp: saying("60 A 192.0.2.1")}
	c := asking(t, w, f)
	const n = 2_000
	left := n
	for i := range n {
		c.Resolve(Question{Name: fmt.Sprintf("n%d.test.", i), Qtype: TypeA}, Options{}).Done(func(_ *Message, err error) {
			if err != nil {
				t.Error(err)
			}
			left--
		})
	}
	w.Run(func() bool { return left == 0 })
	ports, ids, same := map[uint16]int{}, map[uint16]int{}, 0
	high := make([]int, 16)
	for i, q := range f.heard {
		ports[f.from[i].Addr.Port()]++
		ids[q.Id]++
		high[q.Id>>12]++
		if i > 0 && f.from[i].Addr.Port() == f.from[i-1].Addr.Port() {
			same++
		}
	}
	// Of 2,000 out of 65,536, about 31 meet another one.
	if len(ports) < n-80 || len(ids) < n-80 || same > 1 {
		t.Errorf("%d ports and %d ids for %d queries, %d ports twice in a row", len(ports), len(ids), n, same)
	}
	if x := chiSquare(high); x > 37.7 { // 15 degrees of freedom
		t.Errorf("ids: chi-square %.1f", x)
	}
	f.udp = nil
	f.heard, f.from = nil, nil
	if _, err := ask(t, w, c.Resolve(Question{Name: "silent.test.", Qtype: TypeA}, Options{})); !errors.Is(err, ErrTimeout) {
		t.Error(err)
	}
	if len(f.from) != 3 || f.from[0] == f.from[1] || f.from[1] == f.from[2] || f.heard[0].Id == f.heard[1].Id {
		t.Errorf("repetitions from %v", f.from)
	}
}

// holes answers but for names that begin with "bad".
func holes(q *Message, _ twistor.Peer) []*Message {
	if strings.HasPrefix(strings.ToLower(q.Question[0].Name), "bad") {
		return nil
	}
	return []*Message{reply(q, q.Question[0].Name+" 60 A 192.0.2.1")}
}

// flooded asks for as many names that nobody answers for as for others, and
// returns how long the others took, sorted.
func flooded(t *testing.T, w *sim.World, c *Client, n int) (took []time.Duration) {
	bad, badDone := 0, 0
	began := w.Now()
	for i := range n {
		c.Resolve(Question{Name: fmt.Sprintf("bad%d.test.", i), Qtype: TypeA}, Options{}).Done(func(_ *Message, err error) {
			badDone++
			if errors.Is(err, ErrTimeout) && w.Now().Sub(began) <= 11*time.Second {
				bad++
			}
		})
		c.Resolve(Question{Name: fmt.Sprintf("good%d.test.", i), Qtype: TypeA}, Options{}).Done(func(_ *Message, err error) {
			if err != nil {
				t.Errorf("F-22: a good name: %v", err)
			}
			took = append(took, w.Now().Sub(began))
		})
	}
	w.Run(func() bool { return len(took) == n && badDone == n })
	if bad != n {
		t.Errorf("DNS-16: %d of %d bad names failed with ErrTimeout after the deadline", bad, n)
	}
	slices.Sort(took)
	return took
}

// TestF_22BlackHole: half of 2,000 names are never answered; the others are not
// held up, though there are far fewer sockets than names. DNS-16 as well.
func TestF_22BlackHole(t *testing.T) {
	w := sim.New(t, 0)
	w.Net.Latency, w.Net.Jitter = time.Millisecond, time.Millisecond
	c := asking(t, w, &fakeServer{udp: holes})
	took := flooded(t, w, c, 1_000)
	if p99 := took[len(took)*99/100]; p99 > 50*time.Millisecond {
		t.Errorf("F-22: p99 of the good names is %v", p99)
	}
	t.Run("few sockets", func(t *testing.T) {
		w := sim.New(t, 0)
		w.Net.Latency, w.Net.Jitter = time.Millisecond, time.Millisecond
		c := asking(t, w, &fakeServer{udp: holes})
		c.MaxSockets = 64
		took := flooded(t, w, c, 300)
		if last := took[len(took)-1]; last > 500*time.Millisecond || c.Stats().TookAway == 0 {
			t.Errorf("the last good name took %v, and %d sockets changed hands", last, c.Stats().TookAway)
		}
	})
}

// TestDNS_16Silent: while an upstream is silent, lookups by another one, and
// all else on the loop, go on.
func TestDNS_16Silent(t *testing.T) {
	w := sim.New(t, 0)
	w.Net.Latency = time.Millisecond
	new(fakeServer).serve(t, w.Host("silent"))
	(&fakeServer{udp: saying("60 A 192.0.2.1")}).serve(t, w.Host("server"))
	l := w.Host("client").Loop()
	silent := &Client{Loop: l, Servers: []Upstream{upstreamAt(w.Host("silent"))}}
	c := &Client{Loop: l, Servers: []Upstream{upstreamAt(w.Host("silent")), upstreamAt(w.Host("server"))}}
	slow := silent.Resolve(Question{Name: "slow.test.", Qtype: TypeA}, Options{})
	if _, err := ask(t, w, c.Resolve(Question{Name: "first.test.", Qtype: TypeA}, Options{})); err != nil || w.Elapsed() > 1100*time.Millisecond {
		t.Errorf("the second server after the first's timeout: %v, %v", err, w.Elapsed())
	}
	left, began := 1_000, w.Elapsed()
	for i := range 1_000 {
		c.Resolve(Question{Name: fmt.Sprintf("n%d.test.", i), Qtype: TypeA}, Options{}).Done(func(_ *Message, err error) {
			if left--; err != nil {
				t.Error(err)
			}
		})
	}
	w.Run(func() bool { return left == 0 })
	if d := w.Elapsed() - began; d > 50*time.Millisecond {
		t.Errorf("1,000 names took %v beside a server that is known to be silent", d)
	}
	_, err := ask(t, w, slow)
	if !errors.Is(err, ErrTimeout) || w.Elapsed() != 10*time.Second {
		t.Errorf("the silent one: %v after %v", err, w.Elapsed())
	}
}

// TestClientBounds: MaxPending and the sockets hold; identical questions are
// one; who leaves takes the question along.
func TestClientBounds(t *testing.T) {
	w := sim.New(t, 0)
	f := new(fakeServer)
	c := asking(t, w, f)
	c.MaxPending, c.MaxSockets = 5, 2
	var ds []*deferred.Deferred[*Message]
	for i := range 5 {
		ds = append(ds, c.Resolve(Question{Name: fmt.Sprintf("n%d.test.", i), Qtype: TypeA}, Options{}))
	}
	if _, err := outcome(c.Resolve(Question{Name: "more.test.", Qtype: TypeA}, Options{})); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	if _, err := outcome(c.Exchange(&Message{Question: []Question{{Name: "more.test.", Qtype: TypeA, Qclass: ClassIN}}}, c.Servers[0])); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	again := c.Resolve(Question{Name: "N0.test", Qtype: TypeA}, Options{}) // on its way already
	if c.Stats().Merged != 1 {
		t.Errorf("got %+v", c.Stats())
	}
	w.Advance(10 * time.Millisecond)
	if len(f.heard) != 2 || c.sockets != 2 {
		t.Errorf("%d queries by %d sockets", len(f.heard), c.sockets)
	}
	ds[0].Cancel()
	w.Advance(10 * time.Millisecond)
	if c.pending != 5 {
		t.Errorf("somebody waits still: %d pending", c.pending)
	}
	again.Cancel()
	for _, d := range ds[1:] {
		d.Cancel()
	}
	w.Advance(10 * time.Millisecond)
	if c.pending != 0 || c.sockets != 0 || len(c.errands) != 0 || c.tries.Len()+c.fresh.Len()+c.parked.Len() != 0 {
		t.Errorf("left behind: %d pending, %d sockets", c.pending, c.sockets)
	}
}

// TestClientEDNS: OPT and cookies by default; without, for servers that do not
// know them.
func TestClientEDNS(t *testing.T) {
	w := sim.New(t, 0)
	var code int
	f := &fakeServer{udp: func(q *Message, _ twistor.Peer) []*Message {
		m := reply(q, q.Question[0].Name+" 60 A 192.0.2.1")
		if q.IsEdns0() != nil {
			m.Rcode, m.Answer, m.Extra = code, nil, nil
			if code == RcodeFormatError {
				m.Question = nil
			}
		}
		return []*Message{m}
	}}
	c := asking(t, w, f)
	for _, code = range []int{RcodeFormatError, RcodeNotImplemented} {
		f.heard = nil
		m, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{}))
		if err != nil || len(m.Answer) != 1 || len(f.heard) != 2 {
			t.Fatalf("%s: got %v, %v after %d queries", Rcode(code), m, err, len(f.heard))
		}
		opt := f.heard[0].IsEdns0()
		if opt == nil || opt.UDPSize() != 1232 || opt.Do() || len(opt.Option) != 1 || opt.Option[0].Option() != optionCookie {
			t.Errorf("got %v", opt)
		}
		if q := f.heard[0]; !q.RecursionDesired || q.CheckingDisabled || q.AuthenticatedData {
			t.Errorf("flags: got %v", q.MsgHdr)
		}
	}
	f.heard, f.udp = nil, saying("60 A 192.0.2.1")
	c.TrustAD = true
	if _, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{DNSSECOK: true, CheckingDisabled: true})); err != nil {
		t.Fatal(err)
	}
	if q := f.heard[0]; !q.IsEdns0().Do() || !q.CheckingDisabled || !q.AuthenticatedData {
		t.Errorf("DO, CD and AD: got %v", q)
	}
	c.NoEDNS = true
	if _, err := ask(t, w, c.Resolve(Question{Name: "b.test.", Qtype: TypeA}, Options{})); err != nil || f.heard[1].IsEdns0() != nil {
		t.Errorf("NoEDNS: got %v, %v", f.heard[1], err)
	}
}

// TestClientTrustAD: who validates is believed only if we are told to.
func TestClientTrustAD(t *testing.T) {
	w := sim.New(t, 0)
	c := asking(t, w, &fakeServer{udp: func(q *Message, p twistor.Peer) []*Message {
		m := reply(q, q.Question[0].Name+" 60 A 192.0.2.1")
		m.AuthenticatedData = true
		return []*Message{m}
	}})
	for _, trust := range []bool{false, true} {
		c.TrustAD = trust
		if m, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{})); err != nil || m.AuthenticatedData != trust {
			t.Errorf("TrustAD %v: got %v, %v", trust, m, err)
		}
	}
}

// TestClientCookies: with a Server's cookies: ours is the same for each query,
// the server's is sent back; who has a cookie is not believed without it.
func TestClientCookies(t *testing.T) {
	w := sim.New(t, 0)
	s := &Server{RequireCookie: true, Handler: HandlerFunc(func(w *ResponseWriter, q *Query) {
		w.Answer(&A{Hdr: q.Header(60), A: []byte{192, 0, 2, 1}})
	})}
	h := w.Host("real")
	if _, err := h.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, s.Packets()); err != nil {
		t.Fatal(err)
	}
	c := &Client{Loop: w.Host("client").Loop(), Servers: []Upstream{upstreamAt(h)}}
	for i, want := range []int64{2, 3, 4} { // BADCOOKIE once, then it is known
		if m, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{})); err != nil || len(m.Answer) != 1 || c.Stats().Queries != want {
			t.Fatalf("%d: got %v, %v after %d queries", i, m, err, c.Stats().Queries)
		}
	}

	w = sim.New(t, 0)
	var sent []string
	without := false
	f := &fakeServer{tcp: saying("60 A 192.0.2.1")}
	f.udp = func(q *Message, _ twistor.Peer) []*Message {
		m := reply(q, q.Question[0].Name+" 60 A 203.0.113.66")
		if got := sentCookie(q); got != "" {
			sent = append(sent, got)
			if !without {
				m.Answer = []RR{rr(q.Question[0].Name + " 60 A 192.0.2.1")}
				m.IsEdns0().Option = append(m.IsEdns0().Option, withCookie(got[:16]+"1122334455667788"))
			}
		}
		return []*Message{m}
	}
	c = asking(t, w, f)
	for i := range 3 {
		without = i == 2
		m, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{}))
		if err != nil || m.Answer[0].(*A).A.String() != "192.0.2.1" {
			t.Errorf("%d: got %v, %v", i, m, err)
		}
	}
	if len(sent) != 3 || len(sent[0]) != 16 || sent[1] != sent[0]+"1122334455667788" {
		t.Errorf("sent %q", sent)
	}
	if len(f.asked) != 1 {
		t.Errorf("without its cookie: %d over TCP, want 1", len(f.asked))
	}
}

// TestClientCookieJar: it forgets the servers that were asked longest ago.
func TestClientCookieJar(t *testing.T) {
	var j cookieJar
	r := sim.NewClock(t).Rand()
	first, _ := j.of("192.0.2.1:53", r)
	for i := range 3 * maxCookies {
		j.of("192.0.2.1:53", r)
		j.of(fmt.Sprint(i), r)
	}
	if len(j.at) != maxCookies || j.used.Len() != maxCookies {
		t.Errorf("keeps %d, %d", len(j.at), j.used.Len())
	}
	if again, _ := j.of("192.0.2.1:53", r); again != first {
		t.Error("the one in use is forgotten")
	}
}

// TestClientNetworks: lost, late and doubled datagrams, bytes cut anywhere:
// answers come all the same, the right ones.
func TestClientNetworks(t *testing.T) {
	sim.Seeds(t, 20, func(t *testing.T, w *sim.World) {
		w.Net.Loss, w.Net.Duplicate, w.Net.Reorder = 0.2, 0.2, 0.5
		f := &fakeServer{}
		f.udp = func(q *Message, p twistor.Peer) []*Message {
			m := reply(q, q.Question[0].Name+" 60 TXT "+strings.ToLower(q.Question[0].Name))
			m.Truncated = len(q.Question[0].Name)%2 == 0
			return []*Message{m}
		}
		f.tcp = func(q *Message, p twistor.Peer) []*Message {
			return []*Message{reply(q, q.Question[0].Name+" 60 TXT "+strings.ToLower(q.Question[0].Name))}
		}
		c := asking(t, w, f)
		c.Timeouts = []time.Duration{time.Second, time.Second, time.Second, time.Second, time.Second, time.Second}
		left := 60
		for i := range 60 {
			name := "n" + strings.Repeat("x", i) + ".test."
			c.Resolve(Question{Name: name, Qtype: TypeTXT}, Options{}).Done(func(m *Message, err error) {
				left--
				if err != nil && !errors.Is(err, ErrTimeout) || err == nil && (len(m.Answer) != 1 || m.Answer[0].(*TXT).Txt[0] != name) {
					t.Errorf("%s: got %v, %v", name, m, err)
				}
			})
		}
		w.Run(func() bool { return left == 0 })
	})
}

// TestClientServers: which of several is asked.
func TestClientServers(t *testing.T) {
	w := sim.New(t, 0)
	l := w.Host("client").Loop()
	var fs []*fakeServer
	var ups []Upstream
	for i, d := range []time.Duration{30 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond} {
		f := new(fakeServer)
		f.raw = func(p []byte, from twistor.Peer) bool {
			q := f.heard[len(f.heard)-1]
			f.Loop().CallLater(d, func() { f.Send(packed(reply(q, q.Question[0].Name+" 60 A 192.0.2.1")), from) })
			return true
		}
		fs = append(fs, f.serve(t, w.Host(fmt.Sprint("s", i))))
		ups = append(ups, upstreamAt(w.Host(fmt.Sprint("s", i))))
	}
	n := 0
	heard := func(c *Client, times int) string {
		t.Helper()
		for _, f := range fs {
			f.heard = nil
		}
		for range times {
			n++
			if _, err := ask(t, w, c.Resolve(Question{Name: fmt.Sprintf("n%d.test.", n), Qtype: TypeA}, Options{})); err != nil {
				t.Fatal(err)
			}
		}
		return fmt.Sprint(len(fs[0].heard), len(fs[1].heard), len(fs[2].heard))
	}
	if got := heard(&Client{Loop: l, Servers: ups}, 9); got != "9 0 0" {
		t.Errorf("as listed: %s", got)
	}
	if got := heard(&Client{Loop: l, Servers: ups, Order: InTurn}, 9); got != "3 3 3" {
		t.Errorf("in turn: %s", got)
	}
	if got := heard(&Client{Loop: l, Servers: ups, Order: Fastest}, 9); got != "1 7 1" {
		t.Errorf("the fastest: %s", got)
	}
	// One that says SERVFAIL, or is not there, is passed over.
	fs[0].raw, fs[0].udp = nil, func(q *Message, _ twistor.Peer) []*Message {
		m := reply(q)
		m.Rcode = RcodeServerFailure
		return []*Message{m}
	}
	nobody := Upstream{Addr: netip.AddrPortFrom(w.Host("nobody").Addr(), 53)}
	c := &Client{Loop: l, Servers: []Upstream{nobody, ups[0], ups[1]}}
	began := w.Elapsed()
	if got := heard(c, 1); got != "1 1 0" || w.Elapsed()-began > 100*time.Millisecond {
		t.Errorf("past the lame: %s after %v", got, w.Elapsed()-began)
	}
	c = &Client{Loop: l, Servers: ups[:1]}
	_, err := ask(t, w, c.Resolve(Question{Name: "x.test.", Qtype: TypeA}, Options{}))
	var r *ResponseError
	if !errors.Is(err, ErrServerFailure) || !errors.As(err, &r) || r.Server != ups[0].String() {
		t.Errorf("got %v", err)
	}
	c = &Client{Loop: l, Servers: []Upstream{nobody}}
	if _, err = ask(t, w, c.Resolve(Question{Name: "x.test.", Qtype: TypeA}, Options{})); err == nil || errors.Is(err, ErrTimeout) {
		t.Errorf("nobody is there: got %v", err)
	}
	if _, err = outcome((&Client{Loop: l}).Resolve(Question{Name: "x.test.", Qtype: TypeA}, Options{})); !errors.Is(err, errNoServers) {
		t.Errorf("got %v", err)
	}
}

func sentCookie(m *Message) string {
	if o := m.IsEdns0(); o != nil {
		for _, o := range o.Option {
			if o.Option() == optionCookie {
				return o.String()
			}
		}
	}
	return ""
}

// TestClientTellsOfSilentServers: a server that does not answer again and again is
// in the log once, with why, and once more when it answers; a lost packet is not.
func TestClientTellsOfSilentServers(t *testing.T) {
	w := sim.New(t, 0)
	w.Net.Latency = time.Millisecond
	f := new(fakeServer)
	f.serve(t, w.Host("server"))
	c := &Client{Loop: w.Host("client").Loop(), Servers: []Upstream{upstreamAt(w.Host("server"))}, Deadline: 500 * time.Millisecond}
	resolve := func(i int) {
		t.Helper()
		ask(t, w, c.Resolve(Question{Name: fmt.Sprintf("n%d.test.", i), Qtype: TypeA}, Options{}))
	}
	resolve(0)
	if log := w.Logged(); strings.Contains(log, "a server does not answer") {
		t.Errorf("after one failure the log has\n%s", log)
	}
	for i := range 5 {
		resolve(1 + i)
	}
	f.udp = saying("60 A 192.0.2.1")
	resolve(10)
	resolve(11)
	for _, want := range []string{"a server does not answer", "a server answers again"} {
		if n := strings.Count(w.Logged(), want); n != 1 {
			t.Errorf("%q is %d times in the log, want once:\n%s", want, n, w.Logged())
		}
	}
}
