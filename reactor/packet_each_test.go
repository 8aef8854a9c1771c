package reactor_test

import (
	"encoding/binary"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/reactor"
)

// An adder answers each number with the one above it, on its own loop.
type adder struct {
	twistor.PacketTransport
	n       int
	unbound bool
}

func (a *adder) Bound(t twistor.PacketTransport) { a.PacketTransport = t }
func (a *adder) Unbound(error)                   { a.unbound = true }
func (a *adder) PacketReceived(p []byte, from twistor.Peer) {
	a.n++
	a.Send(binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(p)+1), from)
}

// TestListenPacketEach: one socket, a protocol for each loop. Every packet is
// read once; loops that are busy keep nobody waiting; pausing stops all of
// them; closing frees the address.
func TestListenPacketEach(t *testing.T) {
	r := reactor.New(quiet(reactor.Config{Loops: 3}))
	adders := map[twistor.Loop]*adder{}
	port, err := twistor.ListenPacketEach(r.Loop(), "udp", "127.0.0.1:0", func(at twistor.Loop) twistor.PacketProtocol {
		adders[at] = &adder{}
		return adders[at]
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, r)
	addr := port.Addr().String()
	const clients, questions = 8, 100
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() { count(t, addr, questions) })
	}
	wg.Wait()
	total, home := 0, r.Loops()[0]
	for l, a := range adders {
		on(t, l, func() { total += a.n })
	}
	if total != clients*questions {
		t.Errorf("%d packets were read, want %d", total, clients*questions)
	}
	if runtime.GOOS == "linux" { // elsewhere one loop may read alone
		for i := range r.Loops() {
			busy := make(chan struct{})
			for j, l := range r.Loops() {
				if i != j {
					started := make(chan struct{})
					l.Post(func() { close(started); <-busy })
					<-started
				}
			}
			count(t, addr, 10)
			close(busy)
		}
	}
	on(t, home, func() { port.Pause() })
	for _, l := range r.Loops() {
		on(t, l, func() {}) // what Pause posted was before
	}
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte{0, 0, 0, 1}); err != nil {
		t.Fatal(err)
	}
	paused := 0
	for l, a := range adders {
		on(t, l, func() { paused += a.n })
	}
	on(t, home, func() { port.Resume() })
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
	var b [4]byte
	if _, err := c.Read(b[:]); err != nil {
		t.Fatal("after Resume:", err)
	}
	resumed := 0
	for l, a := range adders {
		on(t, l, func() { resumed += a.n })
	}
	if resumed != paused+1 {
		t.Errorf("%d packets were read after Resume, want 1: none is read in a pause", resumed-paused)
	}
	closed := make(chan error, 1)
	on(t, home, func() { port.Close().Done(func(_ struct{}, err error) { closed <- err }) })
	if err := <-closed; err != nil {
		t.Fatal("Close:", err)
	}
	again, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Fatal("after Close:", err)
	}
	again.Close()
	for l, a := range adders {
		on(t, l, func() {}) // Unbound comes at the end of a turn
		on(t, l, func() {
			if !a.unbound {
				t.Error("a loop did not hear Unbound")
			}
		})
	}
}

// count asks n times at addr, one question after another.
func count(t *testing.T, addr string, n int) {
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	for i := range uint32(n) {
		if _, err := c.Write(binary.BigEndian.AppendUint32(nil, i)); err != nil {
			t.Error(err)
			return
		}
		var b [4]byte
		if _, err := c.Read(b[:]); err != nil {
			t.Error(err)
			return
		}
		if got := binary.BigEndian.Uint32(b[:]); got != i+1 {
			t.Errorf("got %d, want %d", got, i+1)
			return
		}
	}
}
