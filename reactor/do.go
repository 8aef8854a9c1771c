package reactor

import (
	"context"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Do runs main as a coroutine on the home loop of a new reactor and returns
// main's error: for a program with a beginning and an end, such as a client.
// When main has returned, everything stops. If ctx is done before, main's next
// Await returns deferred.ErrStopped, and Do the context's cause. c may be nil.
func Do(ctx context.Context, c *Config, main func(co *deferred.Co, l twistor.Loop) error) error {
	run, stop := context.WithCancel(ctx)
	defer stop()
	r := New(c)
	var result error
	deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, main(co, r.Loop())
	}).Done(func(_ struct{}, err error) {
		result = err
		stop()
	})
	if err := r.Run(run); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return result
}
