package framing_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/sim"
)

var limitless = twistor.Limits{High: -1, Max: -1}

// allFramings are all, with their default limits, and protocols that keep
// nothing.
var allFramings = map[string]twistor.Factory{
	"Lines":        framing.Lines{Build: countLines}.Factory(),
	"Lines strict": framing.Lines{Delimiter: framing.CRLF, Build: countLines}.Factory(),
	"Lines exact":  framing.Lines{Delimiter: "aab", Build: countLines}.Factory(),
	"DotLines":     framing.DotLines{Build: countLines}.Factory(),
	"Netstrings":   framing.Netstrings{Build: countMessages}.Factory(),
	"Prefixed8":    framing.Prefixed8{Build: countMessages}.Factory(),
	"Prefixed16":   framing.Prefixed16{Build: countMessages}.Factory(),
	"Prefixed32":   framing.Prefixed32{Build: countMessages}.Factory(),
	"Fixed":        framing.Fixed{Size: 4096, Build: countMessages}.Factory(),
	"Conversation": framing.Conversation(func(co *deferred.Co, c *framing.Conn) error { return co.Sleep(time.Hour) }),
}

// TestX01NoUnboundedBuffer, B10: 8 MiB of one byte, with no end in sight, must
// close the connection or be consumed; the heap may grow by 256 KiB. A
// conversation that does not read makes the transport pause instead.
func TestX01NoUnboundedBuffer(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	total := 8 << 20
	if testing.Short() || raceEnabled {
		total = 512 << 10
	}
	for name, f := range allFramings {
		for _, b := range []string{"A", "\xff", "(", ",", "\x00", "\r", "\n", ".", "1", "0"} {
			clock := sim.NewClock(t)
			tr := sim.Connect(clock, f)
			piece := strings.Repeat(b, 32<<10)
			before, sent := heap(), 0
			for sent < total && !tr.Closed() && !tr.Paused() {
				tr.Receive(piece)
				sent += len(piece)
			}
			if grown := int64(heap()) - int64(before); grown > 256<<10 {
				t.Errorf("%s: %d bytes of %q made the heap grow by %d bytes", name, sent, b, grown)
			}
			runtime.KeepAlive(tr)
		}
	}
}

// TestX03LinearMemory feeds every framing one long message in single bytes, and
// many short ones with a Pause at each: what is allocated must grow as the
// input does, not as its square.
func TestX03LinearMemory(t *testing.T) {
	allocated := func(f func()) float64 {
		var a, b runtime.MemStats
		runtime.ReadMemStats(&a)
		f()
		runtime.ReadMemStats(&b)
		return float64(b.TotalAlloc - a.TotalAlloc)
	}
	long := func(n int) func() {
		return func() {
			p := bareLines(1 << 30)
			one := []byte{'x'}
			for range n {
				p.Received(one)
			}
		}
	}
	pausing := func(n int) func() {
		return func() {
			s := connect(t, lines(framing.Lines{}))
			s.net.Receive(strings.Repeat("pause\n", n))
			for s.net.Paused() {
				s.line.Resume()
				s.clock.Advance(0)
				if len(s.events) > 100 {
					s.events = nil
				}
			}
		}
	}
	for name, work := range map[string]func(n int) func(){"one long line": long, "a pause at each line": pausing} {
		n := 64 << 10
		if testing.Short() || raceEnabled {
			n = 8 << 10
		}
		small, large := allocated(work(n)), allocated(work(4*n))
		if large > 5.5*small {
			t.Errorf("%s: four times the input allocates %.1f times as much: %.0f and %.0f bytes", name, large/small, small, large)
		}
	}
}

// bareLines is a Lines protocol on a transport that does nothing.
func bareLines(max int) twistor.Protocol {
	return framing.Lines{MaxLineBytes: max, Build: func(*framing.LineTransport) framing.LineProtocol {
		return counting{new(int)}
	}}.Factory().Build(nil)
}

// A counting protocol of any framing keeps nothing but a number.
type counting struct{ n *int }

func (counting) Connected()               {}
func (c counting) LineReceived([]byte)    { *c.n++ }
func (c counting) DotLineReceived([]byte) { *c.n++ }
func (c counting) DotLinesEnded()         { *c.n++ }
func (c counting) MessageReceived([]byte) { *c.n++ }
func (counting) Disconnected(error)       {}

// TestAllocations: a line or message that came whole costs no memory.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, c := range []struct {
		name string
		f    twistor.Factory
		in   string
	}{
		{"Lines", framing.Lines{Build: countLines}.Factory(), strings.Repeat("hello world\r\n", 100)},
		{"Lines strict", framing.Lines{Delimiter: framing.CRLF, Build: countLines}.Factory(), strings.Repeat("hello world\r\n", 100)},
		{"Lines exact", framing.Lines{Delimiter: "||", Build: countLines}.Factory(), strings.Repeat("hello world||", 100)},
		{"Netstrings", framing.Netstrings{Build: countMessages}.Factory(), strings.Repeat("11:hello world,", 100)},
		{"Prefixed16", framing.Prefixed16{Build: countMessages}.Factory(), strings.Repeat("\x00\x05hello", 100)},
		{"Fixed", framing.Fixed{Size: 4, Build: countMessages}.Factory(), strings.Repeat("NEW?", 100)},
	} {
		p := c.f.Build(nil)
		in := []byte(c.in)
		if got := testing.AllocsPerRun(100, func() { p.Received(in) }); got != 0 {
			t.Errorf("%s: %v allocations for 100 messages, want 0", c.name, got)
		}
	}
}

func countLines(*framing.LineTransport) framing.LineProtocol          { return counting{new(int)} }
func countMessages(*framing.MessageTransport) framing.MessageProtocol { return counting{new(int)} }
