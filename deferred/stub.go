package deferred

import (
	"context"
	"errors"
	"iter"
	"time"
)

type Core struct {
	// Debug records where Deferreds are made, for the reports of failures that
	// nobody handled. Set it before the loop runs.
	Debug bool
}

// Waiting reports whether coroutines became ready.
func (c *Core) Waiting() bool { return false }

// Resume runs up to max ready coroutines.
func (c *Core) Resume(max int) (n int) { return 0 }

// Close ends every waiting coroutine and reports failures that nobody handled.
func (c *Core) Close() {}

type Deferred[T any] struct{}
type Signal = Deferred[struct{}]

func New[T any](l Loop) *Deferred[T]                                   { panic("stub") }
func Succeeded[T any](v T) *Deferred[T]                                { panic("stub") }
func Failed[T any](l Loop, err error) *Deferred[T]                     { panic("stub") }
func (d *Deferred[T]) Succeed(v T) bool                                { panic("stub") }
func (d *Deferred[T]) Fail(err error) bool                             { panic("stub") }
func (d *Deferred[T]) OnCancel(f func()) *Deferred[T]                  { panic("stub") }
func (d *Deferred[T]) Cancel()                                         { panic("stub") }
func (d *Deferred[T]) Timeout(after time.Duration) *Deferred[T]        { panic("stub") }
func (d *Deferred[T]) Done(f func(T, error))                           { panic("stub") }
func (d *Deferred[T]) Catch(f func(error) (T, error)) *Deferred[T]     { panic("stub") }
func (d *Deferred[T]) Always(f func()) *Deferred[T]                    { panic("stub") }
func (d *Deferred[T]) Result() (Outcome[T], bool)                      { panic("stub") }
func (d *Deferred[T]) Await(co *Co) (T, error)                         { panic("stub") }
func (d *Deferred[T]) Wait(ctx context.Context) (T, error)             { panic("stub") }
func Then[T, U any](d *Deferred[T], f func(T) (U, error)) *Deferred[U] { panic("stub") }
func Chain[T, U any](d *Deferred[T], f func(T) *Deferred[U]) *Deferred[U] {
	panic("stub")
}
func All[T any](ds ...*Deferred[T]) *Deferred[[]T]             { panic("stub") }
func Settle[T any](ds ...*Deferred[T]) *Deferred[[]Outcome[T]] { panic("stub") }
func First[T any](ds ...*Deferred[T]) *Deferred[Indexed[T]]    { panic("stub") }

type Co struct{}

func (co *Co) Loop() Loop                  { panic("stub") }
func (co *Co) Sleep(d time.Duration) error { panic("stub") }
func (co *Co) Yield() error                { panic("stub") }
func (co *Co) Err() error                  { panic("stub") }

func Inline[T any](l Loop, body func(*Co) (T, error)) *Deferred[T]            { panic("stub") }
func Go[T any](l Loop, f func(context.Context) (T, error)) *Deferred[T]       { panic("stub") }
func Ask[T any](home, there Loop, f func() *Deferred[T]) *Deferred[T]         { panic("stub") }
func Every(l Loop, d time.Duration, f func(*Co) error) *Signal                { panic("stub") }
func Cooperate(l Loop, slice time.Duration, steps iter.Seq[struct{}]) *Signal { panic("stub") }

type Lane struct{ MaxJobs int }

func (n *Lane) Go(l Loop, f func(context.Context) error) *Signal { panic("stub") }
func (n *Lane) Len() int                                         { panic("stub") }

type Lock struct{}

func (k *Lock) Acquire(l Loop) *Deferred[func()] { panic("stub") }

type Semaphore struct{ Max int }

func (s *Semaphore) Acquire(l Loop) *Deferred[func()] { panic("stub") }

type Queue[T any] struct{ MaxItems, MaxWaiters int }

func (q *Queue[T]) Put(v T) error           { panic("stub") }
func (q *Queue[T]) Get(l Loop) *Deferred[T] { panic("stub") }

type Outcome[T any] struct {
	Value T
	Err   error
}
type Indexed[T any] struct {
	Index int
	Value T
}
type UnhandledError struct {
	Err    error
	Origin string
}

func (e *UnhandledError) Error() string { return "deferred: unhandled: " + e.Err.Error() }

type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return "panic" }

// A Pool is the bounded pool of workers behind a Loop's Work. Safe for
// concurrent use.
type Pool struct {
	Workers int // 0: 20
	MaxJobs int // waiting; 0: 10,000
}

// Do runs job on a worker, and hands what it returns to deliver.
func (p *Pool) Do(job func(context.Context) func(), deliver func(func())) (cancel func(), err error) {
	panic("stub")
}

// Close cancels what runs, refuses what comes, and waits for the workers.
func (p *Pool) Close(ctx context.Context) error { return nil }

var (
	ErrCanceled  = errors.New("deferred: canceled")
	ErrTimeout   = errors.New("deferred: timeout")
	ErrPoolFull  = errors.New("deferred: pool is full")
	ErrQueueFull = errors.New("deferred: queue is full")
	ErrStopped   = errors.New("deferred: loop stopped")
)
