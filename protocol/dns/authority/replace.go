package authority

import (
	"context"
	"fmt"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// replace makes the zone what its owner wrote, with the updates of the journal
// that come after.
func (p *primary) replace(co *deferred.Co, file *zone.Zone) error {
	at, used, stale, err := p.rebase(file)
	if err != nil {
		return err
	}
	log := p.a.home.Log().With("zone", p.origin.String())
	switch was := p.now.zone; {
	case was == nil:
		p.history.add(p.a.c.MaxHistory, used...)
		p.publish(at)
	default:
		d := revision{was: was, z: at}
		if d.total, err = onPool(co, was.Records()+at.Records(), func() (zone.Change, error) {
			return difference(was, at, nil)
		}); err != nil {
			return err
		}
		if d.empty() {
			break
		}
		step, err := d.step()
		if err != nil {
			return err
		}
		switch {
		case newer(at.Serial(), was.Serial()):
			p.history.add(p.a.c.MaxHistory, step)
		case at.Serial() == was.Serial():
			log.Warn("zone changed, its serial did not: secondaries will not see it", "serial", at.Serial())
			p.history.clear()
		default:
			log.Warn("serial went backwards: secondaries will not see the zone", "serial", at.Serial(), "was", was.Serial())
			p.history.clear()
		}
		p.publish(at)
	}
	p.base = file.Serial()
	if !stale {
		return nil
	}
	log.Warn("zone file is newer than the updates, which are dropped", "serial", file.Serial())
	forgotten, err := p.a.c.Journal.Forget(p.origin)
	if err == nil {
		_, err = forgotten.Await(co)
	}
	if err != nil {
		return fmt.Errorf("authority: zone %s: journal: %w", p.origin, err)
	}
	return nil
}

// rebase is file with the steps of the journal that come after it, and those
// steps. stale reports that there are some, and that the file is newer.
//
//   - The file is that on which they were made: all are made again.
//   - The file is as one of them left the zone: those after it are.
//   - The file is newer than all: it decides.
//
// Else nobody can know what the zone is to be: an error.
func (p *primary) rebase(file *zone.Zone) (at *zone.Zone, used []Step, stale bool, err error) {
	if p.a.c.Journal == nil {
		return file, nil, false, nil
	}
	steps, err := p.a.c.Journal.Steps(p.origin)
	if err != nil {
		return nil, nil, false, fmt.Errorf("authority: zone %s: journal: %w", p.origin, err)
	}
	if len(steps) == 0 {
		return file, nil, false, nil
	}
	serial, from := file.Serial(), -1
	if serial == steps[0].Base {
		from = 0
	}
	for i := range steps {
		if steps[i].To.Serial == serial {
			from = i + 1
		}
	}
	switch last := steps[len(steps)-1].To.Serial; {
	case from < 0 && newer(serial, last):
		return file, nil, true, nil
	case from < 0:
		return nil, nil, false, fmt.Errorf("authority: zone %s: serial %d, but there are updates from %d to %d: want %d for the zone without them, or a serial above %d",
			p.origin, serial, steps[0].Base, last, steps[0].Base, last)
	}
	at = file
	for _, s := range steps[from:] {
		s.From = at.SOA()
		if at, err = at.Apply(s.change()); err != nil {
			return nil, nil, false, fmt.Errorf("authority: zone %s: the update to serial %d does not fit the zone: %w", p.origin, s.To.Serial, err)
		}
		used = append(used, s)
	}
	return at, used, false, nil
}

// onPool runs f, elsewhere if it is about many records, so that the loop goes on
// meanwhile. f touches nothing that belongs to the loop.
func onPool[T any](co *deferred.Co, records int, f func() (T, error)) (T, error) {
	if records < largeRecords {
		return f()
	}
	return deferred.Go(co.Loop(), func(context.Context) (T, error) { return f() }).Await(co)
}
