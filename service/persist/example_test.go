package persist_test

import (
	"fmt"
	"math/big"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/persist"
	"github.com/twistor-go/twistor/sim"
)

// fibonacci is what the program remembers: its exported fields.
type fibonacci struct{ A, B *big.Int }

func newFibonacci() *fibonacci { return &fibonacci{big.NewInt(1), big.NewInt(1)} }

func (f *fibonacci) step() {
	f.A, f.B = f.B, new(big.Int).Add(f.A, f.B)
}

// do runs body on a loop, as a service's Start does.
func do(loop *sim.Clock, body func(co *deferred.Co) error) {
	deferred.Inline(twistor.Loop(loop), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, body(co)
	}).Done(func(_ struct{}, err error) {
		if err != nil {
			fmt.Println(err)
		}
	})
	loop.Advance(0)
}

// A program counts, saves a snapshot, and stops; the next one goes on.
func Example() {
	loop := sim.NewClock(nil)
	for range 2 {
		do(loop, func(co *deferred.Co) error {
			store, err := persist.Open(co, loop, persist.Config{Dir: "/var/lib/fib", Name: "fib"})
			if err != nil {
				return err
			}
			fib := newFibonacci()
			if err := store.Persist("fib", fib); err != nil {
				return err
			}
			for range 3 {
				fib.step()
				fmt.Println(fib.B)
			}
			if _, err := store.Save("shutdown").Await(co); err != nil {
				return err
			}
			return store.Close(co)
		})
	}
	// Output:
	// 2
	// 3
	// 5
	// 8
	// 13
	// 21
}

// A number is on the disk before anybody sees it, so that it is given once, though
// the power fails in between.
func ExampleJournal() {
	w := sim.New(nil, 1)
	host := w.Host("server")
	for range 2 {
		host.Do(func(co *deferred.Co) error {
			store, err := persist.Open(co, host.Loop(), persist.Config{Dir: "/var/lib/fib", Name: "fib"})
			if err != nil {
				return err
			}
			fib := newFibonacci()
			journal := &persist.Journal[struct{}]{Name: "fib", State: fib, Apply: func(struct{}) { fib.step() }}
			if err := journal.Open(co, store); err != nil {
				return err
			}
			for range 3 {
				durable := journal.Append(struct{}{})
				mine := fib.B // nobody ran in between
				if _, err := durable.Await(co); err != nil {
					return err
				}
				fmt.Println(mine)
			}
			return nil
		})
		host.Crash()
		host.Restart()
	}
	// Output:
	// 2
	// 3
	// 5
	// 8
	// 13
	// 21
}

// A tool makes a snapshot, and reads it.
func ExampleRead() {
	disk := sim.NewDisk(sim.NewClock(nil).Now)
	err := persist.Write(disk, "/tmp/web.tap", &persist.Snapshot{
		Command: persist.Command{Program: "web", Options: map[string][]string{"path": {"/srv/www"}}},
	})
	if err != nil {
		fmt.Println(err)
	}
	tap, err := persist.Read(disk, "/tmp/web.tap")
	fmt.Println(tap.Command.Program, tap.Command.Options, len(tap.States), err)

	f, _ := disk.OpenFile("/tmp/web.tap", os.O_WRONLY|os.O_TRUNC, 0)
	f.Close()
	_, err = persist.Read(disk, "/tmp/web.tap")
	fmt.Println(err)
	// Output:
	// web map[path:[/srv/www]] 0 <nil>
	// persist: /tmp/web.tap: damaged: it is empty, want a twistor-tap
}

func ExampleStore_Persist() {
	loop := sim.NewClock(nil)
	do(loop, func(co *deferred.Co) error {
		store, err := persist.Open(co, loop, persist.Config{Dir: "/var/lib/site", Name: "site"})
		if err != nil {
			return err
		}
		return store.Persist("page", &struct{ Handler any }{})
	})
	// Output:
	// persist: state "page": of a type that cannot be kept: struct { Handler interface {} }.Handler is interface {}, want plain values: fields that are not exported are not saved
}

func ExampleTable() {
	loop := sim.NewClock(nil)
	do(loop, func(co *deferred.Co) error {
		table := &persist.Table{Dir: "/var/lib/photos"}
		if err := table.Open(co, loop); err != nil {
			return err
		}
		table.Put("cat.jpg", []byte("meow")).Done(nil)
		table.Put("dog.jpg", []byte("wuff")).Done(nil)
		keys, _ := table.Keys().Await(co)
		cat, err := table.Get("cat.jpg").Await(co)
		fmt.Printf("%q %s\n", keys, cat)
		return err
	})
	// Output:
	// ["cat.jpg" "dog.jpg"] meow
}
