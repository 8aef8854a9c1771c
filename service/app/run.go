package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service"
)

// StopTimeout is how long the connections of a program that is told to stop may
// go on.
const StopTimeout = 10 * time.Second

// Run runs s on a reactor of its own until ctx is done, and stops it. The error
// is that of s's Start, or of its Stop; it is nil if both went well. Safe for
// concurrent use.
func Run(ctx context.Context, s service.Service) error { return run(ctx, s, slog.Default()) }

func run(ctx context.Context, s service.Service, log *slog.Logger) error {
	r := reactor.New(&reactor.Config{Log: log, StopTimeout: StopTimeout + 5*time.Second})
	loop := r.Loop()
	start := deferred.Inline(loop, func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, s.Start(co, service.On(loop))
	})
	var failed error
	start.Done(func(_ struct{}, err error) {
		if err != nil && !errors.Is(err, deferred.ErrCanceled) {
			failed = err
			r.Stop()
		}
	})
	r.BeforeStop(func() *deferred.Signal {
		start.Cancel() // if it is still starting
		return deferred.Inline(loop, func(co *deferred.Co) (struct{}, error) {
			if _, err := start.Await(co); err != nil {
				return struct{}{}, nil // nothing runs
			}
			return struct{}{}, s.Stop(co)
		}).Timeout(StopTimeout).Catch(func(err error) (struct{}, error) {
			failed = errors.Join(failed, err)
			return struct{}{}, nil
		})
	})
	if err := r.Run(ctx); err != nil {
		return errors.Join(failed, err)
	}
	return failed
}

// statusOf says what a program that failed with err exits with.
func statusOf(err error) plugin.Status {
	if e, ok := errors.AsType[*plugin.Error](err); ok {
		return e.Status
	}
	if e, ok := errors.AsType[*endpoint.Error](err); ok {
		if errors.Is(e, fs.ErrPermission) {
			return plugin.StatusNoPermission
		}
		return plugin.StatusUnavailable
	}
	return plugin.StatusSoftware
}
