package deferred

import (
	"context"
	"iter"
	"time"
)

func (d *Deferred[T]) Wait(ctx context.Context) (T, error) { panic("stub") }

type calls struct{}

func (c *Core) endCalls() {}

func All[T any](ds ...*Deferred[T]) *Deferred[[]T]             { panic("stub") }
func Settle[T any](ds ...*Deferred[T]) *Deferred[[]Outcome[T]] { panic("stub") }
func First[T any](ds ...*Deferred[T]) *Deferred[Indexed[T]]    { panic("stub") }

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

type Indexed[T any] struct {
	Index int
	Value T
}
