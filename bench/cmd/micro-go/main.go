//go:build linux

// Command micro-go times what Go itself offers for the jobs of timers,
// Deferreds and coroutines. Usage: micro-go timers|deferreds|coroutines N
package main

import (
	"iter"
	"log"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/twistor-go/twistor/bench/internal/micro"
)

var sink int

func plus(x int) int { return x + 1 }

func main() {
	suite, n := micro.Args()
	defer func() { runtime.KeepAlive(sink) }()
	switch suite {
	case "timers":
		timers(n)
	case "deferreds":
		deferreds(n)
	case "coroutines":
		coroutines(n)
	default:
		log.Fatalf("no suite %q, want timers, deferreds or coroutines", suite)
	}
}

func timers(n int) {
	all := make([]*time.Timer, n)
	t := micro.Clock()
	for i := range all {
		all[i] = time.AfterFunc(time.Hour+time.Duration(rand.Int64N(1e9)), func() {})
	}
	for _, timer := range all {
		timer.Stop()
	}
	micro.Print("Go AfterFunc", "arm all, cancel all", n, t)

	for i := range all {
		all[i] = time.AfterFunc(time.Hour+time.Duration(rand.Int64N(1e9)), func() {})
	}
	t = micro.Clock()
	for range n {
		time.AfterFunc(time.Hour+time.Duration(rand.Int64N(1e9)), func() {}).Stop()
	}
	micro.Print("Go AfterFunc", "arm and cancel, many pending", n, t)

	t = micro.Clock()
	for _, timer := range all {
		timer.Reset(2 * time.Hour)
	}
	micro.Print("Go AfterFunc", "reset", n, t)
	for _, timer := range all {
		timer.Stop()
	}

	t = micro.Clock()
	var wg sync.WaitGroup
	wg.Add(n)
	fired := wg.Done
	for range n {
		time.AfterFunc(time.Duration(rand.Int64N(1e8)), fired)
	}
	wg.Wait()
	micro.Print("Go AfterFunc", "arm and fire", n, t)
}

// A future is the least that runs callbacks on a result: the limit, no peer.
type future struct {
	value     int
	callbacks []func(int) int
}

func deferreds(n int) {
	t := micro.Clock()
	for range n {
		f := new(future)
		f.callbacks = append(f.callbacks, plus)
		f.callbacks = append(f.callbacks, plus)
		f.callbacks = append(f.callbacks, plus)
		f.value = 1
		for _, callback := range f.callbacks {
			f.value = callback(f.value)
		}
		sink = f.value
	}
	micro.Print("slice of callbacks", "make, three callbacks, fire", n, t)

	t = micro.Clock()
	for range n {
		c, done := make(chan int, 1), make(chan int, 1)
		go func() { done <- plus(plus(plus(<-c))) }()
		c <- 1
		sink = <-done
	}
	micro.Print("Go channel and goroutine", "make, three callbacks, fire", n, t)
}

func coroutines(n int) {
	next, stop := iter.Pull(func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
		}
	})
	t := micro.Clock()
	for range n {
		sink, _ = next()
	}
	micro.Print("iter.Pull", "await a pending value", n, t)
	stop()

	ask, answer := make(chan int), make(chan int)
	go func() {
		for x := range ask {
			answer <- x
		}
	}()
	t = micro.Clock()
	for i := range n {
		ask <- i
		sink = <-answer
	}
	micro.Print("Go channels", "await a pending value", n, t)
	close(ask)

	ready := make(chan int, 1)
	t = micro.Clock()
	for i := range n {
		ready <- i
		sink = <-ready
	}
	micro.Print("Go channels", "await a ready value", n, t)

	done := make(chan int, 1)
	t = micro.Clock()
	for i := range n {
		go func() { done <- i }()
		sink = <-done
	}
	micro.Print("Go channels", "start to end", n, t)

	t = micro.Clock()
	for i := range n {
		next, stop := iter.Pull(func(yield func(int) bool) { yield(i) })
		sink, _ = next()
		stop()
	}
	micro.Print("iter.Pull", "start to end", n, t)
}
