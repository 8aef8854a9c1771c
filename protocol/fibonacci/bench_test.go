package fibonacci

import (
	"log/slog"
	"testing"

	"github.com/twistor-go/twistor/sim"
)

// BenchmarkNumber is one question and its answer, in the simulator, where a step
// is durable when the next one comes; the State stays small.
func BenchmarkNumber(b *testing.B) {
	for _, durable := range []bool{false, true} {
		name := "at once"
		if durable {
			name = "durable"
		}
		b.Run(name, func(b *testing.B) {
			c := sim.NewClock(nil)
			defer c.Close()
			s := &Server{Log: slog.New(slog.DiscardHandler)}
			l := &ledger{state: &s.State}
			if durable {
				s.Journal = l
			}
			t := sim.Connect(c, s)
			b.ReportAllocs()
			for b.Loop() {
				t.Receive("next\n")
				l.sync(len(l.waiting), nil)
				t.Clear()
				s.State = State{}
			}
		})
	}
}
