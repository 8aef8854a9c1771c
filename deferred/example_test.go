package deferred_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// lookUp is something that takes time: an answer after that many seconds.
func lookUp(loop deferred.Loop, name string, seconds int) *deferred.Deferred[int] {
	return deferred.Then(deferred.After(loop, time.Duration(seconds)*time.Second), func(struct{}) (int, error) {
		if name == "" {
			return 0, errors.New("no name")
		}
		return len(name), nil
	})
}

// Two questions make their way together; the coroutine waits for both.
func Example() {
	loop := sim.NewClock(nil)
	sum := deferred.Inline(loop, func(co *deferred.Co) (int, error) {
		a, b := lookUp(loop, "alpha", 2), lookUp(loop, "beta", 3)
		defer b.Cancel()
		v, err := a.Await(co)
		if err != nil {
			return 0, err
		}
		w, err := b.Await(co)
		return v + w, err
	})
	sum.Done(func(n int, err error) { fmt.Println(n, err, "after", loop.Elapsed()) })
	loop.Advance(time.Minute)
	// Output: 9 <nil> after 3s
}

// A producer makes a Deferred, hands it out, and fires it later.
func ExampleNew() {
	loop := sim.NewClock(nil)
	answer := deferred.New[string](loop)
	answer.Done(func(s string, err error) { fmt.Println(s, err) })
	loop.CallLater(time.Second, func() { answer.Succeed("here I am") })
	loop.Advance(time.Second)
	fmt.Println("a second result is taken:", answer.Succeed("again"))
	// Output:
	// here I am <nil>
	// a second result is taken: false
}

// A function that knows the answer already returns it as a Deferred all the same.
func ExampleSucceeded() {
	cache := map[string]int{"alpha": 5}
	ask := func(loop deferred.Loop, name string) *deferred.Deferred[int] {
		if n, ok := cache[name]; ok {
			return deferred.Succeeded(n)
		}
		return lookUp(loop, name, 1)
	}
	ask(sim.NewClock(nil), "alpha").Done(func(n int, err error) { fmt.Println(n, err) })
	// Output: 5 <nil>
}

func ExampleFailed() {
	loop := sim.NewClock(nil)
	d := deferred.Failed[int](loop, fs.ErrNotExist)
	d.Done(func(_ int, err error) { fmt.Println(err) })
	// Output: file does not exist
}

func ExampleThen() {
	loop := sim.NewClock(nil)
	text := deferred.Then(lookUp(loop, "alpha", 1), func(n int) (string, error) {
		return strings.Repeat("*", n), nil
	})
	text.Done(func(s string, err error) { fmt.Println(s, err) })
	loop.Advance(time.Second)
	// Output: ***** <nil>
}

func ExampleChain() {
	loop := sim.NewClock(nil)
	d := deferred.Chain(lookUp(loop, "alpha", 1), func(n int) *deferred.Deferred[int] {
		return lookUp(loop, strings.Repeat("x", n*2), 1)
	})
	d.Done(func(n int, err error) { fmt.Println(n, err, "after", loop.Elapsed()) })
	loop.Advance(time.Minute)
	// Output: 10 <nil> after 2s
}

func ExampleDeferred_Catch() {
	loop := sim.NewClock(nil)
	d := lookUp(loop, "", 1).Catch(func(err error) (int, error) {
		fmt.Println("caught:", err)
		return -1, nil
	})
	d.Done(func(n int, err error) { fmt.Println(n, err) })
	loop.Advance(time.Second)
	// Output:
	// caught: no name
	// -1 <nil>
}

func ExampleDeferred_Timeout() {
	loop := sim.NewClock(nil)
	d := lookUp(loop, "alpha", 60).Timeout(5 * time.Second)
	d.Done(func(_ int, err error) {
		fmt.Println(err, "after", loop.Elapsed())
		fmt.Println("a deadline:", errors.Is(err, context.DeadlineExceeded))
	})
	loop.Advance(time.Hour)
	// Output:
	// deferred: timeout after 5s
	// a deadline: true
}

func ExampleDeferred_OnCancel() {
	loop := sim.NewClock(nil)
	request := deferred.New[string](loop)
	request.OnCancel(func() { fmt.Println("closing the connection") })
	reply := deferred.Then(request, func(s string) (int, error) { return len(s), nil })
	reply.Done(func(_ int, err error) { fmt.Println(err) })
	reply.Cancel()
	// Output:
	// closing the connection
	// deferred: canceled
}

// Several wait for one answer; one of them gives up, the others get it.
func ExampleDeferred_Shield() {
	loop := sim.NewClock(nil)
	shared := lookUp(loop, "alpha", 2)
	for _, patience := range []time.Duration{1, 3} {
		shared.Shield().Timeout(patience * time.Second).Done(func(n int, err error) { fmt.Println(n, err) })
	}
	loop.Advance(time.Minute)
	// Output:
	// 0 deferred: timeout
	// 5 <nil>
}

