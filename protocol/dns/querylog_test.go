package dns

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestLineLog: each query has its line, whatever became of it, and nobody can
// write a line of his own.
func TestLineLog(t *testing.T) {
	k := testKey(t, "")
	var out bytes.Buffer
	h := new(later)
	s := &Server{Handler: h, Keys: testRing(t, k), Log: &LineLog{To: &out}, MaxPending: 2, RatePerSecond: 4}
	b := newBench(t, s)
	h.loop = b.clock
	_, p := question(t, "WWW.example.com.", TypeA)
	b.udp(p, client)
	b.clock.Advance(1500 * time.Millisecond)
	h.complete(0)
	b.clock.Advance(0)
	b.port.Take()
	s.Handler = aHandler
	_, p = question(t, `a\010b.x\ y."\;.`, 65280)
	b.udp(p, from("[2001:db8::1]:53000"))
	signed, _, _ := k.Sign(p, b.clock.Now())
	tr := b.tcpFrom("198.51.100.9:1")
	tr.Receive(framed(signed))
	b.udp([]byte("\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"), client)
	p[2] = OpcodeNotify << 3
	b.udp(p, client)
	s.Handler = HandlerFunc(func(w *ResponseWriter, q *Query) { w.Drop() })
	p[2] = 0
	b.udp(p, client)
	p[2] = 0x80
	b.udp(p, client) // no query, no line
	tr.Reset()
	b.clock.Advance(0)
	want := `2030-01-01T00:00:01.500Z 198.51.100.7:4711 udp www.example.com. IN A NOERROR 49 1500.000ms
2030-01-01T00:00:01.500Z [2001:db8::1]:53000 udp a\010b.x\032y.\"\;. IN TYPE65280 NOERROR 44 0.000ms
2030-01-01T00:00:01.500Z 198.51.100.9:1 tcp a\010b.x\032y.\"\;. IN TYPE65280 NOERROR 133 0.000ms transfer.example.
2030-01-01T00:00:01.500Z 198.51.100.7:4711 udp - - - FORMERR 12 0.000ms
2030-01-01T00:00:01.500Z 198.51.100.7:4711 udp NOTIFY a\010b.x\032y.\"\;. IN TYPE65280 NOTIMP 28 0.000ms
2030-01-01T00:00:01.500Z 198.51.100.7:4711 udp a\010b.x\032y.\"\;. IN TYPE65280 - 0 0.000ms
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	st := s.Stats()
	if st.Queries != [4]uint64{6, 1} || st.Types[TypeA] != 1 || st.Types[0] != 4 || st.Rcodes[RcodeSuccess] != 3 || st.Rcodes[RcodeFormatError] != 1 ||
		st.Rcodes[RcodeNotImplemented] != 1 || st.Ignored != 1 || st.Dropped != 1 || st.Sent != 49+44+133+12+28 {
		t.Errorf("got %+v", st)
	}
	sum := st
	sum.Add(&st)
	if sum.Queries[OverUDP] != 12 || sum.Types[0] != 8 || sum.Rcodes[0] != 6 || sum.Ignored != 2 || sum.Dropped != 2 || sum.Sent != 2*st.Sent || sum.Received != 2*st.Received {
		t.Errorf("got a sum of %+v", sum)
	}
}

// TestN01: all header flags go there and back, unknown types stay as they are,
// names are compressed, and what is cut short is an error.
func TestN01(t *testing.T) {
	for bit := range uint16(16) {
		p := rawMessage(1<<bit, 1).name("a").question(TypeA).b
		m, err := ParseMessage(p)
		if err != nil {
			t.Fatal(err)
		}
		if back := pack(t, m); !bytes.Equal(back[:12], p[:12]) && bit != 6 { // Z, which is reserved
			t.Errorf("flags %#x: got %x, want %x", 1<<bit, back[:12], p[:12])
		}
	}
	b := newBench(t, &Server{Handler: HandlerFunc(func(w *ResponseWriter, q *Query) {
		rr := record(t, `www.Example.com. 60 IN TYPE65280 \# 4 01020304`)
		w.Answer(rr, record(t, "www.example.com. 60 IN MX 10 mail.www.example.com."))
		w.Add(Additional, record(t, "mail.www.example.com. 60 IN A 192.0.2.1"))
	})})
	_, p := question(t, "www.example.com.", TypeANY)
	answers := b.udp(p, client)
	m := one(t, answers)
	if got := m.Answer[0].(*dns.RFC3597).Rdata; got != "01020304" {
		t.Errorf("an unknown type: got %q", got)
	}
	if n := strings.Count(strings.ToLower(answers[0]), "example"); n != 1 {
		t.Errorf("got the name %d times, want it once, and pointers", n)
	}
	whole := answers[0]
	for i := range whole {
		if refused(t, []byte(whole[:i])) == false {
			t.Errorf("cut to %d of %d bytes: not refused", i, len(whole))
		}
	}
	if !refused(t, []byte(whole+"\x00")) {
		t.Error("with a byte behind it: not refused")
	}
}

