package dns

import (
	"net"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A nowhere is a UDP port whose datagrams nobody gets.
type nowhere struct {
	twistor.PacketTransport
	loop  twistor.Loop
	bytes int
}

func (n *nowhere) Loop() twistor.Loop                    { return n.loop }
func (n *nowhere) Addr() net.Addr                        { return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 53), Port: 53} }
func (n *nowhere) Send(p []byte, _ twistor.Peer) error   { n.bytes = len(p); return nil }
func (n *nowhere) Close() *deferred.Signal               { return nil }
func (n *nowhere) deaf(s *Server) twistor.PacketProtocol { p := s.Packets(); p.Bound(n); return p }

// hotQueries are those that are answered without an allocation.
func hotQueries(t testing.TB, b *bench) map[string][]byte {
	m, plain := question(t, "www.example.com.", TypeA)
	m.SetEdns0(1232, true)
	edns := pack(t, m)
	m.IsEdns0().Option = append(m.IsEdns0().Option, cookieOption("0102030405060708"))
	fresh := pack(t, m)
	a := one(t, b.udp(fresh, client))
	m.IsEdns0().Option[0] = cookieOption(cookieOf(a))
	return map[string][]byte{"plain": plain, "EDNS": edns, "first cookie": fresh, "cookie": pack(t, m)}
}

// TestAllocations: a query that is answered at once costs none, nor does one
// that is refused, limited or no query.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := newBench(t, &Server{Handler: aHandler})
	n := &nowhere{loop: b.clock}
	p := n.deaf(b.s)
	queries := hotQueries(t, b)
	queries["response"] = append([]byte{0, 0, 0x80}, queries["plain"][3:]...)
	queries["malformed"] = queries["EDNS"][:40]
	queries["cut"] = queries["EDNS"][:20]
	queries["version 1"] = append([]byte(nil), queries["EDNS"]...)
	queries["version 1"][len(queries["EDNS"])-5] = 1
	for name, q := range queries {
		if got := testing.AllocsPerRun(200, func() { p.PacketReceived(q, client) }); got != 0 {
			t.Errorf("%s: got %v allocations, want 0", name, got)
		}
	}
	b.s.RatePerSecond = 1
	if got := testing.AllocsPerRun(200, func() { p.PacketReceived(queries["plain"], client) }); got != 0 {
		t.Errorf("limited: got %v allocations, want 0", got)
	}
}

// BenchmarkServe is a UDP query from bytes to bytes, of a stranger and of one
// with a cookie.
func BenchmarkServe(b *testing.B) {
	r := newBench(b, &Server{Handler: aHandler, MaxAmplification: 1 << 20})
	n := &nowhere{loop: r.clock}
	p := n.deaf(r.s)
	for name, q := range hotQueries(b, r) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.PacketReceived(q, client)
			}
		})
	}
	here := client
	here.Addr = thisMachine
	b.Run("loopback", func(b *testing.B) {
		q := hotQueries(b, r)["plain"]
		for b.Loop() {
			p.PacketReceived(q, here)
		}
	})
}
