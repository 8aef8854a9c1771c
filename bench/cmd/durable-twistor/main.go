//go:build linux

// Command durable-twistor makes changes durable with our journal: one loop, and
// a coroutine for each writer.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/bench/internal/durable"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service/persist"
)

// accounts are the state: what each name has.
type accounts struct{ Have map[string]int64 }

// A step is a change: some 30 bytes of JSON.
type step struct {
	Key string
	By  int64
}

func main() {
	durable.Program{Start: start, Kept: kept}.Main()
}

// start runs the loop on a goroutine of its own, since this one measures.
func start(job durable.Job, t *durable.Tally) error {
	started := make(chan error, 1)
	go func() {
		err := run(func(co *deferred.Co, l twistor.Loop) error {
			j, _, err := open(co, l, job)
			if err != nil {
				return err
			}
			for i := range job.Writers {
				deferred.Inline(l, func(co *deferred.Co) (struct{}, error) {
					return struct{}{}, write(co, j, t, i)
				}).Done(func(_ struct{}, err error) {
					if err != nil {
						t.Fail(err)
					}
				})
			}
			started <- nil
			_, err = deferred.New[struct{}](l).Await(co) // for ever
			return err
		})
		started <- err
	}()
	return <-started
}

// write is a writer.
func write(co *deferred.Co, j *persist.Journal[step], t *durable.Tally, i int) error {
	for key := durable.Key(i); t.Begin(i); t.Acknowledge(i) {
		if _, err := j.Append(step{key, 1}).Await(co); err != nil {
			return err
		}
	}
	return nil
}

func open(co *deferred.Co, l twistor.Loop, job durable.Job) (*persist.Journal[step], *accounts, error) {
	store, err := persist.Open(co, l, persist.Config{Dir: job.Dir, Name: "bench"})
	if err != nil {
		return nil, nil, err
	}
	a := &accounts{Have: map[string]int64{}}
	j := &persist.Journal[step]{Name: "accounts", State: a, Apply: func(s step) { a.Have[s.Key] += s.By }}
	return j, a, j.Open(co, store)
}

// run runs body on a reactor, until it returns.
func run(body func(co *deferred.Co, l twistor.Loop) error) error {
	r := reactor.New(&reactor.Config{Loops: 1})
	result := errors.New("the loop has ended before its body")
	deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) {
		defer r.Stop()
		return struct{}{}, body(co, r.Loop())
	}).Done(func(_ struct{}, err error) { result = err })
	if err := r.Run(context.Background()); err != nil {
		return err
	}
	return result
}

func kept(job durable.Job) (counts []int64, err error) {
	err = run(func(co *deferred.Co, l twistor.Loop) error {
		_, a, err := open(co, l, job)
		if err != nil {
			return err
		}
		for i := range job.Writers {
			counts = append(counts, a.Have[durable.Key(i)])
			delete(a.Have, durable.Key(i))
		}
		if len(a.Have) > 0 {
			return fmt.Errorf("%d accounts that nobody has written to", len(a.Have))
		}
		return nil
	})
	return counts, err
}