func ExampleInline() {
	loop := sim.NewClock(nil)
	deferred.Inline(loop, func(co *deferred.Co) (struct{}, error) {
		for _, name := range []string{"a", "bb"} {
			n, err := lookUp(loop, name, 1).Await(co)
			fmt.Println(n, err, "after", loop.Elapsed())
		}
		err := co.Sleep(time.Minute)
		fmt.Println(err, "after", loop.Elapsed())
		return struct{}{}, nil
	})
	loop.Advance(time.Hour)
	// Output:
	// 1 <nil> after 1s
	// 2 <nil> after 2s
	// <nil> after 1m2s
}

func ExampleAll() {
	loop := sim.NewClock(nil)
	deferred.All(lookUp(loop, "alpha", 3), lookUp(loop, "beta", 1)).Done(func(ns []int, err error) {
		fmt.Println(ns, err)
	})
	deferred.All(lookUp(loop, "alpha", 3), lookUp(loop, "", 1)).Done(func(ns []int, err error) {
		fmt.Println(err)
	})
	loop.Advance(time.Minute)
	// Output:
	// deferred: member 1: no name
	// [5 4] <nil>
}

func ExampleSettle() {
	loop := sim.NewClock(nil)
	deferred.Settle(lookUp(loop, "alpha", 3), lookUp(loop, "", 1)).Done(func(os []deferred.Outcome[int], _ error) {
		for _, o := range os {
			fmt.Println(o.Value, o.Err)
		}
	})
	loop.Advance(time.Minute)
	// Output:
	// 5 <nil>
	// 0 no name
}

func ExampleFirst() {
	loop := sim.NewClock(nil)
	slow, fast := lookUp(loop, "alpha", 3), lookUp(loop, "beta", 1)
	deferred.First(slow, fast).Done(func(won deferred.Indexed[int], err error) {
		fmt.Println("number", won.Index, "gave", won.Value)
	})
	loop.Advance(time.Minute)
	o, _ := slow.Result()
	fmt.Println("the other:", o.Err)
	// Output:
	// number 1 gave 4
	// the other: deferred: canceled
}

// At most two at a time.
func ExampleGather() {
	loop := sim.NewClock(nil)
	names := []string{"a", "bb", "ccc", "dddd"}
	lengths := deferred.Gather(loop, 2, slices.Values(names), func(co *deferred.Co, name string) (int, error) {
		return lookUp(loop, name, 1).Await(co)
	})
	lengths.Done(func(ns []int, err error) { fmt.Println(ns, err, "after", loop.Elapsed()) })
	loop.Advance(time.Minute)
	// Output: [1 2 3 4] <nil> after 2s
}

// A function that blocks runs on the pool; its result comes back to the loop.
func ExampleGo() {
	loop := sim.NewClock(nil)
	d := deferred.Go(loop, func(ctx context.Context) ([]byte, error) {
		return os.ReadFile("no such file")
	})
	d.Done(func(_ []byte, err error) { fmt.Println(errors.Is(err, fs.ErrNotExist)) })
	loop.Advance(0)
	// Output: true
}

// A lock file: whoever creates it has it.
func ExamplePoll() {
	loop := sim.NewClock(nil)
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "lock")
	acquire := func() *deferred.Deferred[func() error] {
		return deferred.Poll(loop, time.Second, func(context.Context) (func() error, bool, error) {
			f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, fs.ErrExist) {
				return nil, false, nil // somebody else has it: ask again
			}
			if err != nil {
				return nil, false, err
			}
			return func() error { return os.Remove(name) }, true, f.Close()
		}).Timeout(10 * time.Second)
	}
	deferred.Inline(loop, func(co *deferred.Co) (struct{}, error) {
		unlock, err := acquire().Await(co)
		fmt.Println("first:", err, "after", loop.Elapsed())
		co.Sleep(2500 * time.Millisecond)
		return struct{}{}, unlock()
	})
	deferred.Inline(loop, func(co *deferred.Co) (struct{}, error) {
		_, err := acquire().Await(co)
		fmt.Println("second:", err, "after", loop.Elapsed())
		_, err = acquire().Await(co)
		fmt.Println("third:", err, "after", loop.Elapsed())
		return struct{}{}, nil
	})
	loop.Advance(time.Minute)
	// Output:
	// first: <nil> after 0s
	// second: <nil> after 3s
	// third: deferred: timeout after 13s
}

func ExampleAfter() {
	loop := sim.NewClock(nil)
	deferred.After(loop, 3*time.Second).Done(func(struct{}, error) { fmt.Println("after", loop.Elapsed()) })
	loop.Advance(time.Minute)
	// Output: after 3s
}

func ExampleEvery() {
	loop := sim.NewClock(nil)
	ticking := deferred.Every(loop, time.Second, func(co *deferred.Co) error {
		fmt.Println("tick at", loop.Elapsed())
		return co.Sleep(200 * time.Millisecond)
	})
	loop.Advance(3500 * time.Millisecond)
	ticking.Cancel()
	// Output:
	// tick at 1s
	// tick at 2s
	// tick at 3s
}

