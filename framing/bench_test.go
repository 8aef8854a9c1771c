package framing_test

import (
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/sim"
)

// benchmarkReceived feeds p whole pieces of input, which hold n messages each.
func benchmarkReceived(b *testing.B, f twistor.Factory, in string, n int) {
	p := f.Build(nil)
	piece := []byte(in)
	b.ReportAllocs()
	b.SetBytes(int64(len(piece)))
	for b.Loop() {
		p.Received(piece)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/message")
}

const hello = "hello, world, this is a line of usual length\r\n"

func BenchmarkLines(b *testing.B) {
	benchmarkReceived(b, framing.Lines{Build: countLines}.Factory(), strings.Repeat(hello, 100), 100)
}

func BenchmarkLinesStrict(b *testing.B) {
	f := framing.Lines{Delimiter: framing.CRLF, Build: countLines}.Factory()
	benchmarkReceived(b, f, strings.Repeat(hello, 100), 100)
}

// BenchmarkLinesCut ends every piece within a line.
func BenchmarkLinesCut(b *testing.B) {
	f := framing.Lines{Build: countLines}.Factory()
	benchmarkReceived(b, f, strings.Repeat(hello, 100)[20:]+hello[:20], 100)
}

func BenchmarkNetstrings(b *testing.B) {
	benchmarkReceived(b, framing.Netstrings{Build: countMessages}.Factory(), strings.Repeat("12:hello, world,", 100), 100)
}

func BenchmarkPrefixed16(b *testing.B) {
	benchmarkReceived(b, framing.Prefixed16{Build: countMessages}.Factory(), strings.Repeat("\x00\x0chello, world", 100), 100)
}

func BenchmarkWriteLine(b *testing.B) {
	var t *framing.LineTransport
	framing.Lines{Build: func(lt *framing.LineTransport) framing.LineProtocol {
		t = lt
		return counting{new(int)}
	}}.Factory().Build(swallowing{})
	b.ReportAllocs()
	for b.Loop() {
		t.WriteLine("hello, world, this is a line of usual length")
	}
}

// swallowing is a Transport that takes all.
type swallowing struct{ twistor.Transport }

func (swallowing) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkConversation is the whole way of a line through a coroutine and
// back, one line at a time.
func BenchmarkConversation(b *testing.B) {
	clock := sim.NewClock(b)
	tr := sim.Connect(clock, framing.Conversation(func(co *deferred.Co, c *framing.Conn) error {
		for range c.Lines(co) {
			continue
		}
		return c.Err()
	}))
	p := tr.Protocol()
	line := []byte(hello)
	b.ReportAllocs()
	for b.Loop() {
		p.Received(line)
		clock.Core().Resume(10)
	}
}
