package persist

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// asker answers each segment with the next number, when that is durable.
type asker struct {
	twistor.Transport
	fib     *fib
	journal *Journal[struct{}]
}

func (p *asker) Connected()         {}
func (p *asker) Disconnected(error) {}
func (p *asker) Received([]byte) {
	durable := p.journal.Append(struct{}{})
	mine := p.fib.B
	durable.Done(func(_ struct{}, err error) {
		if err != nil {
			p.Abort()
			return
		}
		fmt.Fprintf(p, "%d\n", mine)
	})
}

// serve starts the article's server on a host, and saves a snapshot now and then.
func serve(h *sim.Host) {
	deferred.Inline(h.Loop(), func(co *deferred.Co) (struct{}, error) {
		l := co.Loop().(twistor.Loop)
		store, err := Open(co, l, Config{Dir: "/var/lib/fib", Name: "fib"})
		if err != nil {
			return struct{}{}, err
		}
		fib := newFib()
		journal := &Journal[struct{}]{Name: "fib", State: fib, CompactBytes: 2000, Apply: func(struct{}) { fib.next() }}
		if err := journal.Open(co, store); err != nil {
			return struct{}{}, err
		}
		_, err = twistor.Listen(l, "tcp", ":8889", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			return &asker{t, fib, journal}
		}))
		deferred.Every(l, 700*time.Millisecond, func(co *deferred.Co) error {
			store.Save("").Done(nil)
			return nil
		})
		return struct{}{}, err
	}).Done(nil)
}

// TestXC7NoNumberTwice runs the article's server in many worlds, over networks that
// delay and cut, with a disk that is slow, and in a third of them fails, and takes
// its power away again and again. Two clients ask. No number may ever be given
// twice, and each life's are higher than those of the lives before.
func TestXC7NoNumberTwice(t *testing.T) {
	answers, worlds := 0, scale(40, 6)
	sim.Seeds(t, worlds, func(t *testing.T, w *sim.World) {
		r := w.Split("clients")
		server := w.Host("server")
		server.Disk.Faults.SyncTime, server.Disk.Faults.SyncJitter = time.Millisecond, 50*time.Millisecond
		if w.Seed%3 == 1 {
			server.Disk.Faults.SyncError, server.Disk.Faults.WriteError = 0.05, 0.05
		}
		given := map[string]bool{}
		highest := new(big.Int)
		for range 6 {
			serve(server)
			w.Advance(3 * time.Second)
			var peers []*sim.Peer
			for _, name := range []string{"a", "b"} {
				if p, err := w.Host(name).TryDial("server:8889"); err == nil {
					peers = append(peers, p) // else the disk failed at the start
				}
			}
			for range 20 {
				for _, p := range peers {
					p.Send("next")
					w.Advance(time.Duration(r.IntN(200)) * time.Millisecond)
				}
			}
			server.Crash()
			before := new(big.Int).Set(highest)
			for _, p := range peers {
				lines := strings.Split(p.Received(), "\n")
				for _, line := range lines[:len(lines)-1] { // the last one may be cut
					n, ok := new(big.Int).SetString(line, 10)
					if !ok || given[line] || n.Cmp(before) <= 0 {
						t.Fatalf("got %q after %v: want a number that was not given yet", line, before)
					}
					given[line] = true
					if n.Cmp(highest) > 0 {
						highest = n
					}
					answers++
				}
				p.Reset()
			}
			w.Errors() // a disk that fails is logged
			server.Restart()
		}
	})
	if t.Logf("%d answers", answers); answers < worlds*50 {
		t.Errorf("got %d answers in %d worlds, want more", answers, worlds)
	}
}
