package reactor_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/reactor"
)

type echo struct{ twistor.Transport }

func (p *echo) Connected()         {}
func (p *echo) Received(b []byte)  { p.Write(b) }
func (p *echo) Disconnected(error) {}

func newEcho(t twistor.Transport) twistor.Protocol { return &echo{t} }

// TestEcho walks the thin line: a port, a connection, bytes both ways, the end.
func TestEcho(t *testing.T) {
	r := reactor.New(nil)
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", twistor.FactoryFunc(newEcho))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	c, err := net.Dial("tcp", port.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		want := "hello"
		io.WriteString(c, want)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	c.(*net.TCPConn).CloseWrite()
	if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
		t.Errorf("at the end got %q, %v", rest, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
