package deferred

// Inline runs body, straight-line code that may wait, on the loop, and returns
// a Deferred for what it returns. body starts at once and runs until its first
// Await of something that is not here; before the loop runs it starts in the
// first turn. A panic of body is a failure; so is a runtime.Goexit, ErrGoexit.
//
// To cancel the Deferred cancels what body waits for, and every Await of body
// that would wait from then on.
func Inline[T any](l Loop, body func(*Co) (T, error)) *Deferred[T] {
	c := coreOf(l)
	x := &inline[T]{body: body}
	x.waitFor(c, &x.co)
	x.co.core, x.co.body = c, x
	if c.closed {
		x.resolve(*new(T), ErrStopped)
		x.Deferred.run()
		return &x.Deferred
	}
	c.list(&x.co)
	if c.opened {
		c.resume(&x.co)
	} else {
		c.enqueue(&x.co)
	}
	return &x.Deferred
}

// inline is a coroutine and its result in one allocation.
type inline[T any] struct {
	Deferred[T]
	co    Co
	body  func(*Co) (T, error)
	ended Outcome[T]
}

// A body is what a coroutine runs.
type body interface {
	main()          // on the runner
	fail(err error) // instead of main's result
	finish()        // on whoever resumed it: fires the result
}

func (x *inline[T]) main() {
	x.ended.Value, x.ended.Err = call(x.body, &x.co)
}

func (x *inline[T]) fail(err error) { x.ended.Err = err }

func (x *inline[T]) finish() {
	if x.ended.Err != nil {
		x.blame(x.body)
	}
	x.body = nil
	v, err := x.ended.Value, x.ended.Err
	x.ended = Outcome[T]{}
	if x.resolve(v, err) {
		x.Deferred.run()
	}
}
