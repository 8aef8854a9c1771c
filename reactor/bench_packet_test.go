//go:build !race

package reactor_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/reactor"
)

// BenchmarkPackets is a datagram there and back between two ports of one loop:
// it is received twice and sent twice, in batches of what is in flight.
func BenchmarkPackets(b *testing.B) {
	for _, flight := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("%d in flight", flight), func(b *testing.B) {
			b.ReportAllocs()
			x, left := juggle(b, flight)
			b.ResetTimer()
			*left = b.N
			x.serve()
			for *left > 0 {
				x.r.Turn(time.Millisecond)
			}
		})
	}
}

// What a busy server of datagrams does allocates nothing.
func TestPacketsDoNotAllocate(t *testing.T) {
	x, left := juggle(t, 16)
	if got := testing.AllocsPerRun(20, func() {
		*left = 160
		x.serve()
		for *left > 0 {
			x.r.Turn(time.Millisecond)
		}
	}); got != 0 {
		t.Errorf("%v allocations for 160 packets there and back, want none", got)
	}
}

// juggle makes a juggler who has thrown everything once.
func juggle(t testing.TB, flight int) (*juggler, *int) {
	r := reactor.New(quiet(reactor.Config{Loops: 1}))
	t.Cleanup(func() { r.Close() })
	var server wall
	port, err := r.Loop().ListenPacket(twistor.ListenConfig{Network: "udp4", Address: "127.0.0.1:0"}, &server)
	if err != nil {
		t.Fatal(err)
	}
	left := flight
	x := &juggler{r: r, left: &left, flight: flight}
	if _, err := r.Loop().ListenPacket(twistor.ListenConfig{Network: "udp4", Address: "127.0.0.1:0"}, x); err != nil {
		t.Fatal(err)
	}
	x.to.Addr = port.Addr().(*net.UDPAddr).AddrPort()
	x.serve()
	for left > 0 {
		r.Turn(time.Millisecond)
	}
	return x, &left
}

// A wall sends every datagram back.
type wall struct{ twistor.PacketTransport }

func (w *wall) Bound(t twistor.PacketTransport)            { w.PacketTransport = t }
func (w *wall) PacketReceived(p []byte, from twistor.Peer) { w.Send(p, from) }
func (w *wall) Unbound(error)                              {}

// A juggler throws as many datagrams as may be in flight at a wall, and again
// what comes back, until enough has come.
type juggler struct {
	twistor.PacketTransport
	r      *reactor.Reactor
	to     twistor.Peer
	left   *int
	flight int
	ball   [64]byte
}

func (x *juggler) serve() {
	for range min(x.flight, *x.left) {
		x.Send(x.ball[:], x.to)
	}
}

func (x *juggler) Bound(t twistor.PacketTransport) { x.PacketTransport = t }
func (x *juggler) PacketReceived(p []byte, _ twistor.Peer) {
	if *x.left--; *x.left >= x.flight {
		x.Send(p, x.to)
	}
}
func (x *juggler) Unbound(error) {}
