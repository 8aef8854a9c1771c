//go:build !race

package resolver

import (
	"net/netip"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// TestHitAllocatesNothing: what the cache holds is answered without allocating,
// from the datagram that comes to the one that goes.
func TestHitAllocatesNothing(t *testing.T) {
	s, p := hit(t)
	if n := testing.AllocsPerRun(1000, func() { s.PacketReceived(p.query, p.from) }); n != 0 {
		t.Errorf("a hit allocates %v times", n)
	}
	if p.sent < 1000 || p.last != dns.RcodeSuccess {
		t.Errorf("%d answers were sent, the last with code %d", p.sent, p.last)
	}
}

// BenchmarkHit is a question that the cache has the answer to, as a server's
// UDP port hears and answers it, without the system's part.
func BenchmarkHit(b *testing.B) {
	s, p := hit(b)
	b.ReportAllocs()
	for b.Loop() {
		s.PacketReceived(p.query, p.from)
	}
}

// A dropper is a UDP port that counts what is sent.
type dropper struct {
	twistor.PacketTransport
	query []byte
	from  twistor.Peer
	sent  int
	last  int
}

func (d *dropper) Send(p []byte, _ twistor.Peer) error {
	d.sent++
	d.last = int(p[3] & 0xf)
	return nil
}

// hit is a server before a cache, and a port with a question that it knows the answer to.
func hit(t testing.TB) (twistor.PacketProtocol, *dropper) {
	clock := sim.NewClock(t)
	f := &fake{loop: clock, say: func(q dns.Question) (*dns.Message, error) {
		return said("www.example. 300 IN CNAME host.example.", "host.example. 300 IN A 192.0.2.1", "host.example. 300 IN A 192.0.2.2"), nil
	}}
	s := (&dns.Server{Handler: &Cache{Loop: clock, Resolver: f}}).Packets()
	if _, err := clock.ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, s); err != nil {
		t.Fatal(err)
	}
	m := new(dns.Message)
	m.Id, m.RecursionDesired = 7, true
	m.Question = []dns.Question{{Name: "www.example.", Qtype: dns.TypeA, Qclass: dns.ClassIN}}
	m.SetEdns0(1232, false)
	query, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	d := &dropper{PacketTransport: clock.PacketPorts()[0], query: query, from: twistor.Peer{Addr: netip.MustParseAddrPort("127.0.0.1:5000")}}
	s.Bound(d)
	s.PacketReceived(query, d.from)
	return s, d
}
