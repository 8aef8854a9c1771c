package deferred

import "context"

// Go runs f, which may block, on the loop's pool of workers, and returns a
// Deferred for its result, fired on the loop. It is the one door out of the
// loop: f must not touch what belongs to the loop, nor use a Co. If the pool is
// full it fails with ErrPoolFull. A panic of f is a failure; so is a
// runtime.Goexit, ErrGoexit.
//
// To cancel the Deferred ends f's context, and fails the Deferred at once; what
// f still returns is dropped. An f that has not begun never will.
func Go[T any](l Loop, f func(context.Context) (T, error)) *Deferred[T] {
	d := New[T](l)
	cancel, err := work(l, f, func(v T, err error) {
		if err != nil {
			d.blame(f)
		}
		d.fire(v, err)
	})
	if err != nil {
		d.Fail(err)
		return d
	}
	return d.OnCancel(cancel)
}

// work runs f on the pool and calls fire, on the loop, with what it returned.
func work[T any](l Loop, f func(context.Context) (T, error), fire func(T, error)) (cancel func(), err error) {
	if coreOf(l).closed {
		return nil, ErrStopped
	}
	return l.Work(func(ctx context.Context) func() {
		returned := false
		defer func() {
			if !returned { // Goexit: nothing can be returned, but this can be done
				l.Post(func() { fire(*new(T), ErrGoexit) })
			}
		}()
		v, err := call(f, ctx)
		returned = true
		return func() { fire(v, err) }
	})
}

// fire fires d with what a function returned, unless it has fired.
func (d *Deferred[T]) fire(v T, err error) {
	if d.resolve(v, err) {
		d.run()
	}
}
