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
	cancel, err := l.Work(func(ctx context.Context) func() {
		returned := false
		defer func() {
			if !returned { // Goexit: nothing can be returned, but this can be done
				l.Post(func() { d.Fail(ErrGoexit) })
			}
		}()
		v, err := call(f, ctx)
		returned = true
		return func() { d.fire(v, err) }
	})
	if err != nil {
		d.Fail(err)
		return d
	}
	return d.OnCancel(cancel)
}

// fire fires d with what a function returned.
func (d *Deferred[T]) fire(v T, err error) {
	if d.resolve(v, err) {
		run(d)
	}
}
