package persist

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// A scenario is a program that remembers two things: a number in its snapshots,
// and the sum of 1, 2, 3 … in a journal. It notes outside of its memory what it
// has tried and what it was told is durable, so that whatever happens to its
// disk can be judged.
type scenario struct {
	tried, acknowledged int // changes of the journal
	saved, durable      int // the number in snapshots
	before              int // the number in the snapshot before
	finished            bool
	snapshotsOnly       bool // the next lives have no journal
	errors              []error
	dir                 string // "": defaultDir
	report              func() // called after each change of the numbers; nil: not
}

const defaultDir = "/var/lib/fib"

func (x *scenario) config() Config {
	dir := x.dir
	if dir == "" {
		dir = defaultDir
	}
	return Config{Dir: dir, Name: "fib"}
}

// plain is the state in snapshots. The pad makes it longer than a sector.
type plain struct {
	N   int
	Pad string
}

var pad = strings.Repeat("x", 1100)

// run lives one life on a simulated disk.
func (x *scenario) run(disk *sim.Disk, fsys twistor.FS) {
	l := newLife(disk, fsys)
	defer l.die()
	x.errors = append(x.errors, l.do(func(co *deferred.Co) error { return x.live(co, l) }))
}

// live lives one life: two snapshots, a third as of a shutdown, changes before,
// between and behind them, alone and several in a turn; it goes on after errors.
func (x *scenario) live(co *deferred.Co, l twistor.Loop) error {
	s, p, c, err := x.begin(co, l)
	if err != nil {
		return err
	}
	x.change(co, c, 1)
	x.save(co, s, p, "")
	x.change(co, c, 3)
	x.save(co, s, p, "")
	for range 4 {
		x.change(co, c, 2)
	}
	x.save(co, s, p, shutdownTag)
	x.change(co, c, 1)
	err = s.Close(co)
	x.finished = err == nil
	return err
}

func (x *scenario) begin(co *deferred.Co, l twistor.Loop) (*Store, *plain, *counter, error) {
	s, err := Open(co, l, x.config())
	if err != nil {
		return nil, nil, nil, err
	}
	p, c := &plain{Pad: pad}, newCounter()
	c.journal.CompactBytes = 200 // so that it compacts by itself, too
	return s, p, c, errors.Join(s.Persist("plain", p), c.journal.Open(co, s))
}

func (x *scenario) say() {
	if x.report != nil {
		x.report()
	}
}

// change makes n changes in one turn.
func (x *scenario) change(co *deferred.Co, c *counter, n int) {
	var all []*deferred.Signal
	for range n {
		if d := c.journal.Append(x.tried + 1); c.Count > x.tried {
			x.tried++
			all = append(all, d)
		} else {
			d.Done(nil) // refused
		}
	}
	x.say()
	for _, d := range all {
		if _, err := d.Await(co); err != nil {
			x.errors = append(x.errors, err)
			continue
		}
		// All that came before is durable too, also what had failed.
		x.acknowledged = max(x.acknowledged, x.tried)
		x.say()
	}
}

func (x *scenario) save(co *deferred.Co, s *Store, p *plain, tag string) {
	x.saved++
	p.N = x.saved
	x.say()
	if _, err := s.Save(tag).Await(co); err != nil {
		x.errors = append(x.errors, err)
		return
	}
	x.before, x.durable = x.durable, x.saved
	x.say()
}

// judge starts the program again, on what is left of its disk, and says what is
// wrong with what it remembers. With older a snapshot may be one save old.
func (x scenario) judge(disk *sim.Disk, older bool) error {
	return x.remember(disk, nil, older)
}

// remember is judge, and notes what the program remembers now: it may not be
// forgotten later.
func (x *scenario) remember(disk *sim.Disk, fsys twistor.FS, older bool) error {
	l := newLife(disk, fsys)
	defer l.die()
	return l.do(func(co *deferred.Co) error {
		s, err := Open(co, l, x.config())
		if err != nil {
			return err
		}
		p, c := &plain{}, newCounter()
		if err := s.Persist("plain", p); err != nil {
			return err
		}
		least := x.durable
		if older {
			least = x.before
		}
		if p.N < least || p.N > x.saved || p.N > 0 && p.Pad != pad {
			return fmt.Errorf("snapshot: got %d, want %d to %d", p.N, least, x.saved)
		}
		if x.durable = p.N; x.snapshotsOnly {
			return s.Close(co)
		}
		if err := c.journal.Open(co, s); err != nil {
			return err
		}
		if c.Count < x.acknowledged || c.Count > x.tried || c.Sum != c.Count*(c.Count+1)/2 {
			return fmt.Errorf("journal: got %d changes with sum %d, want %d to %d", c.Count, c.Sum, x.acknowledged, x.tried)
		}
		x.acknowledged = c.Count
		return s.Close(co)
	})
}

// calls is how many calls change something, in a life without faults.
func calls() (n int) {
	disk := newDisk()
	disk.Before = func(sim.DiskCall) error { n++; return nil }
	new(scenario).run(disk, nil)
	return n
}

func newDisk() *sim.Disk { return sim.NewDisk(sim.NewClock(nil).Now) }
