package deferred

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// FuzzOrder runs a random program on Deferreds and on a model of them, in which
// everything is a plain nested call, and wants the same calls in the same order
// with the same values: the loop over nodes does what the recursion would.
func FuzzOrder(f *testing.F) {
	f.Add([]byte{0, 2, 0, 4, 0, 5, 0, 6, 0, 2, 2, 1, 0, 1, 1, 0})
	f.Add([]byte{7, 2, 0, 1, 8, 2, 1, 3, 0, 5, 1, 9, 2, 0, 1, 1})
	f.Add([]byte{5, 0, 9, 6, 2, 1, 11, 1, 3, 4, 10, 0, 1, 0, 0, 1})
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) <= 400 { // three bytes a step: long enough to be strange
			compare(t, program)
		}
	})
}

// TestOrder does so for programs that are random, but the same every time.
func TestOrder(t *testing.T) {
	random := rand.NewChaCha8([32]byte{})
	n := 1000
	if testing.Short() {
		n = 200
	}
	for i := range n {
		program := make([]byte, 30+i%270)
		random.Read(program)
		if compare(t, program); t.Failed() {
			t.Fatalf("program %d: %v", i, program)
		}
	}
}

func compare(t *testing.T, program []byte) {
	l := &testLoop{wake: make(chan struct{}, 1)}
	l.core.ReportAtClose = true
	real := &machine[*Deferred[int]]{of: reals{l}}
	model := &machine[*plain]{of: plains{}}
	real.run(program)
	model.run(program)
	if !slices.Equal(real.got, model.got) {
		t.Errorf("got\n\t%q\nwant\n\t%q", real.got, model.got)
	}
	l.core.Close()
	var lost, want []string
	for _, err := range l.taken() {
		u, _ := errors.AsType[*UnhandledError](err)
		lost = append(lost, u.Err.Error())
	}
	for _, p := range model.all {
		if p.fired && p.err != nil && !p.handled && !p.forsaken && !errors.Is(p.err, ErrCanceled) {
			want = append(want, p.err.Error())
		}
	}
	slices.Sort(lost)
	slices.Sort(want)
	if !slices.Equal(lost, want) {
		t.Errorf("reported %q, want %q", lost, want)
	}
}

// makers is what a program does to Deferreds of either kind.
type makers[D any] interface {
	make() D
	succeed(d D, v int) bool
	fail(d D, err error) bool
	done(d D, f func(int, error))
	always(d D, f func())
	catch(d D, f func(error) (int, error))
	then(d D, f func(int) (int, error)) D
	chain(d D, f func(int) D) D
	shield(d D) D
	cancel(d D)
	onCancel(d D, f func())
}

// A machine runs programs: three bytes are what to do, and to which Deferreds.
// Callbacks go on with the program where it stands when they are called.
type machine[D any] struct {
	of      makers[D]
	program []byte
	all     []D
	got     []string
	steps   int
}

func (m *machine[D]) run(program []byte) {
	m.program = program
	for range 4 {
		m.all = append(m.all, m.of.make())
	}
	for len(m.program) > 0 {
		m.step()
	}
}

func (m *machine[D]) note(format string, args ...any) {
	m.got = append(m.got, fmt.Sprintf(format, args...))
}

func (m *machine[D]) next() int {
	if len(m.program) == 0 {
		return 0
	}
	b := m.program[0]
	m.program = m.program[1:]
	return int(b)
}

func (m *machine[D]) step() {
	m.steps++
	n := m.steps
	what, i, j := m.next(), m.next(), m.next()
	i %= len(m.all)
	d := m.all[i]
	other := m.all[j%len(m.all)]
	within := func() { // some callbacks go on with the program
		if j%3 == 0 && len(m.program) > 0 {
			m.step()
		}
	}
	answer := func() (int, error) {
		if j%2 == 0 {
			return n, nil
		}
		return 0, fmt.Errorf("error %d", n)
	}
	switch what % 12 {
	case 0:
		m.note("succeed %d: %t", i, m.of.succeed(d, n))
	case 1:
		m.note("fail %d: %t", i, m.of.fail(d, fmt.Errorf("failure %d", n)))
	case 2, 3:
		m.of.done(d, func(v int, err error) { m.note("done %d of %d: %d %v", n, i, v, err); within() })
	case 4:
		m.of.always(d, func() { m.note("always %d of %d", n, i); within() })
	case 5:
		m.of.catch(d, func(err error) (int, error) { m.note("catch %d of %d: %v", n, i, err); within(); return answer() })
	case 6:
		m.all = append(m.all, m.of.then(d, func(v int) (int, error) { m.note("then %d of %d: %d", n, i, v); within(); return answer() }))
	case 7, 8:
		m.all = append(m.all, m.of.chain(d, func(v int) D { m.note("chain %d of %d: %d", n, i, v); within(); return other }))
	case 9:
		m.all = append(m.all, m.of.shield(d))
	case 10:
		m.of.cancel(d)
		m.note("cancelled %d", i)
	case 11:
		m.of.onCancel(d, func() { m.note("canceller %d of %d", n, i); within() })
	}
}

