//go:build linux

// Command micro-twistor times our timers, Deferreds and coroutines on a running
// loop. Usage: micro-twistor timers|deferreds|coroutines N
package main

import (
	"context"
	"errors"
	"log"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/bench/internal/micro"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
)

const us = "twistor"

var sink int

func main() {
	suite, n := micro.Args()
	defer func() { runtime.KeepAlive(sink) }()
	suites := map[string]func(l twistor.Loop, n int, done func()){
		"timers": timers, "deferreds": deferreds, "coroutines": coroutines,
	}
	run := suites[suite]
	if run == nil {
		log.Fatalf("no suite %q, want timers, deferreds or coroutines", suite)
	}
	// What is timed here keeps the loop busy: it needs no watchdog to say so.
	r := reactor.New(&reactor.Config{SlowTurn: -1})
	ctx, cancel := context.WithCancel(context.Background())
	l := r.Loop()
	l.CallLater(0, func() { run(l, n, cancel) })
	if err := r.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
}

// timers arms n timers, all pending at once, and cancels, resets or fires them.
func timers(l twistor.Loop, n int, done func()) {
	all := make([]twistor.Timer, n)
	arm := func() {
		for i := range all {
			all[i] = l.CallLater(time.Hour+time.Duration(rand.Int64N(1e9)), func() {})
		}
	}
	stop := func() {
		for _, t := range all {
			t.Stop()
		}
	}
	t := micro.Clock()
	arm()
	stop()
	micro.Print(us, "arm all, cancel all", n, t)

	arm()
	t = micro.Clock()
	for range n {
		l.CallLater(time.Hour+time.Duration(rand.Int64N(1e9)), func() {}).Stop()
	}
	micro.Print(us, "arm and cancel, many pending", n, t)

	t = micro.Clock()
	for _, timer := range all {
		timer.Reset(2 * time.Hour)
	}
	micro.Print(us, "reset", n, t)
	stop()

	left := n
	t = micro.Clock()
	fired := func() {
		if left--; left == 0 {
			micro.Print(us, "arm and fire", n, t)
			done()
		}
	}
	for range n {
		l.CallLater(time.Duration(rand.Int64N(1e8)), fired)
	}
}

func deferreds(l twistor.Loop, n int, done func()) {
	t := micro.Clock()
	for range n {
		d := deferred.New[int](l)
		d.Always(func() { sink++ })
		d.Always(func() { sink++ })
		d.Done(func(x int, _ error) { sink += x })
		d.Succeed(1)
	}
	micro.Print(us, "make, three callbacks, fire", n, t)

	plus := func(x int) (int, error) { return x + 1, nil }
	t = micro.Clock()
	for range n {
		d := deferred.New[int](l)
		deferred.Then(deferred.Then(d, plus), plus).Done(func(x int, _ error) { sink = x })
		d.Succeed(1)
	}
	micro.Print(us, "make, Then, Then, Done, fire", n, t)
	done()
}

// coroutines plays ping-pong between two of them: each fires what the other
// waits for, and then waits itself.
func coroutines(l twistor.Loop, n int, done func()) {
	turn := [2]*deferred.Deferred[int]{deferred.New[int](l), deferred.New[int](l)}
	t := micro.Clock()
	play := func(me int) *deferred.Deferred[struct{}] {
		return deferred.Inline(l, func(co *deferred.Co) (none struct{}, err error) {
			for range n / 2 {
				if sink, err = turn[me].Await(co); err != nil {
					return none, err
				}
				turn[me] = deferred.New[int](l)
				turn[1-me].Succeed(1)
			}
			return none, nil
		})
	}
	both := deferred.All(play(0), play(1))
	turn[0].Succeed(1)
	both.Done(func(_ []struct{}, err error) {
		if err != nil {
			log.Fatal(err)
		}
		micro.Print(us, "await a pending value", n, t)
		ended := deferred.Inline(l, func(co *deferred.Co) (struct{}, error) { return struct{}{}, straight(co, n) })
		ended.Done(func(_ struct{}, err error) {
			if err != nil {
				log.Fatal(err)
			}
			done()
		})
	})
}

// straight times what needs no switch, and coroutines that never wait.
func straight(co *deferred.Co, n int) error {
	d := deferred.Succeeded(1)
	t := micro.Clock()
	for range n {
		x, err := d.Await(co)
		if err != nil {
			return err
		}
		sink = x
	}
	micro.Print(us, "await a ready value", n, t)

	t = micro.Clock()
	for range n {
		child := deferred.Inline(co.Loop(), func(*deferred.Co) (int, error) { return 1, nil })
		x, err := child.Await(co)
		if err != nil {
			return err
		}
		sink = x
	}
	micro.Print(us, "start to end", n, t)
	return nil
}
