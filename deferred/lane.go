package deferred

import (
	"container/list"
	"context"
)

// A Lane runs jobs on the pool one after another, in the order in which they
// came: writes to one file. Its zero is ready for use. Loop-only.
type Lane struct {
	// MaxJobs is how many may wait behind the one that runs; 0: 1,000;
	// negative: none.
	MaxJobs int

	waiting list.List // of *laneJob
	busy    bool
}

type laneJob struct {
	*Signal
	loop   Loop
	f      func(context.Context) error
	ctx    context.Context
	cancel context.CancelFunc
}

// Go runs f after all jobs that came before, also after those that fail. The
// Signal fails with ErrQueueFull if too many wait, and with ErrPoolFull if the
// pool has no place when its turn has come.
//
// To cancel the Signal fails it at once. If f runs its context ends, and the
// next job still waits for it to return; if it waits it will not run.
func (n *Lane) Go(l Loop, f func(context.Context) error) *Signal {
	if n.waiting.Len() >= bound(n.MaxJobs, defaultLaneJobs) && n.busy {
		return Failed[struct{}](l, ErrQueueFull)
	}
	j := &laneJob{Signal: New[struct{}](l), loop: l, f: f}
	j.ctx, j.cancel = context.WithCancel(context.Background())
	e := n.waiting.PushBack(j)
	j.OnCancel(func() {
		j.cancel()
		n.waiting.Remove(e)
	})
	n.next()
	return j.Signal
}

// Len is how many jobs wait; the one that runs does not count.
func (n *Lane) Len() int { return n.waiting.Len() }

// next starts the first job that waits, if none runs.
func (n *Lane) next() {
	for !n.busy && n.waiting.Len() > 0 {
		j := n.waiting.Remove(n.waiting.Front()).(*laneJob)
		n.busy = true
		_, err := work(j.loop, j.run, func(_ struct{}, err error) {
			n.busy = false
			j.end(err)
			n.next()
		})
		if err != nil {
			n.busy = false
			j.end(err)
		}
	}
}

// run is the job on its worker. It ends with the pool's context or with its own.
func (j *laneJob) run(pool context.Context) (struct{}, error) {
	if err := j.ctx.Err(); err != nil {
		return struct{}{}, err
	}
	defer context.AfterFunc(pool, j.cancel)()
	return struct{}{}, j.f(j.ctx)
}

func (j *laneJob) end(err error) {
	j.cancel()
	j.fire(struct{}{}, err)
}
