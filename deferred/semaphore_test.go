package deferred

import (
	"slices"
	"testing"
)

// TestD17Lock: one at a time, in order of asking, and who gives up waiting is
// passed over.
func TestD17Lock(t *testing.T) {
	l := newLoop(t)
	var k Lock
	var j journal
	var asked []*Deferred[func()]
	var release []func()
	for i := range 4 {
		d := k.Acquire(l)
		d.Done(func(f func(), err error) {
			j.note("%d: %v", i, err)
			release = append(release, f)
		})
		asked = append(asked, d)
	}
	j.want(t, "0: <nil>")
	asked[2].Cancel()
	j.want(t, "2: deferred: canceled")
	release[0]()
	j.want(t, "1: <nil>")
	release[0]() // again: nothing
	j.want(t)
	release[2]()
	j.want(t, "3: <nil>")
	if !k.Held() {
		t.Error("not held")
	}
	release[3]()
	if k.Held() {
		t.Error("held")
	}
}

// TestD17AcrossAwaits: the lock keeps two coroutines apart although they wait
// while they hold it.
func TestD17AcrossAwaits(t *testing.T) {
	l := newLoop(t)
	var k Lock
	var j journal
	for _, name := range []string{"a", "b"} {
		Inline(l, func(co *Co) (int, error) {
			release, err := k.Acquire(l).Await(co)
			if err != nil {
				return 0, err
			}
			defer release()
			j.note("%s in", name)
			co.Yield()
			j.note("%s out", name)
			return 0, nil
		})
	}
	l.settle()
	j.want(t, "a in", "a out", "b in", "b out")
}

// TestD18Semaphore: as many as Max, no more.
func TestD18Semaphore(t *testing.T) {
	l := newLoop(t)
	for _, limit := range []int{0, 1, 3} {
		s := Semaphore{Max: limit}
		n, most, total := 0, 0, 0
		for range 10 {
			Inline(l, func(co *Co) (int, error) {
				release, _ := s.Acquire(l).Await(co)
				n++
				total++
				most = max(most, n)
				co.Yield()
				n--
				release()
				return 0, nil
			})
		}
		l.settle()
		if want := max(limit, 1); most != want || total != 10 {
			t.Errorf("Max %d: got %d at a time, %d in all, want %d and 10", limit, most, total, want)
		}
	}
	panics(t, "at least 1", func() { (&Semaphore{Max: -1}).Acquire(l) })
}

// TestWaitersLimit: beyond MaxWaiters nobody may wait.
func TestWaitersLimit(t *testing.T) {
	l := newLoop(t)
	for _, tt := range []struct{ maxWaiters, want int }{{-1, 0}, {2, 2}, {0, defaultWaiters}} {
		k := Lock{MaxWaiters: tt.maxWaiters}
		s := Semaphore{MaxWaiters: tt.maxWaiters}
		q := Queue[int]{MaxWaiters: tt.maxWaiters}
		g := Gate{MaxWaiters: tt.maxWaiters}
		g.Shut()
		k.Acquire(l)
		s.Acquire(l)
		for range tt.want {
			for range 2 { // who is cancelled makes room
				k.Acquire(l).Cancel()
				s.Acquire(l).Cancel()
				q.Get(l).Cancel()
				g.Pass(l).Cancel()
			}
			k.Acquire(l)
			s.Acquire(l)
			q.Get(l)
			g.Pass(l)
		}
		failed(t, k.Acquire(l), ErrQueueFull)
		failed(t, s.Acquire(l), ErrQueueFull)
		failed(t, q.Get(l), ErrQueueFull)
		failed(t, g.Pass(l), ErrQueueFull)
	}
}

// TestD19Queue: items and waiters meet in order, within the limits.
func TestD19Queue(t *testing.T) {
	l := newLoop(t)
	var q Queue[int]
	var j journal
	get := func(name string) *Deferred[int] {
		d := q.Get(l)
		d.Done(func(v int, err error) { j.note("%s: %d %v", name, v, err) })
		return d
	}
	get("a")
	b := get("b")
	get("c")
	b.Cancel()
	q.Put(1)
	q.Put(2)
	q.Put(3)
	j.want(t, "b: 0 deferred: canceled", "a: 1 <nil>", "c: 2 <nil>")
	get("d")
	j.want(t, "d: 3 <nil>")
	if q.Len() != 0 {
		t.Errorf("got %d items, want none", q.Len())
	}

	for _, tt := range []struct{ maxItems, want int }{{-1, 0}, {2, 2}, {0, defaultItems}} {
		q := Queue[int]{MaxItems: tt.maxItems}
		n := 0
		for q.Put(n) == nil {
			n++
		}
		if n != tt.want {
			t.Errorf("MaxItems %d: got %d Puts, want %d", tt.maxItems, n, tt.want)
		}
		if err := q.Put(1); err != ErrQueueFull {
			t.Errorf("got %v, want ErrQueueFull", err)
		}
	}
	handed := Queue[int]{MaxItems: -1}
	d := handed.Get(l)
	if err := handed.Put(4); err != nil {
		t.Errorf("Put with a waiter: %v", err)
	}
	holds(t, d, 4)
}

// TestQueueKeepsOrder against a plain slice, with room reused on the way.
func TestQueueKeepsOrder(t *testing.T) {
	l := newLoop(t)
	var q Queue[int]
	var got, want []int
	next := 0
	for i := range 1000 {
		for range i % 7 {
			q.Put(next)
			want = append(want, next)
			next++
		}
		for range min(q.Len(), (i*3)%8) {
			o, _ := q.Get(l).Result()
			got = append(got, o.Value)
		}
	}
	for q.Len() > 0 {
		o, _ := q.Get(l).Result()
		got = append(got, o.Value)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %d items, want %d in order", len(got), len(want))
	}
	if cap(q.items) > 4096 {
		t.Errorf("got room for %d items, want it reused", cap(q.items))
	}
}

// TestK05Gate pauses a task, resumes it, and stops it.
func TestK05Gate(t *testing.T) {
	l := newLoop(t)
	var g Gate
	steps := 0
	task := Inline(l, func(co *Co) (struct{}, error) {
		for {
			if _, err := g.Pass(l).Await(co); err != nil {
				return struct{}{}, err
			}
			steps++
			if err := co.Yield(); err != nil {
				return struct{}{}, err
			}
		}
	})
	for range 5 {
		l.turn()
	}
	g.Shut()
	l.turn()
	at := steps
	if at < 5 {
		t.Errorf("got %d steps in 5 turns", at)
	}
	for range 5 {
		l.turn()
	}
	if steps != at {
		t.Errorf("got %d steps while paused, want none", steps-at)
	}
	l.do(g.Open)
	for range 5 {
		l.turn()
	}
	if steps != at+6 {
		t.Errorf("got %d steps after Open, want 6", steps-at)
	}
	l.do(task.Cancel)
	l.settle()
	failed(t, task, ErrCanceled)

	// Shut within a callback of Open holds up those who come after, not those
	// who waited.
	var j journal
	g.Shut()
	g.Pass(l).Done(func(struct{}, error) {
		j.note("first")
		g.Shut()
		g.Pass(l).Done(func(_ struct{}, err error) { j.note("again: %v", err) })
	})
	gone := g.Pass(l)
	g.Pass(l).Done(func(struct{}, error) { j.note("second") })
	gone.Cancel()
	g.Open()
	j.want(t, "first", "second")
	g.Open()
	j.want(t, "again: <nil>")
}
