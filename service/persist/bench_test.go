package persist

import (
	"context"
	"fmt"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
)

// onReactor runs body as a coroutine of a real reactor.
func onReactor(t testing.TB, body func(co *deferred.Co, l twistor.Loop) error) {
	t.Helper()
	r := reactor.New(&reactor.Config{Loops: 1})
	deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) {
		defer r.Stop()
		return struct{}{}, body(co, r.Loop())
	}).Done(func(_ struct{}, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	if err := r.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

type transfer struct {
	From, To string
	Cents    int64
}

// BenchmarkAppend is durable changes of a journal, by so many writers that each
// wait for theirs before they make the next.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 1000} {
		b.Run(fmt.Sprint("writers=", writers), func(b *testing.B) {
			b.ReportAllocs()
			dir := b.TempDir()
			onReactor(b, func(co *deferred.Co, l twistor.Loop) error {
				s, err := Open(co, l, Config{Dir: dir, Name: "bench"})
				if err != nil {
					return err
				}
				var sum struct{ Cents int64 }
				j := &Journal[transfer]{Name: "sum", State: &sum, Apply: func(t transfer) { sum.Cents += t.Cents }}
				if err := j.Open(co, s); err != nil {
					return err
				}
				left := b.N
				var all []*deferred.Signal
				b.ResetTimer()
				for range writers {
					all = append(all, deferred.Inline(l, func(co *deferred.Co) (struct{}, error) {
						for left > 0 {
							left--
							if _, err := j.Append(transfer{"alice", "bob", 100}).Await(co); err != nil {
								return struct{}{}, err
							}
						}
						return struct{}{}, nil
					}))
				}
				if _, err := deferred.All(all...).Await(co); err != nil {
					return err
				}
				b.StopTimer()
				return s.Close(co)
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
		})
	}
}

// BenchmarkSave is a snapshot of a map of 1,000 names, durable.
func BenchmarkSave(b *testing.B) {
	b.ReportAllocs()
	dir := b.TempDir()
	onReactor(b, func(co *deferred.Co, l twistor.Loop) error {
		s, err := Open(co, l, Config{Dir: dir, Name: "bench"})
		if err != nil {
			return err
		}
		names := map[string]int{}
		for i := range 1000 {
			names[fmt.Sprint("name", i)] = i
		}
		if err := s.Persist("names", &names); err != nil {
			return err
		}
		for b.Loop() {
			if _, err := s.Save("").Await(co); err != nil {
				return err
			}
		}
		return s.Close(co)
	})
}

// TestAppendAllocates wants one allocation a change, its Signal, once buffers have
// grown.
func TestAppendAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	dir := t.TempDir()
	onReactor(t, func(co *deferred.Co, l twistor.Loop) error {
		s, err := Open(co, l, Config{Dir: dir, Name: "bench"})
		if err != nil {
			return err
		}
		var sum struct{ Cents int64 }
		j := &Journal[transfer]{Name: "sum", State: &sum, Apply: func(t transfer) { sum.Cents += t.Cents }}
		if err := j.Open(co, s); err != nil {
			return err
		}
		turn := func() (last *deferred.Signal) {
			for range 1000 {
				last = j.Append(transfer{"alice", "bob", 100})
			}
			return last
		}
		for range 2 { // each of the two buffers
			if _, err := turn().Await(co); err != nil {
				return err
			}
		}
		var last *deferred.Signal
		if got := testing.AllocsPerRun(1, func() { // twice: the first one to warm up
			if last != nil {
				last.Await(co)
			}
			last = turn()
		}) / 1000; got > 1.1 {
			t.Errorf("got %.2f allocations a change, want 1", got)
		}
		return s.Close(co)
	})
}
