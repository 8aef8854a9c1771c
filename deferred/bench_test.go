package deferred

import (
	"context"
	"runtime"
	"testing"
)

// PERFORMANCE.md: make, three callbacks and fire in at most 80 ns, with one
// allocation.
func BenchmarkFireThreeCallbacks(b *testing.B) {
	l := newLoop(b)
	n := 0
	f := func(v int, err error) { n += v }
	b.ReportAllocs()
	for b.Loop() {
		d := New[int](l)
		d.Done(f)
		d.Done(f)
		d.Done(f)
		d.Succeed(1)
	}
}

func BenchmarkThenDone(b *testing.B) {
	l := newLoop(b)
	n := 0
	g := func(v int) (int, error) { return v + 1, nil }
	f := func(v int, err error) { n += v }
	b.ReportAllocs()
	for b.Loop() {
		d := New[int](l)
		Then(d, g).Done(f)
		d.Succeed(1)
	}
}

// BenchmarkFailedDone is the price of a failure that is handled right after.
func BenchmarkFailedDone(b *testing.B) {
	l := newLoop(b)
	f := func(int, error) {}
	b.ReportAllocs()
	for b.Loop() {
		Failed[int](l, errTest).Done(f)
		if l.core.Waiting() {
			l.core.Resume(10)
		}
	}
}

func BenchmarkFailHandled(b *testing.B) {
	l := newLoop(b)
	f := func(int, error) {}
	b.ReportAllocs()
	for b.Loop() {
		d := New[int](l)
		d.Done(f)
		d.Fail(errTest)
	}
}

// BenchmarkAwaitReady has no switch: a value that is here is taken at once.
func BenchmarkAwaitReady(b *testing.B) {
	l := newLoop(b)
	d := Succeeded(1)
	b.ReportAllocs()
	Inline(l, func(co *Co) (struct{}, error) {
		for b.Loop() {
			d.Await(co)
		}
		return struct{}{}, nil
	})
}

// BenchmarkAwaitPending is to make a Deferred, wait for it, fire it and go on:
// at most 150 ns, the Deferred included.
func BenchmarkAwaitPending(b *testing.B) {
	l := newLoop(b)
	var d *Deferred[int]
	end := false
	Inline(l, func(co *Co) (struct{}, error) {
		for !end {
			d = New[int](l)
			d.Await(co)
		}
		return struct{}{}, nil
	})
	b.ReportAllocs()
	for b.Loop() {
		d.Succeed(1)
		l.core.Resume(10)
	}
	end = true
	d.Succeed(1)
	l.core.Resume(10)
}

// BenchmarkInline is a coroutine from start to end.
func BenchmarkInline(b *testing.B) {
	l := newLoop(b)
	body := func(co *Co) (int, error) { return 1, nil }
	b.ReportAllocs()
	for b.Loop() {
		Inline(l, body)
	}
}

// BenchmarkPool is one job there and back, without a loop.
func BenchmarkPool(b *testing.B) {
	p := new(Pool)
	done := make(chan struct{})
	job := func(context.Context) func() { return func() {} }
	deliver := func(func()) { done <- struct{}{} }
	b.ReportAllocs()
	for b.Loop() {
		p.Do(job, deliver)
		<-done
	}
}

// BenchmarkSuspended is the memory of a coroutine that waits: stack, Co, result.
func BenchmarkSuspended(b *testing.B) {
	const n = 10_000
	l := newLoop(b)
	for b.Loop() {
		gate := New[int](l)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range n {
			Inline(l, func(co *Co) (int, error) { return gate.Await(co) })
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		used := after.HeapInuse + after.StackInuse - before.HeapInuse - before.StackInuse
		b.ReportMetric(float64(used)/n, "B/coroutine")
		gate.Succeed(1)
		for l.core.Waiting() {
			l.core.Resume(n)
		}
	}
}
