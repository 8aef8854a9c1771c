package deferred

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// three are Deferreds that note when they are cancelled.
func three(l *testLoop, j *journal) (ds []*Deferred[int]) {
	for i := range 3 {
		ds = append(ds, New[int](l).OnCancel(func() { j.note("%d cancelled", i) }))
	}
	return ds
}

// TestD15All: values in order of the arguments; the first failure ends it.
func TestD15All(t *testing.T) {
	l := newLoop(t)
	var j journal
	ds := three(l, &j)
	d := All(ds...)
	ds[2].Succeed(2)
	ds[0].Succeed(0)
	if _, ok := d.Result(); ok {
		t.Error("fired before the last")
	}
	ds[1].Succeed(1)
	if o, _ := d.Result(); !slices.Equal(o.Value, []int{0, 1, 2}) || o.Err != nil {
		t.Errorf("got %v, want 0 1 2", o)
	}

	ds = three(l, &j)
	d = All(ds...)
	ds[1].Fail(errTest)
	j.want(t, "0 cancelled", "2 cancelled")
	failed(t, d, errTest)
	o, _ := d.Result()
	if m, ok := errors.AsType[*MemberError](o.Err); !ok || m.Index != 1 || m.Error() != "deferred: member 1: test" {
		t.Errorf("got %v, want a MemberError of 1", o.Err)
	}

	ds = three(l, &j)
	d = All(ds...)
	d.Cancel()
	j.want(t, "0 cancelled", "1 cancelled", "2 cancelled")
	failed(t, d, ErrCanceled)

	if o, ok := All[int]().Result(); !ok || o.Value == nil || len(o.Value) != 0 {
		t.Errorf("of none: got %v %t, want an empty list at once", o, ok)
	}
	ds = three(l, &j)
	ds[1].Fail(errTest)
	failed(t, All(ds...), errTest)
	j.want(t, "0 cancelled", "2 cancelled")
	// A member that had failed after the one that decides is not left unhandled.
	All(Failed[int](l, errTest), Failed[int](l, errTest)).Done(nil)
	panics(t, "member 1 is nil", func() { All(Succeeded(1), nil) })
}

// TestD14Settle: what became of each.
func TestD14Settle(t *testing.T) {
	l := newLoop(t)
	var j journal
	ds := three(l, &j)
	d := Settle(ds...)
	ds[1].Fail(errTest)
	ds[2].Succeed(2)
	d.Cancel()
	j.want(t, "0 cancelled")
	o, _ := d.Result()
	if got, want := fmt.Sprint(o), "{[{0 deferred: canceled} {0 test} {2 <nil>}] <nil>}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if o, ok := Settle[int]().Result(); !ok || len(o.Value) != 0 {
		t.Errorf("of none: got %v %t", o, ok)
	}
}

// TestD16First: the first value wins and the others are cancelled; only when all
// have failed does it fail.
func TestD16First(t *testing.T) {
	l := newLoop(t)
	var j journal
	ds := three(l, &j)
	d := First(ds...)
	ds[0].Fail(errTest)
	ds[2].Succeed(7)
	j.want(t, "1 cancelled")
	holds(t, d, Indexed[int]{2, 7})

	ds = three(l, &j)
	d = First(ds...)
	other := errors.New("other")
	ds[2].Fail(other)
	ds[0].Fail(errTest)
	ds[1].Fail(errTest)
	failed(t, d, errTest)
	failed(t, d, other)
	o, _ := d.Result()
	if got, want := o.Err.Error(), "deferred: member 0: test\ndeferred: member 1: test\ndeferred: member 2: other"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	ds = three(l, &j)
	d = First(ds...)
	d.Cancel()
	j.want(t, "0 cancelled", "1 cancelled", "2 cancelled")
	failed(t, d, ErrCanceled)
	failed(t, First[int](), errFirstOfNone)
	ds = three(l, &j)
	ds[0].Succeed(1)
	holds(t, First(ds...), Indexed[int]{0, 1})
	j.want(t, "1 cancelled", "2 cancelled")
}

// TestGather: no more at a time than may, results in the order of the elements.
func TestGather(t *testing.T) {
	l := newLoop(t)
	var j journal
	n, most := 0, 0
	d := Gather(l, 3, slices.Values([]int{5, 1, 3, 0, 2, 4}), func(co *Co, v int) (string, error) {
		n++
		most = max(most, n)
		defer func() { n-- }()
		for range v {
			co.Yield()
		}
		j.note("%d", v)
		return fmt.Sprint(v * v), nil
	})
	l.settle()
	if o, ok := d.Result(); !ok || !slices.Equal(o.Value, []string{"25", "1", "9", "0", "4", "16"}) {
		t.Errorf("got %v, want the squares in order", o)
	}
	if most != 3 {
		t.Errorf("got %d at a time, want 3", most)
	}
	none := Gather(l, 1, slices.Values([]int(nil)), func(*Co, int) (int, error) { return 0, nil })
	if o, ok := none.Result(); !ok || len(o.Value) != 0 || o.Err != nil {
		t.Errorf("of none: got %v %t, want nothing at once", o, ok)
	}
	panics(t, "at least 1", func() { Gather(l, 0, slices.Values([]int{1}), func(*Co, int) (int, error) { return 0, nil }) })
}

// TestGatherFails: the first failure cancels the others, no more begin, and all
// have ended when it fails.
func TestGatherFails(t *testing.T) {
	l := newLoop(t)
	var j journal
	each := func(co *Co, v int) (int, error) {
		j.note("%d begins", v)
		if v == 1 {
			co.Yield()
			return 0, errTest
		}
		err := co.Sleep(1e9)
		j.note("%d: %v", v, err)
		return 0, err
	}
	d := Gather(l, 2, slices.Values([]int{0, 1, 2}), each)
	d.Always(func() { j.note("fired") })
	l.settle()
	j.want(t, "0 begins", "1 begins", "0: deferred: canceled", "fired")
	failed(t, d, errTest)
	o, _ := d.Result()
	if m, ok := errors.AsType[*MemberError](o.Err); !ok || m.Index != 1 {
		t.Errorf("got %v, want a MemberError of 1", o.Err)
	}

	d = Gather(l, 2, slices.Values([]int{0, 2, 3}), each)
	d.Always(func() { j.note("fired") })
	l.do(d.Cancel)
	j.want(t, "0 begins", "2 begins", "0: deferred: canceled", "2: deferred: canceled", "fired")
	failed(t, d, ErrCanceled)

	d = Gather(l, 2, func(yield func(int) bool) { yield(0); panic(errTest) }, each)
	l.settle()
	failed(t, d, errTest)
	j.want(t, "0 begins", "0: deferred: canceled")
}
