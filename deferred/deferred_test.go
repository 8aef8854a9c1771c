package deferred

import (
	"errors"
	"slices"
	"testing"
)

var errTest = errors.New("test")

// TestD01CallbacksRunInOrder adds callbacks of all kinds before and after d
// fires, and wants each to see what those before it made.
func TestD01CallbacksRunInOrder(t *testing.T) {
	l := newLoop(t)
	var got []any
	d := New[int](l)
	d.Done(func(v int, err error) { got = append(got, v, err) })
	d.Always(func() { got = append(got, "always") })
	d.Catch(func(err error) (int, error) { return 7, nil })
	d.Done(func(v int, err error) { got = append(got, v, err) })
	doubled := Then(d, func(v int) (int, error) { return 2 * v, nil })
	doubled.Done(func(v int, err error) { got = append(got, v, err) })
	d.Done(func(v int, err error) { got = append(got, "last") })
	if !d.Fail(errTest) {
		t.Fatal("Fail of a pending Deferred: false")
	}
	d.Done(func(v int, err error) { got = append(got, "late") })
	want := []any{0, errTest, "always", 7, nil, 14, nil, "last", "late"}
	for i := range want {
		if i >= len(got) || got[i] != want[i] && !(want[i] == nil && got[i] == error(nil)) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

// TestF17Chains runs long chains on a small stack; see also TestF17Awaits.
func TestInlineAwaits(t *testing.T) {
	l := newLoop(t)
	a := New[int](l)
	var got []string
	d := Inline(l, func(co *Co) (int, error) {
		got = append(got, "begin")
		v, err := a.Await(co)
		got = append(got, "resumed")
		return v + 1, err
	})
	got = append(got, "waiting")
	l.do(func() {
		a.Succeed(1)
		got = append(got, "fired")
	})
	if o, ok := d.Result(); !ok || o.Value != 2 || o.Err != nil {
		t.Errorf("got %v %v, want 2", o, ok)
	}
	if want := []string{"begin", "waiting", "fired", "resumed"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