// reals are those of this package.
type reals struct{ l Loop }

func (o reals) make() *Deferred[int]                               { return New[int](o.l) }
func (o reals) succeed(d *Deferred[int], v int) bool               { return d.Succeed(v) }
func (o reals) fail(d *Deferred[int], err error) bool              { return d.Fail(err) }
func (o reals) done(d *Deferred[int], f func(int, error))          { d.Done(f) }
func (o reals) always(d *Deferred[int], f func())                  { d.Always(f) }
func (o reals) catch(d *Deferred[int], f func(error) (int, error)) { d.Catch(f) }
func (o reals) shield(d *Deferred[int]) *Deferred[int]             { return d.Shield() }
func (o reals) cancel(d *Deferred[int])                            { d.Cancel() }
func (o reals) onCancel(d *Deferred[int], f func())                { d.OnCancel(f) }
func (o reals) then(d *Deferred[int], f func(int) (int, error)) *Deferred[int] {
	return Then(d, f)
}
func (o reals) chain(d *Deferred[int], f func(int) *Deferred[int]) *Deferred[int] {
	return Chain(d, f)
}

// A plain is a Deferred as simple as it can be.
type plain struct {
	v                                 int
	err                               error
	fired, running, handled, forsaken bool
	callbacks                         []func()
	up                                *plain
	cancellers                        []func() // the last one first
}

type plains struct{}

func (plains) make() *plain { return new(plain) }

func (d *plain) fire(v int, err error) bool {
	if d.fired {
		return false
	}
	d.v, d.err, d.fired = v, err, true
	d.up, d.cancellers = nil, nil
	d.run()
	return true
}

func (d *plain) run() {
	if d.running || !d.fired {
		return
	}
	d.running = true
	for len(d.callbacks) > 0 {
		f := d.callbacks[0]
		d.callbacks = d.callbacks[1:]
		f()
	}
	d.running = false
}

func (d *plain) add(f func()) {
	d.callbacks = append(d.callbacks, f)
	d.run()
}

func (plains) succeed(d *plain, v int) bool  { return d.fire(v, nil) }
func (plains) fail(d *plain, err error) bool { return d.fire(0, err) }
func (plains) done(d *plain, f func(int, error)) {
	d.add(func() { d.handled = true; f(d.v, d.err) })
}
func (plains) always(d *plain, f func()) { d.add(f) }
func (plains) catch(d *plain, f func(error) (int, error)) {
	d.add(func() {
		if d.err != nil {
			d.v, d.err = f(d.err)
			d.handled = false
		}
	})
}

func (plains) then(d *plain, f func(int) (int, error)) *plain {
	x := &plain{up: d}
	d.add(func() {
		d.handled = true
		if x.fired {
			return
		}
		if d.err != nil {
			x.fire(0, d.err)
			return
		}
		x.fire(f(d.v))
	})
	return x
}

func (plains) chain(d *plain, f func(int) *plain) *plain {
	x := &plain{up: d}
	d.add(func() {
		d.handled = true
		if x.fired {
			return
		}
		if d.err != nil {
			x.fire(0, d.err)
			return
		}
		inner := f(d.v)
		switch {
		case x.fired:
			inner.cancel()
		case inner.fired && !inner.running:
			inner.handled = true
			x.fire(inner.v, inner.err)
		case x.isUpstreamOf(inner):
			x.fire(0, ErrCycle)
		default:
			x.up, x.cancellers = inner, nil
			inner.add(func() { inner.handled = true; x.fire(inner.v, inner.err) })
		}
	})
	return x
}

func (d *plain) isUpstreamOf(e *plain) bool {
	for ; e != nil; e = e.up {
		if e == d {
			return true
		}
	}
	return false
}

func (plains) shield(d *plain) *plain {
	s := new(plain)
	d.add(func() { d.handled = true; s.fire(d.v, d.err) })
	return s
}

func (plains) onCancel(d *plain, f func()) {
	if !d.fired {
		d.cancellers = append(d.cancellers, f)
	}
}

func (plains) cancel(d *plain) { d.cancel() }

func (d *plain) cancel() {
	d.forsaken, d.handled = true, true
	d.cancelUp()
}

func (d *plain) cancelUp() {
	if d.fired {
		return
	}
	fs, up := d.cancellers, d.up
	if len(fs) > 0 {
		d.cancellers, d.up = nil, nil
		for _, f := range slices.Backward(fs) {
			f()
		}
		if up != nil {
			up.cancelUp()
		}
	} else if up != nil && !up.fired {
		up.cancelUp()
		return
	}
	d.fire(0, ErrCanceled)
}
