package netconn_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/netconn"
	"github.com/twistor-go/twistor/reactor"
)

// BenchmarkEcho sends a message to a goroutine and back, from a goroutine on
// package net: the difference to events is what the hop costs.
func BenchmarkEcho(b *testing.B) {
	events := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &echoing{t} })
	for _, way := range []struct {
		name string
		f    twistor.Factory
	}{
		{"goroutine", netconn.Factory(func(c net.Conn) { io.CopyBuffer(struct{ io.Writer }{c}, c, make([]byte, 4<<10)) })},
		{"events", events},
	} {
		b.Run(way.name, func(b *testing.B) {
			r := reactor.New(&reactor.Config{Loops: 1})
			port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", way.f)
			if err != nil {
				b.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- r.Run(ctx) }()
			c, err := net.Dial("tcp", port.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			p := make([]byte, 64)
			b.ReportAllocs()
			for b.Loop() {
				c.Write(p)
				if _, err := io.ReadFull(c, p); err != nil {
					b.Fatal(err)
				}
			}
			c.Close()
			stop()
			<-done
		})
	}
}

type echoing struct{ twistor.Transport }

func (p *echoing) Connected()         {}
func (p *echoing) Received(b []byte)  { p.Write(b) }
func (p *echoing) Disconnected(error) {}
