package dns

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// A bench is a Server on a Clock, with a UDP port, for tests.
type bench struct {
	t     testing.TB
	clock *sim.Clock
	s     *Server
	port  *sim.PacketTransport
}

func newBench(t testing.TB, s *Server) *bench {
	t.Helper()
	b := &bench{t: t, clock: sim.NewClock(t), s: s}
	if _, err := b.clock.ListenPacket(twistor.ListenConfig{Network: "udp", Address: "192.0.2.53:53"}, s.Packets()); err != nil {
		t.Fatal(err)
	}
	b.port = b.clock.PacketPorts()[0]
	return b
}

// client is who asks, unless a test says otherwise.
var client = twistor.Peer{Addr: netip.MustParseAddrPort("198.51.100.7:4711"), Via: netip.MustParseAddr("192.0.2.53")}

// udp sends p and returns the answers.
func (b *bench) udp(p []byte, from twistor.Peer) (answers []string) {
	b.port.Receive(string(p), from)
	b.clock.Advance(0)
	for _, d := range b.port.Take() {
		if d.To != from {
			b.t.Errorf("got an answer to %v, want %v", d.To, from)
		}
		answers = append(answers, d.Bytes)
	}
	return answers
}

// tcp connects to the server.
func (b *bench) tcp() *sim.Transport { return sim.Connect(b.clock, b.s.Factory()) }

