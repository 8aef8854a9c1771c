package deferred

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestH01Go: a result, an error, a panic and a Goexit of a job arrive on the
// loop.
func TestH01Go(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		l := newLoop(t)
		if pooled {
			l.pool = new(Pool)
			defer l.pool.Close(context.Background())
		}
		d := Settle(
			Go(l, func(context.Context) (int, error) { return 1, nil }),
			Go(l, func(context.Context) (int, error) { return 0, errTest }),
			Go(l, func(context.Context) (int, error) { panic(errors.ErrUnsupported) }),
		)
		done := make(chan struct{})
		d.Always(func() { close(done) })
		l.serve(done)
		o, _ := d.Result()
		for i, want := range []error{nil, errTest, errors.ErrUnsupported} {
			if got := o.Value[i].Err; !errors.Is(got, want) {
				t.Errorf("job %d: got %v, want %v", i, got, want)
			}
		}
		if p, ok := errors.AsType[*PanicError](o.Value[2].Err); !ok || !strings.Contains(string(p.Stack), "TestH01Go") {
			t.Errorf("got %v, want a PanicError with the job in its stack", o.Value[2].Err)
		}
	}
}

// TestGoCancel fails at once, ends the context of a job that runs, and drops one
// that waits.
func TestGoCancel(t *testing.T) {
	l := newLoop(t)
	l.pool = &Pool{Workers: 1}
	defer l.pool.Close(context.Background())
	began, ended := make(chan struct{}), make(chan struct{})
	runs := Go(l, func(ctx context.Context) (int, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return 1, nil
	})
	waits := Go(l, func(context.Context) (int, error) { t.Error("ran although cancelled"); return 0, nil })
	<-began
	waits.Cancel()
	failed(t, waits, ErrCanceled)
	runs.Cancel()
	failed(t, runs, ErrCanceled)
	<-ended
	next := Go(l, func(context.Context) (int, error) { return 3, nil })
	done := make(chan struct{})
	next.Always(func() { close(done) })
	l.serve(done)
	holds(t, next, 3)
	failed(t, runs, ErrCanceled) // its late result has come and was dropped
}

// TestF23 fills a pool with jobs that block: so many run, so many wait, the next
// is refused with a typed error at once, and all that were taken deliver.
func TestF23(t *testing.T) {
	for _, tt := range []struct{ workers, maxJobs, runs, waits int }{
		{0, 0, defaultWorkers, defaultJobs}, {3, 5, 3, 5}, {1, -1, 1, 0},
	} {
		p := &Pool{Workers: tt.workers, MaxJobs: tt.maxJobs}
		release := make(chan struct{})
		var delivered, most, running atomic.Int64
		began := make(chan struct{}, tt.runs+tt.waits)
		for i := range tt.runs + tt.waits {
			_, err := p.Do(func(context.Context) func() {
				most.Store(max(most.Load(), running.Add(1)))
				began <- struct{}{}
				<-release
				running.Add(-1)
				return func() {}
			}, func(func()) { delivered.Add(1) })
			if err != nil {
				t.Fatalf("job %d: %v", i, err)
			}
		}
		for range tt.runs {
			<-began
		}
		if running, waiting := p.Stats(); running != tt.runs || waiting != tt.waits {
			t.Errorf("got %d running, %d waiting, want %d and %d", running, waiting, tt.runs, tt.waits)
		}
		if _, err := p.Do(func(context.Context) func() { return nil }, nil); err != ErrPoolFull {
			t.Errorf("got %v, want ErrPoolFull", err)
		}
		close(release)
		for range tt.waits {
			<-began
		}
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if got, want := int(delivered.Load()), tt.runs+tt.waits; got != want {
			t.Errorf("got %d delivered, want %d", got, want)
		}
		if int(most.Load()) > tt.runs {
			t.Errorf("got %d at a time, want %d", most.Load(), tt.runs)
		}
	}
}

