package deferred

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"time"
)

// A testLoop is a Loop on a clock of its own: it turns when a test says so.
// Jobs run in the turn after the one that asked for them, on its goroutine,
// unless it has a pool.
type testLoop struct {
	core    Core
	now     time.Time
	alarms  []*testAlarm
	made    int
	jobs    []func()
	reports []error
	pool    *Pool

	mu     sync.Mutex
	posted []func()      // Guarded by mu.
	full   bool          // Guarded by mu. Post refuses.
	wake   chan struct{} // of one
}

// newLoop returns a running loop; the test fails if it has reports at its end
// that the test did not take.
func newLoop(t testing.TB) *testLoop {
	l := &testLoop{now: time.Unix(1000, 0), wake: make(chan struct{}, 1)}
	l.core.Resume(0)
	t.Cleanup(func() {
		l.core.Close()
		for _, err := range l.reports {
			t.Errorf("report left: %v", err)
		}
	})
	return l
}

func (l *testLoop) Now() time.Time     { return l.now }
func (l *testLoop) Core() *Core        { return &l.core }
func (l *testLoop) Report(err error)   { l.reports = append(l.reports, err) }
func (l *testLoop) taken() (r []error) { r, l.reports = l.reports, nil; return r }

func (l *testLoop) Post(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		return false
	}
	l.posted = append(l.posted, f)
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return true
}

func (l *testLoop) refuse(full bool) {
	l.mu.Lock()
	l.full = full
	l.mu.Unlock()
}

func (l *testLoop) Work(job func(context.Context) func()) (func(), error) {
	if l.pool != nil {
		return l.pool.Do(job, func(f func()) { l.Post(f) })
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.jobs = append(l.jobs, func() {
		if ctx.Err() != nil {
			return
		}
		if f := job(ctx); f != nil {
			l.Post(f)
		}
	})
	return cancel, nil
}

type testAlarm struct {
	l     *testLoop
	f     func()
	when  time.Time
	order int
	set   bool
}

func (l *testLoop) CallLater(d time.Duration, f func()) Timer {
	a := &testAlarm{l: l, f: f}
	a.Reset(d)
	return TimerOf(a)
}

func (a *testAlarm) Stop() bool {
	was := a.set
	if was {
		a.set = false
		a.l.alarms = slices.DeleteFunc(a.l.alarms, func(b *testAlarm) bool { return a == b })
	}
	return was
}

func (a *testAlarm) Reset(d time.Duration) {
	a.Stop()
	a.l.made++
	a.order, a.when, a.set = a.l.made, a.l.now.Add(max(0, d)), true
	a.l.alarms = append(a.l.alarms, a)
}

func (a *testAlarm) When() time.Time {
	if !a.set {
		return time.Time{}
	}
	return a.when
}

// do calls f as an outermost callback.
func (l *testLoop) do(f func()) {
	f()
	for l.core.Waiting() {
		l.core.Resume(1000)
	}
}

// turn makes one turn: due timers, jobs, posted calls. It reports whether there
// were any.
func (l *testLoop) turn() bool {
	l.do(func() {})
	due := slices.DeleteFunc(slices.Clone(l.alarms), func(a *testAlarm) bool { return a.when.After(l.now) })
	slices.SortFunc(due, func(a, b *testAlarm) int {
		return cmp.Or(a.when.Compare(b.when), cmp.Compare(a.order, b.order))
	})
	for _, a := range due {
		if a.Stop() {
			l.do(a.f)
		}
	}
	jobs := l.jobs
	l.jobs = nil
	for _, j := range jobs {
		j()
	}
	l.mu.Lock()
	posted := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range posted {
		l.do(f)
	}
	return len(due)+len(jobs)+len(posted) > 0
}

// settle turns until nothing is due.
func (l *testLoop) settle() {
	for range 10_000 {
		if !l.turn() {
			return
		}
	}
	panic("testLoop: does not come to rest")
}

// advance lets d pass, stopping at each timer on the way.
func (l *testLoop) advance(d time.Duration) {
	end := l.now.Add(d)
	for {
		l.settle()
		next := end
		for _, a := range l.alarms {
			if a.when.Before(next) {
				next = a.when
			}
		}
		if !next.After(l.now) {
			return
		}
		l.now = next
	}
}

// serve turns until done is closed, for tests with real goroutines.
func (l *testLoop) serve(done <-chan struct{}) {
	for {
		l.settle()
		select {
		case <-done:
			return
		case <-l.wake:
		}
	}
}