func ExampleRepeat() {
	loop := sim.NewClock(nil)
	r := &deferred.Repeat{Interval: time.Second, AtOnce: true}
	r.Call = func(co *deferred.Co, ticks int) error {
		fmt.Println(ticks, "at", loop.Elapsed())
		if loop.Elapsed() == 0 {
			return co.Sleep(2500 * time.Millisecond) // misses two
		}
		r.Stop()
		return nil
	}
	r.Start(loop).Done(func(_ struct{}, err error) { fmt.Println("stopped:", err) })
	loop.Advance(time.Minute)
	// Output:
	// 1 at 0s
	// 3 at 3s
	// stopped: <nil>
}

// A long computation gives way to the rest of the loop.
func ExampleCooperate() {
	loop := sim.NewClock(nil)
	sum := 0
	summing := deferred.Cooperate(loop, 0, func(yield func(struct{}) bool) {
		for i := range 1000 {
			sum += i
			if !yield(struct{}{}) {
				return
			}
		}
	})
	loop.CallLater(0, func() { fmt.Println("something else, while it is not done:", sum < 499500) })
	summing.Done(func(_ struct{}, err error) { fmt.Println(sum, err) })
	loop.Advance(0)
	// Output:
	// something else, while it is not done: true
	// 499500 <nil>
}

// Two loops share nothing; one asks the other.
func ExampleAsk() {
	home, there := sim.NewClock(nil), sim.NewClock(nil)
	users := 3 // belongs to there
	count := deferred.Ask(home, there, func() *deferred.Deferred[int] { return deferred.Succeeded(users) })
	count.Done(func(n int, err error) { fmt.Println(n, err) })
	there.Advance(0)
	home.Advance(0)
	// Output: 3 <nil>
}

func ExampleLock() {
	loop := sim.NewClock(nil)
	var file deferred.Lock
	for _, name := range []string{"a", "b"} {
		deferred.Inline(loop, func(co *deferred.Co) (struct{}, error) {
			release, err := file.Acquire(loop).Await(co)
			if err != nil {
				return struct{}{}, err
			}
			defer release()
			fmt.Println(name, "begins")
			co.Sleep(time.Second)
			fmt.Println(name, "ends")
			return struct{}{}, nil
		})
	}
	loop.Advance(time.Minute)
	// Output:
	// a begins
	// a ends
	// b begins
	// b ends
}

func ExampleSemaphore() {
	loop := sim.NewClock(nil)
	two := deferred.Semaphore{Max: 2}
	for i := range 4 {
		two.Acquire(loop).Done(func(release func(), err error) {
			deferred.After(loop, time.Second).Done(func(struct{}, error) {
				fmt.Println(i, "at", loop.Elapsed())
				release()
			})
		})
	}
	loop.Advance(time.Minute)
	// Output:
	// 0 at 1s
	// 1 at 1s
	// 2 at 2s
	// 3 at 2s
}

func ExampleQueue() {
	loop := sim.NewClock(nil)
	var lines deferred.Queue[string]
	deferred.Inline(loop, func(co *deferred.Co) (struct{}, error) {
		for {
			line, err := lines.Get(loop).Await(co)
			if err != nil {
				return struct{}{}, err
			}
			fmt.Println("got", line)
		}
	})
	lines.Put("one")
	lines.Put("two")
	loop.Advance(0)
	// Output:
	// got one
	// got two
}

// Pause a task, and let it go on.
func ExampleGate() {
	loop := sim.NewClock(nil)
	var gate deferred.Gate
	deferred.Every(loop, time.Second, func(co *deferred.Co) error {
		if _, err := gate.Pass(loop).Await(co); err != nil {
			return err
		}
		fmt.Println("working at", loop.Elapsed())
		return nil
	})
	loop.Advance(time.Second)
	gate.Shut()
	loop.Advance(2500 * time.Millisecond)
	gate.Open()
	loop.Advance(time.Second)
	// Output:
	// working at 1s
	// working at 3.5s
	// working at 4s
}

// Jobs of one Lane keep their order, whatever the pool does.
func ExampleLane() {
	loop := sim.NewClock(nil)
	var disk deferred.Lane
	for _, block := range []string{"first", "second"} {
		disk.Go(loop, func(context.Context) error {
			fmt.Println("writing", block)
			return nil
		})
	}
	loop.Advance(time.Second)
	// Output:
	// writing first
	// writing second
}

// A Loop stands on a Pool; here it is used by itself.
func ExamplePool() {
	pool := &deferred.Pool{Workers: 2, MaxJobs: 10}
	results := make(chan func())
	pool.Do(func(ctx context.Context) func() {
		sum := 20 + 22 // on a worker
		return func() { fmt.Println(sum) }
	}, func(deliver func()) { results <- deliver })
	(<-results)() // where the loop would be
	fmt.Println(pool.Close(context.Background()))
	// Output:
	// 42
	// <nil>
}
