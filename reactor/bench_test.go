package reactor_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/reactor"
)

// BenchmarkEcho is a message there and back between two connections of one
// loop: two reads, two writes, two events.
func BenchmarkEcho(b *testing.B) {
	b.ReportAllocs()
	r := reactor.New(quiet(reactor.Config{Loops: 1}))
	defer r.Close()
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", twistor.FactoryFunc(newEcho))
	if err != nil {
		b.Fatal(err)
	}
	left := 1
	message := make([]byte, 64)
	var asker *bouncer
	twistor.Dial(r.Loop(), "tcp", port.Addr().String(), func(t twistor.Transport) *bouncer {
		asker = &bouncer{Transport: t, left: &left}
		return asker
	}).Done(nil)
	for asker == nil || left > 0 {
		r.Turn(time.Millisecond)
	}
	b.ResetTimer()
	left = b.N
	asker.Write(message)
	for left > 0 {
		r.Turn(time.Millisecond)
	}
}

// A bouncer sends back what comes, until enough has come.
type bouncer struct {
	twistor.Transport
	left *int
}

func (p *bouncer) Connected()         { p.Write(make([]byte, 64)) }
func (p *bouncer) Disconnected(error) {}
func (p *bouncer) Received(data []byte) {
	if *p.left--; *p.left > 0 {
		p.Write(data)
	}
}

// BenchmarkPost is a call from the loop's own goroutine.
func BenchmarkPost(b *testing.B) {
	b.ReportAllocs()
	r := reactor.New(quiet(reactor.Config{Loops: 1}))
	defer r.Close()
	n := 0
	f := func() { n++ }
	for i := range b.N {
		r.Loop().Post(f)
		if i%1000 == 999 {
			r.Turn(0)
		}
	}
	for n < b.N {
		r.Turn(0)
	}
}

// BenchmarkTimerReset is what an idle time-out costs for each message, with a
// million other timers pending.
func BenchmarkTimerReset(b *testing.B) {
	b.ReportAllocs()
	many(b, func(l twistor.Loop, t twistor.Timer) { t.Reset(time.Hour) })
}

// BenchmarkTimerArmAndStop arms and stops one among a million.
func BenchmarkTimerArmAndStop(b *testing.B) {
	b.ReportAllocs()
	f := func() {}
	many(b, func(l twistor.Loop, t twistor.Timer) { l.CallLater(time.Minute, f).Stop() })
}

func many(b *testing.B, f func(l twistor.Loop, t twistor.Timer)) {
	mono := int64(0)
	r := reactor.New(quiet(reactor.Config{Loops: 1, World: timersOnly(&mono, time.Unix(0, 0))}))
	defer r.Close()
	l := r.Loop()
	var t twistor.Timer
	l.CallLater(0, func() { // in a turn, where the clock stands still
		for range 1_000_000 {
			t = l.CallLater(time.Duration(rand.Int64N(int64(time.Hour))), func() {})
		}
		b.ResetTimer()
		for range b.N {
			f(l, t)
		}
		b.StopTimer()
	})
	r.Turn(0)
}

// BenchmarkTimersFire arms 100,000 timers and fires them.
func BenchmarkTimersFire(b *testing.B) {
	b.ReportAllocs()
	mono := int64(0)
	r := reactor.New(quiet(reactor.Config{Loops: 1, World: timersOnly(&mono, time.Unix(0, 0))}))
	defer r.Close()
	const n = 100_000
	left := 0
	f := func() { left-- }
	for i := 0; i < b.N; i += n {
		left = n
		for range n {
			r.Loop().CallLater(time.Duration(rand.Int64N(int64(time.Second))), f)
		}
		for mono += int64(time.Second); left > 0; {
			r.Turn(0)
		}
	}
}
