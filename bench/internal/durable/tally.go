//go:build linux

package durable

import (
	"log"
	"sync/atomic"
	"time"
)

// A Tally is what the writers count. Safe for concurrent use, but one writer's
// calls come one after another.
type Tally struct {
	// Per is how many changes one acknowledgement stands for. 0: 1.
	Per int64

	writers []writer
	stopped atomic.Bool
	timing  atomic.Bool
	waits   waits
}

type writer struct {
	begun, acknowledged atomic.Int64
	since               time.Time // of the change in flight
}

func newTally(writers int) *Tally { return &Tally{writers: make([]writer, writers)} }

// Begin is called by a writer before it makes a change. False: it is to make
// none, and end.
func (t *Tally) Begin(writer int) bool {
	w := &t.writers[writer]
	w.begun.Add(1) // before the question: stop must not miss a change that is made
	if t.stopped.Load() {
		return false
	}
	w.since = time.Now()
	return true
}

// Acknowledge is called by a writer when it was told that its change is durable.
func (t *Tally) Acknowledge(writer int) {
	w := &t.writers[writer]
	if t.timing.Load() {
		t.waits.add(time.Since(w.since))
	}
	w.acknowledged.Add(1)
}

// Go starts a goroutine for each writer, that makes changes until the end. An
// error ends the program.
func (t *Tally) Go(change func(writer int) error) {
	for i := range t.writers {
		go func() {
			for t.Begin(i) {
				if err := change(i); err != nil {
					t.Fail(err)
				}
				t.Acknowledge(i)
			}
		}()
	}
}

// Fail ends the program, unless it ends already: then a change that fails is
// nobody's fault.
func (t *Tally) Fail(err error) {
	if t.stopped.Load() {
		select {}
	}
	log.Fatal(err)
}

// changes is how many are durable.
func (t *Tally) changes() (n int64) {
	for i := range t.writers {
		n += t.writers[i].acknowledged.Load()
	}
	return n * max(t.Per, 1)
}

// stop ends the writers, and returns of each how many changes it may have made,
// and how many it knows to be durable.
func (t *Tally) stop() (begun, acknowledged []int64) {
	t.stopped.Store(true)
	for i := range t.writers {
		w := &t.writers[i]
		acknowledged = append(acknowledged, w.acknowledged.Load())
		begun = append(begun, w.begun.Load())
	}
	return begun, acknowledged
}
