package tlslayer_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/sim"
)

// A sink is a Transport that takes bytes and costs nothing.
type sink struct {
	*sim.Transport
	bytes int
}

func (s *sink) Write(p []byte) (int, error) { s.bytes += len(p); return len(p), nil }
func (s *sink) Full() bool                  { return false }
func (s *sink) Buffered() int               { return 0 }

// fed is a layer that has shaken hands, with records of its peer's to come, in
// order, size bytes each.
func fed(tb testing.TB, n, size int, p twistor.Protocol, own func(twistor.Transport)) (below *sink, layer twistor.Protocol, records [][]byte) {
	c := sim.NewClock(nil)
	tr := sim.NewTransport(c)
	below = &sink{Transport: tr}
	var up bool
	layer = tlslayer.Factory(ca.Server("a.test"), twistor.AsServer, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		own(t)
		up = true
		return p
	}), nil).Build(&switchable{tr, below, &up})
	tr.Start(layer)
	theirs, ours := net.Pipe()
	go func() {
		tc := tls.Client(theirs, ca.Client("a.test"))
		tc.Handshake()
		b := make([]byte, size)
		for range n {
			tc.Write(b)
		}
		theirs.Close()
	}()
	b := make([]byte, 1<<20)
	for !up {
		k, err := ours.Read(b)
		if err != nil {
			tb.Fatal(err)
		}
		tr.Receive(string(b[:k]))
		if out := tr.Take(); out != "" && !up {
			if _, err := ours.Write([]byte(out)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	rest, _ := io.ReadAll(ours)
	for len(rest) > 0 {
		k := 5 + int(rest[3])<<8 + int(rest[4])
		records = append(records, rest[:k:k])
		rest = rest[k:]
	}
	return below, layer, records
}

// switchable is a sim.Transport until the handshake is done, then a sink.
type switchable struct {
	*sim.Transport
	below *sink
	up    *bool
}

func (s *switchable) Write(p []byte) (int, error) {
	if *s.up {
		return s.below.Write(p)
	}
	return s.Transport.Write(p)
}

// answers writes 64 bytes for whatever it hears, in two parts.
type answers struct {
	twistor.Transport
	answer [32]byte
}

func (p *answers) Connected()         {}
func (p *answers) Disconnected(error) {}
func (p *answers) Received(b []byte)  { p.Write(p.answer[:]); p.Write(p.answer[:]) }

// TestAllocations: an event that hears a record and answers allocates no more
// than crypto/tls does.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("counts allocations")
	}
	const n = 2000
	p := &answers{}
	below, layer, records := fed(t, n+10, 64, p, func(t twistor.Transport) { p.Transport = t })
	i := 0
	allocs := testing.AllocsPerRun(n, func() {
		layer.Received(records[i])
		i++
	})
	if allocs > 2 || below.bytes < n*(64+22) {
		t.Errorf("got %v allocations an event, and %d bytes out; want 2, both in crypto/tls", allocs, below.bytes)
	}
}

// BenchmarkEvent is a record of 64 bytes in, and one out, without a network.
func BenchmarkEvent(b *testing.B) {
	p := &answers{}
	_, layer, records := fed(b, b.N+10, 64, p, func(t twistor.Transport) { p.Transport = t })
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		layer.Received(records[i])
	}
}

// BenchmarkHandshake is a server's and a client's part, in memory.
func BenchmarkHandshake(b *testing.B) {
	rsa := &tls.Config{Certificates: []tls.Certificate{ca.Issue(certtest.Leaf{Names: []string{"a.test"}, Key: certtest.RSA()})}}
	resumed := ca.Client("a.test")
	resumed.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for _, bench := range []struct {
		name           string
		server, client *tls.Config
	}{
		{"ECDSA", ca.Server("a.test"), ca.Client("a.test")},
		{"RSA", rsa, ca.Client("a.test")},
		{"resumed", ca.Server("a.test"), resumed},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var s, c talker
				s.connected = func() { s.Write([]byte("x")) }
				l := newLink(nil, bench.server, bench.client, s.factory(), c.factory())
				if len(c.heard) == 0 {
					b.Fatal(l.client.err)
				}
			}
		})
	}
}

// BenchmarkEcho is a message of 64 bytes to a reactor and back, over loopback;
// BenchmarkBulk is a megabyte one way.
func BenchmarkEcho(b *testing.B) {
	_, addr := run(b, ca.Server("a.test"), echoes)
	c, err := tls.Dial("tcp", addr, ca.Client("a.test"))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	p := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		c.Write(p)
		if _, err := io.ReadFull(c, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBulk(b *testing.B) {
	_, addr := run(b, ca.Server("a.test"), echoes)
	c, err := tls.Dial("tcp", addr, ca.Client("a.test"))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	p := bytes.Repeat([]byte("x"), 1<<20)
	q := make([]byte, len(p))
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		go c.Write(p)
		if _, err := io.ReadFull(c, q); err != nil {
			b.Fatal(err)
		}
	}
}