// tcpFrom connects to the server from an address.
func (b *bench) tcpFrom(addr string) *sim.Transport {
	tr := sim.NewTransport(b.clock)
	tr.SetAddrs(nil, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	tr.Build(b.s.Factory())
	return tr
}

// framed is p as TCP carries it.
func framed(p []byte) string { return string([]byte{byte(len(p) >> 8), byte(len(p))}) + string(p) }

// unframed are the messages in a stream.
func unframed(t testing.TB, s string) (all []string) {
	t.Helper()
	for len(s) > 0 {
		n := 2
		if len(s) >= 2 {
			n += int(s[0])<<8 | int(s[1])
		}
		if len(s) < n {
			t.Fatalf("got %d bytes, want whole messages", len(s))
		}
		all, s = append(all, s[2:n]), s[n:]
	}
	return all
}

// one is the only one of answers, read by the library.
func one(t testing.TB, answers []string) *dns.Msg {
	t.Helper()
	if len(answers) != 1 {
		t.Fatalf("got %d answers, want 1", len(answers))
	}
	m, err := ParseMessage([]byte(answers[0]))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// pack is m on the wire.
func pack(t testing.TB, m *dns.Msg) []byte {
	t.Helper()
	p, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// record is a record from text.
func record(t testing.TB, s string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(s)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

// aHandler answers every question with one address.
var aHandler = HandlerFunc(func(w *ResponseWriter, q *Query) {
	w.AddRRset(Answer, q.Name, RRset{Type: TypeA, TTL: 60, Data: []byte{0, 4, 192, 0, 2, 1}})
})

// txtHandler answers with n strings of 100 bytes, each a record.
func txtHandler(n int) Handler {
	return HandlerFunc(func(w *ResponseWriter, q *Query) {
		for i := range n {
			w.Answer(&dns.TXT{Hdr: RecordHeader{Name: q.Name.String(), Rrtype: TypeTXT, Class: ClassIN, Ttl: 60}, Txt: []string{fmt.Sprintf("%03d", i) + strings.Repeat("x", 97)}})
		}
	})
}

// TestN17: over UDP and TCP, queries are answered; other opcodes NOTIMP, unless
// the Handler takes them; who is not allowed is refused; what has no room is
// truncated, to 512 bytes without EDNS; the question comes back as it was
// written.
func TestN17(t *testing.T) {
	b := newBench(t, &Server{Handler: txtHandler(20)})
	m, p := question(t, "wWw.Example.com.", TypeTXT)
	answers := b.udp(p, client)
	got := one(t, answers)
	if !got.Truncated || len(answers[0]) > 512 || len(got.Answer) == 0 || got.Question[0].Name != "wWw.Example.com." || got.Id != m.Id || !got.Response || got.Authoritative {
		t.Errorf("without EDNS: got %d bytes, %v; want it truncated within 512", len(answers[0]), got)
	}
	tr := b.tcp()
	tr.Receive(framed(p))
	b.clock.Advance(0)
	if got := one(t, unframed(t, tr.Take())); got.Truncated || len(got.Answer) != 20 {
		t.Errorf("over TCP: got %d records, want 20", len(got.Answer))
	}
	for opcode, want := range map[Opcode]Rcode{OpcodeIQuery: RcodeNotImplemented, OpcodeStatus: RcodeNotImplemented, OpcodeNotify: RcodeNotImplemented,
		OpcodeUpdate: RcodeNotImplemented, 3: RcodeNotImplemented, 15: RcodeNotImplemented, OpcodeQuery: RcodeSuccess} {
		p[2] = byte(opcode) << 3
		got := one(t, b.udp(p, client))
		if Rcode(got.Rcode) != want || got.Opcode != int(opcode) || !got.Response {
			t.Errorf("%v: got %v, want %v", opcode, Rcode(got.Rcode), want)
		}
	}
	b.s.Opcodes = []Opcode{OpcodeNotify}
	p[2] = OpcodeNotify << 3
	if got := one(t, b.udp(p, client)); got.Rcode != RcodeSuccess {
		t.Errorf("a NOTIFY that the Handler takes: got %v", Rcode(got.Rcode))
	}
	p[2] = 0
	b.s.Allow = func(a netip.Addr) bool { return a != client.Addr.Addr() }
	if got := one(t, b.udp(p, client)); got.Rcode != RcodeRefused || len(got.Answer) != 0 {
		t.Errorf("who is not allowed: got %v, want REFUSED", got)
	}
	other := client
	other.Addr = netip.MustParseAddrPort("203.0.113.1:1024")
	if got := one(t, b.udp(p, other)); got.Rcode != RcodeSuccess {
		t.Errorf("who is allowed: got %v", got)
	}
}

// TestN03: the OPT record is read and answered: size, DO, versions, extended
// codes; without it nothing of EDNS is sent.
func TestN03(t *testing.T) {
	b := newBench(t, &Server{Handler: txtHandler(20)})
	for _, tt := range []struct {
		size uint16
		most int
	}{{0, 512}, {511, 512}, {512, 512}, {1000, 1000}, {1232, 1232}, {4096, 1232}, {65535, 1232}} {
		m, _ := question(t, "example.com.", TypeTXT)
		m.SetEdns0(tt.size, true)
		answers := b.udp(pack(t, m), client)
		b.clock.Advance(time.Second)
		got := one(t, answers)
		opt := got.IsEdns0()
		if n := len(answers[0]); n > tt.most || n < tt.most-110 || !got.Truncated || opt == nil || !opt.Do() || opt.UDPSize() != 1232 || opt.Version() != 0 {
			t.Errorf("size %d: got %d bytes, %v; want close to %d", tt.size, n, opt, tt.most)
		}
	}
	m, p := question(t, "example.com.", TypeTXT)
	if got := one(t, b.udp(p, client)); got.IsEdns0() != nil {
		t.Errorf("without EDNS: got %v, want none", got.IsEdns0())
	}
	m.SetEdns0(1232, false)
	m.IsEdns0().SetVersion(1)
	got := one(t, b.udp(pack(t, m), client))
	if got.IsEdns0() == nil || got.Rcode != RcodeBadVersion || len(got.Answer) != 0 {
		t.Errorf("version 1: got %v, want BADVERS", got)
	}
}

// thisMachine is an address of this machine.
var thisMachine = netip.MustParseAddrPort("127.0.0.1:4711")

// cookieOption is an option with a cookie, in hexadecimal.
func cookieOption(hex string) dns.EDNS0 {
	return &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: hex}
}

// cookieOf is the cookie in m, in hexadecimal; "": there is none.
func cookieOf(m *dns.Msg) string {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if c, ok := o.(*dns.EDNS0_COOKIE); ok {
				return c.Cookie
			}
		}
	}
	return ""
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestServeFired: a Signal that has fired when Serve returns is an answer that is
// complete: nothing is left in flight, and a connection that ends is closed.
func TestServeFired(t *testing.T) {
	for _, err := range []error{nil, errors.New("no")} {
		s := &Server{Handler: firedHandler{err}, loop: sim.NewClock(t)}
		m := new(dns.Msg)
		m.SetQuestion("example.", dns.TypeA)
		p, perr := m.Pack()
		if perr != nil {
			t.Fatal(perr)
		}
		k := new(kept)
		if x := s.serve(p, twistor.Peer{}, OverTCP, k); x != nil || s.pending != 0 {
			t.Errorf("%v: got an exchange that is still to come, and %d pending", err, s.pending)
		}
		got, perr := ParseMessage(k.p)
		if perr != nil {
			t.Fatal(perr)
		}
		if want := map[bool]int{true: RcodeSuccess, false: RcodeServerFailure}[err == nil]; got.Rcode != want {
			t.Errorf("%v: got %s", err, Rcode(got.Rcode))
		}
	}
}

// A firedHandler has an answer at once, and says so by a Signal.
type firedHandler struct{ err error }

func (f firedHandler) Serve(*ResponseWriter, *Query) *deferred.Signal {
	if f.err != nil {
		return deferred.Failed[struct{}](nil, f.err)
	}
	return deferred.Succeeded(struct{}{})
}
