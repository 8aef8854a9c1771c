package deferred

import (
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestChaos lets coroutines do at random all that they can, cancels some of them,
// and closes the loop in the middle. Whatever happens: every body ends, what is
// exclusive stays so, nothing is left behind, and the same seed gives the same
// course of events.
func TestChaos(t *testing.T) {
	seeds := 25
	if testing.Short() {
		seeds = 10
	}
	for seed := range uint64(seeds) {
		first, second := newChaos(t, seed), newChaos(t, seed)
		if first.run(); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		if second.run(); !slices.Equal(first.got, second.got) {
			t.Fatalf("seed %d: two runs differ", seed)
		}
	}
}

type chaos struct {
	journal
	t      *testing.T
	l      *testLoop
	random *rand.Rand

	lock    Lock
	three   Semaphore
	queue   Queue[int]
	gate    Gate
	alive   int // bodies that began and have not ended
	inLock  int
	inThree int
	made    []*Deferred[int]
}

func newChaos(t *testing.T, seed uint64) *chaos {
	return &chaos{t: t, l: newLoop(t), random: rand.New(rand.NewPCG(seed, 0)), three: Semaphore{Max: 3}}
}

func (c *chaos) run() {
	c.l.core.ReportAtClose = true
	for range 20 {
		c.begin(0)
	}
	for range 50 {
		c.l.advance(time.Duration(c.random.IntN(3000)) * time.Millisecond)
		d := c.made[c.random.IntN(len(c.made))]
		c.l.do(func() {
			switch c.random.IntN(6) {
			case 0:
				d.Cancel()
			case 1:
				d.Timeout(time.Duration(c.random.IntN(2000)) * time.Millisecond)
			case 2:
				c.gate.Shut()
			case 3:
				c.gate.Open()
			case 4:
				c.queue.Put(c.random.IntN(100))
			case 5:
				c.begin(0)
			}
		})
	}
	c.note("closing with %d alive at %v", c.alive, c.l.now)
	c.l.core.Close()
	for _, err := range c.l.taken() {
		c.note("%v", err)
	}
	if c.alive != 0 || c.inLock != 0 || c.inThree != 0 || c.lock.Held() || c.three.held != 0 {
		c.t.Errorf("left: %d bodies, %d and %d inside, lock held: %t, semaphore: %d", c.alive, c.inLock, c.inThree, c.lock.Held(), c.three.held)
	}
	if c.l.core.first != nil || c.l.core.ready != nil || c.l.core.idle != nil {
		c.t.Error("coroutines are left in the Core")
	}
}

// begin begins a coroutine, and deeper ones from within it.
func (c *chaos) begin(depth int) *Deferred[int] {
	id := len(c.made)
	c.made = append(c.made, nil)
	d := Inline(c.l, func(co *Co) (int, error) {
		c.alive++
		defer func() { c.alive-- }()
		for range 1 + c.random.IntN(6) {
			if err := c.do(co, id, depth); err != nil {
				c.note("%d ends: %v", id, err)
				return id, err
			}
		}
		if c.random.IntN(10) == 0 {
			panic("chaos")
		}
		return id, nil
	})
	d.Done(func(v int, err error) { c.note("%d has ended: %v", id, err) })
	c.made[id] = d
	return d
}

// do is one thing that coroutine id does.
func (c *chaos) do(co *Co, id, depth int) error {
	what := c.random.IntN(12)
	c.note("%d does %d", id, what)
	pause := func() error { return co.Sleep(time.Duration(c.random.IntN(2000)) * time.Millisecond) }
	switch what {
	case 0:
		return pause()
	case 1:
		return co.Yield()
	case 2:
		return c.exclusive(co, c.lock.Acquire(c.l), &c.inLock, 1, pause)
	case 3:
		return c.exclusive(co, c.three.Acquire(c.l), &c.inThree, 3, pause)
	case 4:
		v, err := c.queue.Get(c.l).Timeout(5 * time.Second).Await(co)
		c.note("%d got %d %v", id, v, err)
		return nil
	case 5:
		return c.queue.Put(id)
	case 6:
		_, err := c.gate.Pass(c.l).Await(co)
		return err
	case 7:
		if depth < 4 {
			_, err := c.begin(depth + 1).Await(co)
			c.note("%d heard %v", id, err)
		}
		return co.Err()
	case 8:
		if depth < 4 {
			vs, err := All(c.begin(depth+1), c.begin(depth+1)).Await(co)
			c.note("%d heard %v %v", id, vs, err)
		}
		return co.Err()
	case 9:
		_, err := Gather(c.l, 2, numbers(3), func(co *Co, i int) (int, error) { return i, pause() }).Await(co)
		_ = err
		return co.Err()
	case 10:
		won, err := First(After(c.l, time.Second), After(c.l, time.Duration(c.random.IntN(2000))*time.Millisecond)).Await(co)
		c.note("%d: %d won, %v", id, won.Index, err)
		return err
	default:
		if d := c.made[c.random.IntN(len(c.made))]; d != nil {
			_, err := d.Shield().Await(co) // perhaps itself, through others: then for ever
			c.note("%d heard %v", id, err)
		}
		return co.Err()
	}
}

func (c *chaos) exclusive(co *Co, turn *Deferred[func()], inside *int, most int, pause func() error) error {
	release, err := turn.Await(co)
	if err != nil {
		return err
	}
	defer release()
	*inside++
	defer func() { *inside-- }()
	if *inside > most {
		c.t.Errorf("%d inside, want at most %d", *inside, most)
	}
	return pause()
}

func numbers(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}
