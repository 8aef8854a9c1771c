package deferred

// Done calls f with the result of d, and so handles a failure. A nil f handles
// it too: nobody minds. A panic of f is reported to the loop at once, and the
// callbacks after f run as if nothing had happened.
func (d *Deferred[T]) Done(f func(T, error)) {
	if f == nil {
		f = ignore[T]
	}
	d.add(done[T](f))
}

func ignore[T any](T, error) {}

type done[T any] func(T, error)

func (f done[T]) follow(d *Deferred[T]) node {
	d.handle()
	if d.core == nil {
		f(d.value, d.err)
		return nil
	}
	defer d.core.catch()
	f(d.value, d.err)
	return nil
}

// Catch calls f if d has failed, and puts what f returns in the place of the
// failure, for the callbacks added later: return a value to recover, an error
// to fail on. A panic of f is a failure too. It returns d.
func (d *Deferred[T]) Catch(f func(error) (T, error)) *Deferred[T] {
	d.add(catch[T](f))
	return d
}

type catch[T any] func(error) (T, error)

func (f catch[T]) follow(d *Deferred[T]) node {
	if d.err == nil {
		return nil
	}
	v, err := call(f, d.err)
	d.handle()
	d.value, d.err = v, err
	d.flags &^= handled // a new failure is not the one that was handled
	if err != nil {
		d.blame(f)
	}
	return nil
}

// Always calls f when d has fired, whatever the result; it handles no failure
// and changes nothing. A panic of f is reported as one of Done's. It returns d.
func (d *Deferred[T]) Always(f func()) *Deferred[T] {
	d.add(always[T](f))
	return d
}

type always[T any] func()

func (f always[T]) follow(d *Deferred[T]) node {
	if d.core == nil {
		f()
		return nil
	}
	defer d.core.catch()
	f()
	return nil
}
