package policy_test

import (
	"net"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// BenchmarkEcho is one Received and one Write through each policy, and through
// all of them, on a transport that does nothing.
func BenchmarkEcho(b *testing.B) {
	clock := sim.NewClock(b)
	message := []byte("hello")
	for _, name := range []string{"none", "Wrapper", "Timeouts", "Caps", "Throttle", "Budget", "all"} {
		wrap := layers()[name]
		if name == "none" {
			wrap = func(f twistor.Factory) twistor.Factory { return f }
		}
		p := wrap(twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return echo{t} })).Build(idle{loop: clock})
		p.Connected()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Received(message)
			}
		})
	}
}

// An idle transport takes everything and does nothing.
type idle struct {
	twistor.Transport
	loop twistor.Loop
}

func (i idle) Loop() twistor.Loop          { return i.loop }
func (i idle) RemoteAddr() net.Addr        { return spyAddr }
func (i idle) Write(p []byte) (int, error) { return len(p), nil }
func (i idle) Buffered() int               { return 0 }
func (i idle) Full() bool                  { return false }

// BenchmarkShaped is a Write through a Throttle that has leave for it.
func BenchmarkShaped(b *testing.B) {
	clock := sim.NewClock(b)
	rate := policy.Rate{PerSecond: 1 << 40, Burst: 1 << 50}
	f := &policy.Throttle{Read: rate, Write: rate, EachWrite: rate, Factory: twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return echo{t}
	})}
	p := f.Build(idle{loop: clock})
	message := []byte("hello")
	b.ReportAllocs()
	for b.Loop() {
		p.Received(message)
	}
}
