package deferred

import (
	"container/list"
	"context"
	"fmt"
	"strings"
	"sync"
)

// A Pool runs jobs, functions that may block, on a bounded number of
// goroutines: it is what a Loop's Work stands on. A worker starts when a job
// comes and no worker is free, and ends when no job waits. Safe for concurrent
// use.
type Pool struct {
	// Workers is how many jobs may run at a time; 0 or less: 20. Immutable
	// after first use.
	Workers int
	// MaxJobs is how many more may wait; 0: 10,000; negative: none. Immutable
	// after first use.
	MaxJobs int

	mu      sync.Mutex
	running list.List     // Guarded by mu. Of *job.
	waiting list.List     // Guarded by mu. Of *job, in order.
	closed  bool          // Guarded by mu.
	emptied chan struct{} // Guarded by mu. Made by Close, closed when running is empty.
}

// A job is one call of Do. It is in one list of its pool, or in none.
type job struct {
	do      func(context.Context) func()
	deliver func(func())
	ctx     context.Context
	cancel  context.CancelFunc
	from    sites
	in      *list.List
	at      *list.Element
}

func (j *job) enter(l *list.List) { j.in, j.at = l, l.PushBack(j) }

func (j *job) leave() {
	j.in.Remove(j.at)
	j.in, j.at = nil, nil
}

// Do runs do on a worker, and hands the function it returns, if not nil, to
// deliver, on the worker's goroutine. If do panics, deliver is handed a function
// that panics with a *PanicError; if it calls runtime.Goexit, one whose Value is
// ErrGoexit.
//
// cancel ends do's context; if do has not begun it never will, and deliver is
// not called. It may be called any number of times, from any goroutine. The
// error is ErrPoolFull, or ErrStopped after Close.
func (p *Pool) Do(do func(context.Context) func(), deliver func(func())) (cancel func(), err error) {
	j := &job{do: do, deliver: deliver, from: callers(1)}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, ErrStopped
	case p.running.Len() < p.workers():
		j.enter(&p.running)
	case p.waiting.Len() < bound(p.MaxJobs, defaultJobs):
		j.enter(&p.waiting)
	default:
		return nil, ErrPoolFull
	}
	j.ctx, j.cancel = context.WithCancel(context.Background())
	if j.in == &p.running {
		go p.work(j)
	}
	return func() { p.cancel(j) }, nil
}

func (p *Pool) cancel(j *job) {
	p.mu.Lock()
	if j.in == &p.waiting {
		j.leave()
	}
	p.mu.Unlock()
	j.cancel()
}

// Stats is how many jobs run and how many wait.
func (p *Pool) Stats() (running, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running.Len(), p.waiting.Len()
}

// Close ends the contexts of the jobs that run, drops those that wait, refuses
// new ones, and returns when all workers have ended or ctx has: then the error
// says from where the jobs came that go on. It may be called again.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	for p.waiting.Len() > 0 {
		j := p.waiting.Front().Value.(*job)
		j.leave()
		j.cancel()
	}
	for e := p.running.Front(); e != nil; e = e.Next() {
		e.Value.(*job).cancel()
	}
	if p.emptied == nil {
		p.emptied = make(chan struct{})
		if p.running.Len() == 0 {
			close(p.emptied)
		}
	}
	emptied := p.emptied
	p.mu.Unlock()

	select {
	case <-emptied:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running.Len() == 0 {
		return nil
	}
	var from []string
	for e := p.running.Front(); e != nil; e = e.Next() {
		from = append(from, e.Value.(*job).from.String())
	}
	return fmt.Errorf("deferred: pool: jobs that have not ended: %s: %w", strings.Join(from, ", "), ctx.Err())
}

// work runs j, and then jobs that wait, until none does.
func (p *Pool) work(j *job) {
	for ; j != nil; j = p.after(j) {
		p.run(j)
	}
}

// run runs j and delivers. It does not return if j calls Goexit, which ends
// this goroutine: then another one goes on with the jobs that wait.
func (p *Pool) run(j *job) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			j.deliver(repanic(panicked(v)))
			return
		}
		j.deliver(repanic(&PanicError{Value: ErrGoexit}))
		if next := p.after(j); next != nil {
			go p.work(next)
		}
	}()
	f := j.do(j.ctx)
	returned = true
	if f != nil {
		j.deliver(f)
	}
}

func repanic(err error) func() { return func() { panic(err) } }

// after ends j, and returns the next job for its worker, or nil.
func (p *Pool) after(j *job) *job {
	j.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	j.leave()
	if p.waiting.Len() > 0 {
		next := p.waiting.Front().Value.(*job)
		next.leave()
		next.enter(&p.running)
		return next
	}
	if p.running.Len() == 0 && p.emptied != nil {
		close(p.emptied)
	}
	return nil
}

func (p *Pool) workers() int {
	if p.Workers <= 0 {
		return defaultWorkers
	}
	return p.Workers
}
