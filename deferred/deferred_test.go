package deferred

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"
)

var errTest = errors.New("test")

// holds fails the test unless d has fired with want.
func holds[T comparable](t *testing.T, d *Deferred[T], want T) {
	t.Helper()
	o, ok := d.Result()
	if !ok || o.Err != nil || o.Value != want {
		t.Errorf("got %v (fired: %t), want %v", o, ok, want)
	}
}

// failed fails the test unless d has failed with want.
func failed[T any](t *testing.T, d *Deferred[T], want error) {
	t.Helper()
	o, ok := d.Result()
	if !ok || !errors.Is(o.Err, want) {
		t.Errorf("got %v (fired: %t), want the error %v", o, ok, want)
	}
}

// panics fails the test unless f panics with a text that contains want.
func panics(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
			t.Errorf("got panic %q, want one with %q", got, want)
		}
	}()
	f()
}

// A journal notes what happens, and in which order.
type journal struct{ got []string }

func (j *journal) note(format string, args ...any) {
	j.got = append(j.got, fmt.Sprintf(format, args...))
}

func (j *journal) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(j.got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(j.got, "\n\t"), strings.Join(want, "\n\t"))
	}
	j.got = nil
}

// TestD01CallbacksRunInOrder adds callbacks of all kinds before and after d
// fires, and wants each to see what those before it made.
func TestD01CallbacksRunInOrder(t *testing.T) {
	l := newLoop(t)
	var j journal
	d := New[int](l)
	d.Done(func(v int, err error) { j.note("first %d %v", v, err) })
	d.Always(func() { j.note("always") })
	d.Catch(func(err error) (int, error) { j.note("catch %v", err); return 7, nil })
	d.Catch(func(err error) (int, error) { j.note("not failed any more"); return 8, nil })
	d.Done(func(v int, err error) { j.note("after catch %d %v", v, err) })
	doubled := Then(d, func(v int) (int, error) { return 2 * v, nil })
	doubled.Done(func(v int, err error) { j.note("doubled %d %v", v, err) })
	d.Catch(func(err error) (int, error) { j.note("not failed any more"); return 8, nil })
	d.Done(func(v int, err error) { j.note("last %d %v", v, err) })
	if !d.Fail(errTest) {
		t.Error("Fail of a pending Deferred: got false")
	}
	d.Done(func(v int, err error) { j.note("late %d %v", v, err) })
	j.want(t, "first 0 test", "always", "catch test", "after catch 7 <nil>", "doubled 14 <nil>", "last 7 <nil>", "late 7 <nil>")
}

// TestD01ErrorsSwitchTrack: an error, or a panic, skips what wants a value, and
// a value skips what wants an error.
func TestD01ErrorsSwitchTrack(t *testing.T) {
	l := newLoop(t)
	skipped := func(int) (int, error) { t.Error("Then called after a failure"); return 0, nil }

	d := Then(Succeeded(1), func(int) (int, error) { return 5, errTest })
	failed(t, Then(d, skipped), errTest)

	d = Then(Then(Succeeded(1), func(int) (int, error) { panic(errTest) }), skipped)
	failed(t, d, errTest)
	o, _ := d.Result()
	p, ok := errors.AsType[*PanicError](o.Err)
	if !ok || !strings.Contains(string(p.Stack), "TestD01ErrorsSwitchTrack") {
		t.Errorf("got %v, want a PanicError with this test in its stack", o.Err)
	}
	d.Catch(func(err error) (int, error) { return 3, nil })
	holds(t, d, 3)

	d = Failed[int](l, errTest).Catch(func(error) (int, error) { panic("again") })
	o, _ = d.Result()
	if got := fmt.Sprint(o.Err); got != "panic: again" {
		t.Errorf("got %s, want panic: again", got)
	}
}

// TestD02FiresOnce: the second result is dropped and the producer told.
func TestD02FiresOnce(t *testing.T) {
	l := newLoop(t)
	d := New[int](l)
	n := 0
	d.Done(func(int, error) { n++ })
	if got := []bool{d.Succeed(1), d.Succeed(2), d.Fail(errTest)}; !slices.Equal(got, []bool{true, false, false}) {
		t.Errorf("got %v, want true, false, false", got)
	}
	holds(t, d, 1)
	if n != 1 {
		t.Errorf("got %d calls, want 1", n)
	}
	panics(t, "nil error", func() { New[int](l).Fail(nil) })
}

// TestD10Fired: Succeeded and Failed have fired, and run callbacks at once.
func TestD10Fired(t *testing.T) {
	l := newLoop(t)
	holds(t, Succeeded("a"), "a")
	failed(t, Failed[string](l, errTest), errTest)
	if _, ok := New[int](l).Result(); ok {
		t.Error("a new Deferred has a result")
	}
	ran := false
	Succeeded(1).Done(func(int, error) { ran = true })
	if !ran {
		t.Error("callback of a fired Deferred has not run")
	}
}

// TestD24NeverNested: a callback added while callbacks of the same Deferred run
// is called later in the same run, after those that were there.
func TestD24NeverNested(t *testing.T) {
	l := newLoop(t)
	var j journal
	d := New[int](l)
	callback := func(name string, inside func()) func(int, error) {
		return func(int, error) {
			j.note("%s begins", name)
			inside()
			j.note("%s ends", name)
		}
	}
	nothing := func() {}
	d.Done(callback("first", func() {
		d.Done(callback("added", func() { d.Done(callback("added by added", nothing)) }))
		holds(t, d, 4)
		d.Succeed(5) // changes nothing
	}))
	d.Done(callback("second", nothing))
	d.Succeed(4)
	j.want(t, "first begins", "first ends", "second begins", "second ends",
		"added begins", "added ends", "added by added begins", "added by added ends")
}

