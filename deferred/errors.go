package deferred

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// What a Deferred of this package can fail with, beside the errors of those
// who fire it. Test with errors.Is: they may come wrapped.
var (
	// ErrCanceled: somebody called Cancel. It is a context.Canceled, and it is
	// never reported as unhandled.
	ErrCanceled error = &contextual{"deferred: canceled", context.Canceled}
	// ErrTimeout: a Timeout expired. It is a context.DeadlineExceeded.
	ErrTimeout error = &contextual{"deferred: timeout", context.DeadlineExceeded}
	// ErrStopped: the loop has stopped. It is never reported as unhandled.
	ErrStopped = errors.New("deferred: loop stopped")
	// ErrUnreachable: another loop refused a call; it is full, or has stopped.
	ErrUnreachable = errors.New("deferred: loop is full or stopped")
	// ErrPoolFull: all workers are busy, and as many jobs wait as may.
	ErrPoolFull = errors.New("deferred: pool is full")
	// ErrQueueFull: as many items, or waiters, are in a queue as may.
	ErrQueueFull = errors.New("deferred: queue is full")
	// ErrCycle: a Deferred was made to wait for itself.
	ErrCycle = errors.New("deferred: waits for itself")
	// ErrGoexit: a coroutine or a job ended by runtime.Goexit, as t.FailNow does.
	ErrGoexit = errors.New("deferred: runtime.Goexit was called")
)

// contextual is an error that also is one of package context's, so that code
// which knows contexts only decides rightly.
type contextual struct {
	text string
	as   error
}

func (e *contextual) Error() string        { return e.text }
func (e *contextual) Is(target error) bool { return target == e.as }

// Timeout makes ErrTimeout one for those who ask as of a net.Error.
func (e *contextual) Timeout() bool { return e.as == context.DeadlineExceeded }

// A PanicError is a panic of a callback, a coroutine or a job. Immutable after
// first use.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // of the goroutine, at the panic
}

// Error is one line; the Stack is not in it.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap is Value, if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// panicked makes an error of what recover returned. It must be called while
// the stack still stands, by the deferred call itself.
func panicked(v any) error {
	if _, ok := v.(unwinding); ok {
		return ErrStopped
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// call calls f, and makes a panic of it an error.
func call[A, T any](f func(A) (T, error), a A) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = *new(T), panicked(r)
		}
	}()
	return f(a)
}
