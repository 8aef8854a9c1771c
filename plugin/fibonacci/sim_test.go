package fibonacci

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/fibonacci"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
	"github.com/twistor-go/twistor/sim"
)

// A life is one run of the server, from start to crash or stop.
type life struct {
	host    *sim.Host
	store   *persist.Store
	service service.Service
}

// begin starts the server on a host, with the memory that its disk has.
func begin(t *testing.T, host *sim.Host, durable bool) *life {
	t.Helper()
	v := &life{host: host}
	host.Do(func(co *deferred.Co) (err error) {
		if v.store, err = persist.Open(co, host.Loop(), persist.Config{Dir: "/state", Name: "fibonacci"}); err != nil {
			return err
		}
		c := New()
		c.Listen, c.Durable = []string{"tcp:8889"}, durable
		if v.service, err = c.Service(); err != nil {
			return err
		}
		return v.service.Start(co, service.With(host.Loop(), v.store))
	})
	return v
}

// stop ends it in order, as a program does.
func (v *life) stop() {
	v.host.Do(func(co *deferred.Co) error {
		if err := v.service.Stop(co); err != nil {
			return err
		}
		if _, err := v.store.Save("shutdown").Await(co); err != nil {
			return err
		}
		return v.store.Close(co)
	})
}

// A crowd is clients that ask as fast as they are answered, and what they got.
type crowd struct {
	t    *testing.T
	w    *sim.World
	host *sim.Host
	got  [][]*big.Int // of each client, over all lives of the server
	live []*fibonacci.Client
}

func newCrowd(t *testing.T, w *sim.World, size int) *crowd {
	return &crowd{t: t, w: w, host: w.Host("clients"), got: make([][]*big.Int, size), live: make([]*fibonacci.Client, size)}
}

// connect dials anew for all, and has them ask.
func (c *crowd) connect() {
	for i := range c.live {
		i := i
		fibonacci.Dial(c.host.Loop(), "tcp:server:8889").Done(func(client *fibonacci.Client, err error) {
			if err != nil {
				return // the server has crashed meanwhile
			}
			c.live[i] = client
			for range 1 + i%3 { // some ask before they are answered
				c.ask(client, i)
			}
		})
	}
}

func (c *crowd) ask(client *fibonacci.Client, i int) {
	client.Next().Done(func(n *big.Int, err error) {
		if err != nil {
			return
		}
		c.got[i] = append(c.got[i], n)
		// Where nothing takes time, a pause is what lets it pass.
		c.host.Loop().CallLater(10*time.Millisecond, func() { c.ask(client, i) })
	})
}

// leave closes all connections.
func (c *crowd) leave() {
	for i, client := range c.live {
		if client != nil {
			client.Close()
			c.live[i] = nil
		}
	}
}

func (c *crowd) total() (n int) {
	for _, got := range c.got {
		n += len(got)
	}
	return n
}

// check looks for numbers that were given twice, or to a client in another
// order than it asked, and returns how many were.
func (c *crowd) check() (twice, disordered int) {
	seen := map[string]bool{}
	for _, got := range c.got {
		for i, n := range got {
			if seen[n.String()] {
				twice++
			}
			seen[n.String()] = true
			if i > 0 && n.Cmp(got[i-1]) <= 0 {
				disordered++
			}
		}
	}
	return twice, disordered
}

// overCrashes has a server crash at any moment, again and again, and restart.
func overCrashes(t *testing.T, w *sim.World, durable bool) *crowd {
	server := w.Host("server")
	c := newCrowd(t, w, 5)
	chance := w.Split("crashes")
	for range 8 {
		v := begin(t, server, durable)
		c.connect()
		w.Advance(time.Duration(chance.IntN(1_000)) * time.Millisecond)
		if chance.IntN(4) == 0 {
			v.stop()
			c.leave()
		} else {
			server.Crash()
			c.leave()
			server.Restart()
		}
		w.Advance(time.Minute) // everybody knows
	}
	return c
}

// XC7, P6: no number is given twice, over all clients, crashes and restarts, on
// networks and disks of many kinds.
func TestNoNumberTwice(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 6
	}
	total := 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := sim.New(t, seed)
			c := overCrashes(t, w, true)
			if twice, disordered := c.check(); twice > 0 || disordered > 0 {
				t.Errorf("%d of %d numbers were given twice, %d in disorder", twice, c.total(), disordered)
			}
			total += c.total()
		})
	}
	t.Logf("%d numbers in %d worlds", total, seeds)
	if total < int(seeds)*20 {
		t.Errorf("only %d numbers were given: want enough to prove something", total)
	}
}

// The control: without a journal, a crash makes numbers come again.
func TestNotDurableRepeats(t *testing.T) {
	for seed := range uint64(5) {
		if twice, _ := overCrashes(t, sim.New(t, seed), false).check(); twice > 0 {
			return
		}
	}
	t.Error("no number came twice: the test above would find none either")
}
