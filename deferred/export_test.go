package deferred

import (
	"sync"
	"time"
)

// Serving returns a loop that runs on a goroutine of its own until stop returns.
func Serving() (l Loop, stop func()) {
	loop := &testLoop{now: time.Unix(1000, 0), wake: make(chan struct{}, 1)}
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() { loop.serve(done) })
	return loop, func() {
		close(done)
		ended.Wait()
		loop.core.Close()
	}
}