// TestF23LoopDoesNotWait: a thousand jobs that block leave the loop free, and
// what the pool cannot take fails at once.
func TestF23LoopDoesNotWait(t *testing.T) {
	l := newLoop(t)
	l.pool = &Pool{Workers: 2, MaxJobs: 900}
	release := make(chan struct{})
	full := 0
	var ds []*Deferred[int]
	for range 1000 {
		d := Go(l, func(context.Context) (int, error) { <-release; return 1, nil })
		if o, ok := d.Result(); ok && errors.Is(o.Err, ErrPoolFull) {
			full++
			continue
		}
		ds = append(ds, d)
	}
	if full != 98 {
		t.Errorf("got %d refused, want 98", full)
	}
	turned := false
	l.Post(func() { turned = true })
	l.turn()
	if !turned {
		t.Error("the loop does not turn")
	}
	close(release)
	done := make(chan struct{})
	all := All(ds...)
	all.Always(func() { close(done) })
	l.serve(done)
	if o, _ := all.Result(); o.Err != nil || len(o.Value) != 902 {
		t.Errorf("got %d values, %v; want 902", len(o.Value), o.Err)
	}
}

// TestF23Close waits for the jobs that run, tells them to end, drops those that
// wait, and names those that do not end in time.
func TestF23Close(t *testing.T) {
	p := &Pool{Workers: 1}
	l := newLoop(t)
	l.pool = p
	began, release := make(chan struct{}), make(chan struct{})
	told := make(chan struct{})
	Go(l, func(ctx context.Context) (int, error) {
		close(began)
		<-ctx.Done()
		close(told)
		<-release
		return 0, nil
	})
	<-began
	p.Do(func(context.Context) func() { t.Error("ran after Close"); return nil }, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	err := p.Close(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "jobs that have not ended") || !strings.Contains(err.Error(), "TestF23Close") {
		t.Errorf("got %v, want the job named by where it came from", err)
	}
	<-told
	if _, err := p.Do(func(context.Context) func() { return nil }, nil); err != ErrStopped {
		t.Errorf("Do after Close: got %v, want ErrStopped", err)
	}
	close(release)
	if err := p.Close(context.Background()); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := new(Pool).Close(context.Background()); err != nil {
		t.Errorf("Close of an unused pool: %v", err)
	}
}

// TestH04PanicAndGoexit of a raw job: what is delivered panics, and the pool goes
// on with as many workers as before.
func TestH04PanicAndGoexit(t *testing.T) {
	p := &Pool{Workers: 1}
	delivered := make(chan func(), 3)
	jobs := []func(context.Context) func(){
		func(context.Context) func() { panic(errTest) },
		func(context.Context) func() { runtime.Goexit(); return nil },
		func(context.Context) func() { return func() {} },
	}
	for _, do := range jobs {
		p.Do(do, func(f func()) { delivered <- f })
	}
	panics(t, "test", <-delivered)
	panics(t, "Goexit", <-delivered)
	(<-delivered)()
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}

	l := newLoop(t)
	l.pool = new(Pool)
	defer l.pool.Close(context.Background())
	d := Go(l, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
	done := make(chan struct{})
	d.Always(func() { close(done) })
	func() {
		defer func() { recover() }() // the loop's own logging
		l.serve(done)
	}()
	l.settle()
	failed(t, d, ErrGoexit)
}

// TestH04WorkersEnd: no worker is left when no job is.
func TestH04WorkersEnd(t *testing.T) {
	p := new(Pool)
	var all sync.WaitGroup
	for range 100 {
		all.Add(1)
		p.Do(func(context.Context) func() { return func() {} }, func(func()) { all.Done() })
	}
	all.Wait()
	for running, _ := p.Stats(); running > 0; running, _ = p.Stats() {
		runtime.Gosched()
	}
}

// TestLane: jobs run one after another, in order, also after a failure; who is
// cancelled while it waits does not run, and who is cancelled while it runs
// holds up the next until it has returned.
func TestH03Lane(t *testing.T) {
	l := newLoop(t)
	l.pool = new(Pool)
	defer l.pool.Close(context.Background())
	var lane Lane
	var mu sync.Mutex
	var j journal
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		j.note(format, args...)
	}
	began, release := make(chan struct{}), make(chan struct{})
	first := lane.Go(l, func(ctx context.Context) error {
		close(began)
		<-ctx.Done()
		<-release
		note("first ends")
		return nil
	})
	second := lane.Go(l, func(context.Context) error { t.Error("ran although cancelled"); return nil })
	third := lane.Go(l, func(context.Context) error { note("third"); return errTest })
	fourth := lane.Go(l, func(context.Context) error { note("fourth"); panic(errTest) })
	fifth := lane.Go(l, func(context.Context) error { note("fifth"); return nil })
	if lane.Len() != 4 {
		t.Errorf("got %d waiting, want 4", lane.Len())
	}
	<-began
	second.Cancel()
	first.Cancel()
	failed(t, first, ErrCanceled)
	failed(t, second, ErrCanceled)
	if lane.Len() != 3 {
		t.Errorf("got %d waiting after Cancel, want 3", lane.Len())
	}
	close(release)
	done := make(chan struct{})
	fifth.Always(func() { close(done) })
	l.serve(done)
	j.want(t, "first ends", "third", "fourth", "fifth")
	failed(t, third, errTest)
	failed(t, fourth, errTest)
	holds(t, fifth, struct{}{})
}

