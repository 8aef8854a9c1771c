package websocket

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/sim"
)

// A sink is a transport that drops what is written, and costs nothing.
type sink struct {
	*sim.Transport
	bytes int
}

func (s *sink) Write(p []byte) (int, error) { s.bytes += len(p); return len(p), nil }
func (s *sink) WriteShared(p []byte) error  { s.bytes += len(p); return nil }
func (s *sink) Full() bool                  { return false }

// newSink is a server's end that echoes into nothing.
func newSink(t sim.T, set func(c *Conn)) (*Conn, *sink) {
	out := &sink{Transport: sim.NewTransport(sim.NewClock(t))}
	c := &Conn{pool: testPool()}
	if set != nil {
		set(c)
	}
	c.protocol = &echoes{c}
	(*inward)(c.on(out)).Connected()
	return c, out
}

// on puts c on t.
func (c *Conn) on(t *sink) *Conn { c.start(t); return c }

type echoes struct{ c *Conn }

func (e *echoes) Connected()                          {}
func (e *echoes) MessageReceived(kind Kind, p []byte) { e.c.WriteMessage(kind, p) }
func (e *echoes) Disconnected(error)                  {}

// input is what a peer of c sends.
func input(c *Conn, first byte, p string) []byte {
	if c.client {
		return []byte(plain(first, p))
	}
	return []byte(masked(first, p))
}

func benchEcho(b *testing.B, n int, first byte, set func(c *Conn)) {
	c, out := newSink(nil, set)
	p := []byte(strings.Repeat("0123456789abcdef", n/16))
	if c.deflate.on {
		p = []byte(deflated(b, string(p))[0])
	}
	in := input(c, first, string(p))
	b.SetBytes(int64(n))
	b.ReportAllocs()
	for b.Loop() {
		c.receive(in)
	}
	if out.bytes == 0 {
		b.Fatal("nothing was echoed")
	}
}

// BenchmarkEcho is a message read and written, without a network.
func BenchmarkEcho(b *testing.B) {
	client := func(c *Conn) { c.client = true }
	alone := func(c *Conn) { deflating(c); c.deflate.in.noContext, c.deflate.out.noContext = true, true }
	for _, n := range []int{64, 1024, 16 << 10} {
		b.Run(fmt.Sprintf("binary/%d", n), func(b *testing.B) { benchEcho(b, n, 0x82, nil) })
		b.Run(fmt.Sprintf("text/%d", n), func(b *testing.B) { benchEcho(b, n, 0x81, nil) })
		b.Run(fmt.Sprintf("client/%d", n), func(b *testing.B) { benchEcho(b, n, 0x82, client) })
		b.Run(fmt.Sprintf("deflate/%d", n), func(b *testing.B) { benchEcho(b, n, 0xC1, alone) })
	}
}

// BenchmarkMask unmasks.
func BenchmarkMask(b *testing.B) {
	for _, n := range []int{16, 64, 1024, 16 << 10, 256 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			src, dst := make([]byte, n), make([]byte, n)
			b.SetBytes(int64(n))
			for b.Loop() {
				mask(dst, src, testKey)
			}
		})
	}
}

// BenchmarkBroadcast is one message to 10,000 connections, without a network.
func BenchmarkBroadcast(b *testing.B) {
	for _, n := range []int{64, 4096} {
		for _, compressed := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/deflate=%v", n, compressed), func(b *testing.B) {
				var g Group
				pool := testPool()
				out := &sink{Transport: sim.NewTransport(sim.NewClock(nil))}
				for range 10_000 {
					c := &Conn{pool: pool, open: true, sharer: out, below: out}
					if compressed {
						deflating(c)
					}
					g.Add(c)
				}
				text := []byte(strings.Repeat("0123456789abcdef", n/16))
				b.ReportAllocs()
				for b.Loop() {
					g.Write(Prepare(Text, text))
				}
			})
		}
	}
}
