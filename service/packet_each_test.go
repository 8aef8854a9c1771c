package service_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service"
)

// A parrot says back what it hears, and good-bye to the last who spoke.
type parrot struct {
	twistor.PacketTransport
	last      twistor.Peer
	dismissed *atomic.Int32
}

func (p *parrot) Bound(t twistor.PacketTransport) { p.PacketTransport = t }
func (p *parrot) Unbound(error)                   {}
func (p *parrot) PacketReceived(b []byte, from twistor.Peer) {
	p.last = from
	p.Send(b, from)
}

func (p *parrot) Dismissed() {
	p.dismissed.Add(1)
	if p.last.Addr.IsValid() {
		p.Send([]byte("good-bye"), p.last)
	}
}

// TestListenPacketEach: each loop has its own PacketProtocol; when the Service
// stops, each hears Dismissed while it can still send; then it starts again.
func TestListenPacketEach(t *testing.T) {
	const loops = 3
	var dismissed atomic.Int32
	built := 0
	s := service.ListenPacketEach("udp:127.0.0.1:0", func(twistor.Loop) twistor.PacketProtocol {
		built++
		return &parrot{dismissed: &dismissed}
	})
	err := reactor.Do(t.Context(), &reactor.Config{Loops: loops}, func(co *deferred.Co, l twistor.Loop) error {
		for round := range int32(2) {
			at := make(chan net.Addr, 1)
			h := spy{service.On(l), at}
			if err := s.Start(co, h); err != nil {
				return err
			}
			c, err := net.DialUDP("udp", nil, (<-at).(*net.UDPAddr))
			if err != nil {
				return err
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(30 * time.Second))
			ask := func(want string) {
				d := deferred.Go(l, func(context.Context) (struct{}, error) {
					b := make([]byte, 100)
					n, err := c.Read(b)
					if err == nil && string(b[:n]) != want {
						t.Errorf("got %q, want %q", b[:n], want)
					}
					return struct{}{}, err
				})
				if _, err := d.Await(co); err != nil {
					t.Error(err)
				}
			}
			c.Write([]byte("hello"))
			ask("hello")
			if err := s.Stop(co); err != nil {
				return err
			}
			ask("good-bye")
			if got := dismissed.Load(); got != loops*(round+1) {
				t.Errorf("%d protocols were dismissed in all, want %d", got, loops*(round+1))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if built != 2*loops {
		t.Errorf("%d protocols were built, want %d", built, 2*loops)
	}
}

// A spy tells where the port is.
type spy struct {
	service.Host
	at chan net.Addr
}

func (s spy) ListenPacketEach(at string, build func(twistor.Loop) twistor.PacketProtocol) (twistor.Port, error) {
	port, err := s.Host.ListenPacketEach(at, build)
	if err == nil {
		s.at <- port.Addr()
	}
	return port, err
}