// TestLaneLimits: too many jobs are refused, and a full pool fails the job whose
// turn it is, not those behind it.
func TestLaneLimits(t *testing.T) {
	l := newLoop(t)
	job := func(context.Context) error { return nil }
	for _, tt := range []struct{ maxJobs, want int }{{-1, 1}, {2, 3}, {0, defaultLaneJobs + 1}} {
		lane := Lane{MaxJobs: tt.maxJobs}
		for range tt.want {
			if o, ok := lane.Go(l, job).Result(); ok {
				t.Fatalf("got %v, want a job that waits", o)
			}
		}
		failed(t, lane.Go(l, job), ErrQueueFull)
	}
	l.settle()

	l.pool = &Pool{Workers: 1, MaxJobs: -1}
	defer l.pool.Close(context.Background())
	began, release := make(chan struct{}), make(chan struct{})
	other := Go(l, func(context.Context) (int, error) { close(began); <-release; return 0, nil })
	<-began
	var lane Lane
	failed(t, lane.Go(l, job), ErrPoolFull)
	failed(t, lane.Go(l, job), ErrPoolFull)
	close(release)
	done := make(chan struct{})
	other.Always(func() { close(done) })
	l.serve(done)
}

// TestD20Poll asks until the answer is yes, an error or a timeout.
func TestD20Poll(t *testing.T) {
	l := newLoop(t)
	begin := l.now
	n := 0
	d := Poll(l, time.Second, func(context.Context) (string, bool, error) {
		n++
		return "there", n == 4, nil
	})
	var at time.Duration
	d.Always(func() { at = l.now.Sub(begin) })
	l.advance(time.Minute)
	holds(t, d, "there")
	if at != 3*time.Second {
		t.Errorf("fired at %v, want 3s", at)
	}
	never := func(context.Context) (int, bool, error) { n++; return 0, false, nil }
	e := Poll(l, time.Second, never).Timeout(10 * time.Second)
	l.advance(time.Minute)
	failed(t, e, ErrTimeout)
	n = 0
	l.advance(time.Minute)
	if n != 0 {
		t.Errorf("got %d calls after the timeout", n)
	}
	e = Poll(l, time.Second, func(context.Context) (int, bool, error) { return 0, false, errTest })
	l.advance(time.Minute)
	failed(t, e, errTest)

	// Cancelled while it asks: the answer comes late, on another goroutine.
	l.pool = new(Pool)
	began, release := make(chan struct{}), make(chan struct{})
	e = Poll(l, time.Second, func(context.Context) (int, bool, error) {
		close(began)
		<-release
		return 1, true, nil
	})
	<-began
	close(release)
	l.do(e.Cancel)
	failed(t, e, ErrCanceled)
	if err := l.pool.Close(context.Background()); err != nil {
		t.Error(err)
	}
	l.settle()
}