// TestUC26CallbacksAtOnce: callbacks have run when Succeed returns, also within
// another callback, and those of a derived Deferred before the next callback of
// the one it comes from; a coroutine goes on when the outermost one returned.
func TestUC26CallbacksAtOnce(t *testing.T) {
	l := newLoop(t)
	var j journal
	a, b := New[int](l), New[int](l)
	Inline(l, func(co *Co) (struct{}, error) {
		b.Await(co)
		j.note("coroutine")
		return struct{}{}, nil
	})
	b.Done(func(int, error) { j.note("b") })
	a.Done(func(int, error) {
		j.note("a1 begins")
		b.Succeed(1)
		j.note("a1 ends")
	})
	c := Then(a, func(v int) (int, error) { j.note("c made"); return v, nil })
	c.Done(func(int, error) { j.note("c1") })
	Then(c, func(v int) (int, error) { return v, nil }).Done(func(int, error) { j.note("e1") })
	c.Done(func(int, error) { j.note("c2") })
	a.Done(func(int, error) { j.note("a2") })
	l.do(func() {
		a.Succeed(1)
		j.note("fired")
	})
	j.want(t, "a1 begins", "b", "a1 ends", "c made", "c1", "e1", "c2", "a2", "fired", "coroutine")
}

// TestPanicOfObserver: a panic of Done or Always is reported at once and harms
// neither the producer nor the callbacks that follow.
func TestPanicOfObserver(t *testing.T) {
	l := newLoop(t)
	d := New[int](l)
	d.Done(func(int, error) { panic("one") })
	d.Always(func() { panic("two") })
	d.Succeed(3)
	holds(t, d, 3)
	reports := l.taken()
	if len(reports) != 2 {
		t.Fatalf("got %v, want two reports", reports)
	}
	for i, want := range []string{"one", "two"} {
		p, ok := errors.AsType[*PanicError](reports[i])
		if !ok || p.Value != want || !strings.Contains(string(p.Stack), "TestPanicOfObserver") {
			t.Errorf("got %v, want the panic %q with its stack", reports[i], want)
		}
	}
	panics(t, "no loop", func() { Succeeded(1).Done(func(int, error) { panic("no loop") }) })
	panics(t, "no loop", func() { Succeeded(1).Always(func() { panic("no loop") }) })
}

// TestManyCallbacks goes beyond those that fit into a Deferred, with additions
// in the middle of the run.
func TestManyCallbacks(t *testing.T) {
	l := newLoop(t)
	for n := range 12 {
		d := New[int](l)
		var got, want []int
		for i := range n {
			want = append(want, i)
			d.Done(func(int, error) {
				got = append(got, i)
				d.Done(func(int, error) { got = append(got, 100+i) })
			})
		}
		for i := range n {
			want = append(want, 100+i)
		}
		d.Succeed(0)
		d.Done(func(int, error) { got = append(got, 1000) })
		if want = append(want, 1000); !slices.Equal(got, want) {
			t.Errorf("%d callbacks: got %v, want %v", n, got, want)
		}
	}
}

// TestCallbacksAreForgotten: a Deferred that lives on keeps nothing of what its
// callbacks held.
func TestCallbacksAreForgotten(t *testing.T) {
	l := newLoop(t)
	d := New[int](l)
	var held []weak.Pointer[[100]byte]
	for range 10 {
		p := new([100]byte)
		held = append(held, weak.Make(p))
		d.Always(func() { p[0] = 1 })
		Then(d, func(int) (int, error) { return int(p[0]), nil })
		d.OnCancel(func() { p[0] = 2 })
		Inline(l, func(co *Co) (int, error) { v, err := d.Await(co); p[0] = byte(v); return v, err })
	}
	l.do(func() { d.Succeed(1) })
	runtime.GC()
	for i, w := range held {
		if w.Value() != nil {
			t.Errorf("what callback %d held is still there", i)
		}
	}
	runtime.KeepAlive(d)
}

// TestAllocations: the measured shape of a Deferred.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	l := newLoop(t)
	f := func(int, error) {}
	g := func(v int) (int, error) { return v, nil }
	body := func(co *Co) (int, error) { return 1, nil }
	ready := Succeeded(1)
	tests := []struct {
		name string
		want float64
		f    func()
	}{
		{"make, three callbacks, fire", 1, func() {
			d := New[int](l)
			d.Done(f)
			d.Done(f)
			d.Done(f)
			d.Succeed(1)
		}},
		{"Then", 2, func() {
			d := New[int](l)
			Then(d, g).Done(f)
			d.Succeed(1)
		}},
		{"Chain, and the inner one", 3, func() {
			d := New[int](l)
			Chain(d, func(v int) *Deferred[int] { return Succeeded(v) }).Done(f)
			d.Succeed(1)
		}},
		{"Inline on a used runner", 1, func() { Inline(l, body) }},
	}
	for _, tt := range tests {
		if got := testing.AllocsPerRun(100, tt.f); got != tt.want {
			t.Errorf("%s: got %v allocations, want %v", tt.name, got, tt.want)
		}
	}
	Inline(l, func(co *Co) (struct{}, error) {
		if got := testing.AllocsPerRun(100, func() { ready.Await(co) }); got != 0 {
			t.Errorf("Await of a ready value: got %v allocations, want 0", got)
		}
		return struct{}{}, nil
	}).Done(nil)
}
