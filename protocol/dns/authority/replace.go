package authority

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// replace makes the zone what its owner wrote, with the updates of the journal
// that come after.
func (p *primary) replace(co *deferred.Co, file *zone.Zone) error {
	at, r, err := p.rebase(file)
	if err != nil {
		return err
	}
	if p.signing != nil {
		err = p.replaceSigned(co, at)
	} else if was := p.now.zone; was == nil {
		p.history.add(p.a.c.MaxHistory, r.used...)
		p.publish(at)
	} else {
		err = p.succeed(co, was, at)
	}
	if err != nil {
		return err
	}
	p.base = file.Serial()
	if r.dropped == 0 {
		return nil
	}
	if r.stale {
		p.log().Warn("zone file is newer than the updates, which are dropped", "serial", file.Serial())
	}
	saved, err := p.a.c.Journal.Rebase(p.origin, r.dropped, p.base)
	if err == nil {
		_, err = saved.Await(co)
	}
	if err != nil {
		// The zone is served, and the next start finds the same steps again.
		p.log().Error("journal of updates cannot be shortened", "err", err)
	}
	return nil
}

// succeed serves at after was, with the way between them.
func (p *primary) succeed(co *deferred.Co, was, at *zone.Zone) (err error) {
	d := revision{was: was, z: at}
	if d.total, err = onPool(co, was.Records()+at.Records(), func() (zone.Change, error) {
		return difference(was, at, nil)
	}); err != nil || d.empty() {
		return err
	}
	step, err := d.step()
	if err != nil {
		return err
	}
	switch {
	case newer(at.Serial(), was.Serial()):
		p.history.add(p.a.c.MaxHistory, step)
	case at.Serial() == was.Serial():
		p.log().Warn("zone changed, its serial did not: secondaries will not see it", "serial", at.Serial())
		p.history.clear()
	default:
		p.log().Warn("serial went backwards: secondaries will not see the zone", "serial", at.Serial(), "was", was.Serial())
		p.history.clear()
	}
	p.publish(at)
	return nil
}

func (p *primary) log() *slog.Logger { return p.a.home.Log().With("zone", p.origin.String()) }

// A rebased is how the steps of a journal fit the owner's version.
type rebased struct {
	used    []Step // those that were made on it
	dropped int    // the others, before them
	stale   bool   // because it is newer than all
}

// rebase is file with the steps of the journal that come after it.
//
//   - The file is that on which they were made: all are made again.
//   - The file is as one of them left the zone: those after it are.
//   - The file is newer than all: it decides.
//
// Else nobody can know what the zone is to be: an error. So it is if the file has
// a step's serial by chance, as when its owner counts on from what he wrote last:
// clients were told that those records are kept.
func (p *primary) rebase(file *zone.Zone) (at *zone.Zone, r rebased, err error) {
	if p.a.c.Journal == nil {
		return file, r, nil
	}
	steps, err := p.a.c.Journal.Steps(p.origin)
	if err != nil {
		return nil, r, fmt.Errorf("authority: zone %s: journal: %w", p.origin, err)
	}
	if len(steps) == 0 {
		return file, r, nil
	}
	serial, last := file.Serial(), steps[len(steps)-1].To.Serial
	r.dropped = -1
	if serial == steps[0].Base {
		r.dropped = 0
	}
	for i := range steps {
		if steps[i].To.Serial == serial {
			r.dropped = i + 1
		}
	}
	switch {
	case r.dropped < 0 && newer(serial, last):
		return file, rebased{dropped: len(steps), stale: true}, nil
	case r.dropped < 0:
		return nil, r, fmt.Errorf("authority: zone %s: serial %d, but there are updates of serial %d, up to %d: want that zone file, or a serial above %d",
			p.origin, serial, steps[0].Base, last, last)
	}
	if rr := missing(file, steps[:r.dropped]); rr != nil {
		return nil, r, fmt.Errorf("authority: zone %s: serial %d is that of an update, but the zone file is without its change of %s %s: want that change in it, or a serial above %d",
			p.origin, serial, rr.Header().Name, dns.Type(rr.Header().Rrtype), last)
	}
	at = file
	for _, s := range steps[r.dropped:] {
		s.From = at.SOA()
		if at, err = at.Apply(s.change()); err != nil {
			return nil, r, fmt.Errorf("authority: zone %s: the update to serial %d does not fit the zone file of serial %d: %w: want that zone file, or a serial above %d",
				p.origin, s.To.Serial, serial, err, last)
		}
		r.used = append(r.used, s)
	}
	return at, r, nil
}

// missing is a record that steps have added and z has not, or that they have
// removed and z still has; nil: z has all that they did. TTLs do not count.
func missing(z *zone.Zone, steps []Step) dns.RR {
	type fate struct {
		rr    dns.RR
		there bool
	}
	var order []string // so that the error is the same each time
	fates := map[string]fate{}
	note := func(rrs []dns.RR, there bool) {
		for _, rr := range rrs {
			bare := dns.Copy(rr)
			bare.Header().Ttl = 0
			key := foldCase(bare.String())
			if _, ok := fates[key]; !ok {
				order = append(order, key)
			}
			fates[key] = fate{rr, there}
		}
	}
	for _, s := range steps {
		note(s.Removed, false)
		note(s.Added, true)
	}
	for _, key := range order {
		f := fates[key]
		name, err := dns.ParseName(f.rr.Header().Name)
		if err != nil || f.there != slices.ContainsFunc(z.RRs(name, dns.Type(f.rr.Header().Rrtype)), func(rr dns.RR) bool { return dns.Same(rr, f.rr) }) {
			return f.rr
		}
	}
	return nil
}

// onPool runs f, elsewhere if it is about many records, so that the loop goes on
// meanwhile. f touches nothing that belongs to the loop.
func onPool[T any](co *deferred.Co, records int, f func() (T, error)) (T, error) {
	if records < largeRecords {
		return f()
	}
	return deferred.Go(co.Loop(), func(context.Context) (T, error) { return f() }).Await(co)
}
