package deferred

import "container/list"

// A Queue hands items from those who have them to those who wait for them, first
// come, first served. Its zero is ready for use. Loop-only.
type Queue[T any] struct {
	// MaxItems is how many items it holds while nobody waits; 0: 10,000;
	// negative: none.
	MaxItems int
	// MaxWaiters is how many Gets may wait; 0: 10,000; negative: none.
	MaxWaiters int

	items   []T // those before head are gone
	head    int
	waiters list.List // of *Deferred[T]
}

// Put gives v to the Get that waits longest, or keeps it. It returns ErrQueueFull,
// and drops v, if the queue holds MaxItems.
func (q *Queue[T]) Put(v T) error {
	for q.waiters.Len() > 0 {
		d := q.waiters.Remove(q.waiters.Front()).(*Deferred[T])
		if d.Succeed(v) {
			return nil
		}
	}
	if q.Len() >= bound(q.MaxItems, defaultItems) {
		return ErrQueueFull
	}
	if q.head > 0 && len(q.items) == cap(q.items) { // move down rather than grow
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v)
	return nil
}

// Get returns a Deferred for the next item. Cancel gives up waiting, and takes no
// item. It fails with ErrQueueFull if MaxWaiters wait.
func (q *Queue[T]) Get(l Loop) *Deferred[T] {
	d := New[T](l)
	switch {
	case q.Len() > 0:
		v := q.items[q.head]
		q.items[q.head] = *new(T)
		if q.head++; q.head == len(q.items) {
			q.items, q.head = q.items[:0], 0
		}
		d.Succeed(v)
	case q.waiters.Len() >= bound(q.MaxWaiters, defaultWaiters):
		d.Fail(ErrQueueFull)
	default:
		e := q.waiters.PushBack(d)
		d.OnCancel(func() { q.waiters.Remove(e) })
	}
	return d
}

// Len is how many items are there.
func (q *Queue[T]) Len() int { return len(q.items) - q.head }
