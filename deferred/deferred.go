package deferred

// A Deferred is a value that is not here yet. Its producer makes it with New
// and fires it once, by Succeed or Fail; its consumers add callbacks, which
// run in the order in which they were added, at once if it has fired. The zero
// Deferred is a pending one without a loop. Loop-only.
//
// Three callbacks fit into it: with a T of one word it is one allocation of
// 112 bytes. More of them go to a slice.
type Deferred[T any] struct {
	value T
	err   error
	links [inlined]link[T]
	core  *Core // nil: no loop
	more  *extra[T]
	// peer is, while pending, what Cancel goes on with: the Deferred that this
	// one waits for, the producer's canceller, a coroutine. While callbacks
	// run it is the Deferred to go back to. One field for both keeps the size.
	peer  node
	at    uint32 // the callback to run next
	flags flags
	n     uint8 // callbacks in links
}

// inlined is the number of callbacks that need no further allocation.
const inlined = 3

// extra is what few Deferreds have.
type extra[T any] struct {
	links   []link[T] // callbacks beyond the inlined ones
	trouble *trouble  // the report to come of an unhandled failure
	failed  sites     // the function whose failure it is, if one is to blame
	made    sites     // Core.Debug: where New was called
	fired   sites     // Core.Debug: where it was fired
}

type flags uint16

const (
	fired    flags = 1 << iota // it has a result
	running                    // its callbacks are being run
	handled                    // somebody took the failure it holds
	forsaken                   // cancelled: no failure of it matters
	canceled                   // by Cancel: the producer's one late result is expected
	followed                   // another Deferred, or a coroutine, waits for it
)

// A Signal is a Deferred without a value: something happened.
type Signal = Deferred[struct{}]

// An Outcome is a value, or the error that came instead. Immutable after first
// use.
type Outcome[T any] struct {
	Value T
	Err   error
}

// New returns a pending Deferred of l. A nil l is allowed: such a Deferred
// cannot have a Timeout, reports nothing, and lets panics of its callbacks
// through to whoever fires it.
func New[T any](l Loop) *Deferred[T] {
	d := &Deferred[T]{core: coreOf(l)}
	if d.core != nil && d.core.Debug {
		d.extra().made = callers(1)
	}
	return d
}

// Succeeded returns a Deferred that has fired with v.
func Succeeded[T any](v T) *Deferred[T] {
	return &Deferred[T]{value: v, flags: fired}
}

// Failed returns a Deferred that has failed with err.
func Failed[T any](l Loop, err error) *Deferred[T] {
	d := New[T](l)
	d.Fail(err)
	return d
}

// Succeed fires d with v: all its callbacks have run when it returns, but for
// those of a d whose callbacks are running already. It reports false, and
// drops v, if d had fired before or was cancelled.
func (d *Deferred[T]) Succeed(v T) bool {
	if !d.resolve(v, nil) {
		d.late()
		return false
	}
	d.run()
	return true
}

// Fail fires d with err, as Succeed does. A nil err panics.
func (d *Deferred[T]) Fail(err error) bool {
	if err == nil {
		panic("deferred: Fail with a nil error")
	}
	if !d.resolve(*new(T), err) {
		d.late()
		return false
	}
	d.run()
	return true
}

// Result returns what d holds now, and whether it has fired. Who looks at a
// failure has handled it.
func (d *Deferred[T]) Result() (Outcome[T], bool) {
	if d.flags&fired == 0 {
		return Outcome[T]{}, false
	}
	d.handle()
	return Outcome[T]{d.value, d.err}, true
}

// resolve gives d its result, but runs nothing yet. It reports false if d had
// one.
func (d *Deferred[T]) resolve(v T, err error) bool {
	if d.flags&fired != 0 {
		return false
	}
	d.value, d.err = v, err
	d.flags |= fired
	d.peer = nil
	if d.core != nil && d.core.Debug {
		d.extra().fired = callers(2)
	}
	return true
}

// ready reports whether d has fired and has no callbacks left to run, so that
// its result can be taken at once.
func (d *Deferred[T]) ready() bool { return d.flags&(fired|running) == fired }

// settle looks, when all callbacks have run, whether a failure is left that
// nobody took.
func (d *Deferred[T]) settle() {
	if d.err == nil || d.flags&(handled|forsaken) != 0 || d.core == nil {
		return
	}
	d.trouble()
}

// handle notes that somebody takes the failure that d holds, if it does.
func (d *Deferred[T]) handle() {
	d.flags |= handled
	if d.more != nil && d.more.trouble != nil {
		d.more.trouble.dismiss()
		d.more.trouble = nil
	}
}

func (d *Deferred[T]) extra() *extra[T] {
	if d.more == nil {
		d.more = new(extra[T])
	}
	return d.more
}