// TestAnswer: what came by other means is answered once, or not at all, and
// whoever waits can leave.
func TestAnswer(t *testing.T) {
	h := new(later)
	b := newBench(t, &Server{Handler: h, Allow: func(a netip.Addr) bool { return a == client.Addr.Addr() }})
	h.loop = b.clock
	_, p := question(t, "example.com.", TypeA)
	d := b.s.Answer(b.clock, p, client, OverHTTPS)
	if _, fired := d.Result(); fired {
		t.Fatal("got an answer before there was one")
	}
	clear(p) // it is kept
	h.complete(0)
	b.clock.Advance(0)
	if o, _ := d.Result(); one(t, []string{string(o.Value)}).Question[0].Name != "example.com." {
		t.Errorf("got %x", o.Value)
	}
	_, p = question(t, "example.com.", TypeA)
	d = b.s.Answer(b.clock, p, client, OverHTTPS)
	d.Cancel()
	b.clock.Advance(0)
	if h.dropped != 1 || b.s.pending != 0 {
		t.Errorf("after it left: got %d cancelled, %d pending", h.dropped, b.s.pending)
	}
	d = b.s.Answer(b.clock, p, from("203.0.113.1:1"), OverHTTPS)
	if o, fired := d.Result(); !fired || one(t, []string{string(o.Value)}).Rcode != RcodeRefused {
		t.Errorf("who is not allowed: got %v, %x", fired, o.Value)
	}
	if o, fired := b.s.Answer(b.clock, p[:5], client, OverHTTPS).Result(); !fired || o.Value != nil || o.Err != nil {
		t.Errorf("no query: got %v, %x, %v", fired, o.Value, o.Err)
	}
}

// TestLifetime: the least TTL of the answers; of what is not there, what its SOA
// says; of errors and what is truncated none.
func TestLifetime(t *testing.T) {
	const soa = "example.com. 900 IN SOA n. m. 1 2 3 4 30"
	for _, tt := range []struct {
		name         string
		rcode        int
		tc           bool
		answer, auth []string
		want         uint32
	}{
		{"answers", 0, false, []string{"a. 60 IN CNAME b.", "b. 20 IN A 192.0.2.1"}, []string{"b. 5 IN NS c."}, 20},
		{"nothing there", 3, false, nil, []string{soa}, 30},
		{"a short SOA", 3, false, nil, []string{strings.Replace(soa, "900", "9", 1)}, 9},
		{"an alias of nothing", 3, false, []string{"a. 60 IN CNAME b."}, []string{soa}, 60},
		{"no data, signed", 0, false, nil, []string{"example.com. 7 IN NS n.", soa}, 30},
		{"nothing at all", 0, false, nil, nil, 0},
		{"an error", 2, false, []string{"a. 60 IN A 192.0.2.1"}, nil, 0},
		{"truncated", 0, true, []string{"a. 60 IN A 192.0.2.1"}, nil, 0},
	} {
		m := new(dns.Msg)
		m.SetQuestion("a.", TypeA)
		m.Response, m.Rcode, m.Truncated = true, tt.rcode, tt.tc
		for _, text := range tt.answer {
			m.Answer = append(m.Answer, record(t, text))
		}
		for _, text := range tt.auth {
			m.Ns = append(m.Ns, record(t, text))
		}
		p := pack(t, m)
		if got := Lifetime(p); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
		for i := range p {
			Lifetime(p[:i])
		}
	}
}
