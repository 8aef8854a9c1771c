package deferred_test

import (
	"context"
	"fmt"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
)

// An ordinary goroutine calls into a loop that runs on another one.
func ExampleCall() {
	ctx, stop := context.WithCancel(context.Background())
	r := reactor.New(nil)
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()

	hits := 0 // belongs to the loop
	count := func() *deferred.Deferred[int] {
		hits++
		return deferred.Succeeded(hits)
	}
	for range 3 {
		n, err := deferred.Call(ctx, r.Loop(), count)
		fmt.Println(n, err)
	}
	stop()
	<-ended
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
}

func ExampleDeferred_Wait() {
	ctx, stop := context.WithCancel(context.Background())
	r := reactor.New(nil)
	ready := deferred.Inline(r.Loop(), func(co *deferred.Co) (string, error) {
		return "the loop is up", co.Yield()
	})
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	fmt.Println(ready.Wait(ctx))
	stop()
	<-ended
	// Output: the loop is up <nil>
}
