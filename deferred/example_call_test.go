package deferred_test

import (
	"context"
	"fmt"

	"github.com/twistor-go/twistor/deferred"
)

// An ordinary goroutine calls into a loop that runs on another one.
func ExampleCall() {
	loop, stop := deferred.Serving()
	defer stop()
	hits := 0 // belongs to the loop
	count := func() *deferred.Deferred[int] {
		hits++
		return deferred.Succeeded(hits)
	}
	for range 3 {
		n, err := deferred.Call(context.Background(), loop, count)
		fmt.Println(n, err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
}

func ExampleDeferred_Wait() {
	loop, stop := deferred.Serving()
	defer stop()
	made := make(chan *deferred.Deferred[string])
	loop.Post(func() {
		made <- deferred.Inline(loop, func(co *deferred.Co) (string, error) {
			return "from the loop", co.Yield()
		})
	})
	fmt.Println((<-made).Wait(context.Background()))
	// Output: from the loop <nil>
}
