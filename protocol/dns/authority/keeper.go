package authority

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// keepWait is how long a copy may be behind what is served and in the journal.
const keepWait = 10 * time.Second

// A keeper keeps the copy of a zone on the disk. Of versions that wait only the
// last is written. Loop-only: of home.
type keeper struct {
	a       *Authority
	origin  dns.Name
	z       *zone.Zone // to be written; nil: the disk has it
	at      time.Time  // when it was known to be the newest
	noted   time.Time  // of at, what the disk has
	writing bool
	timer   deferred.Timer     // keepLater's
	waiting []*deferred.Signal // until the disk has it
}

// on reports whether copies are kept.
func (k *keeper) on() bool { return k.a.c.Dir != "" }

// load reads the copy; nil: there is none.
func (k *keeper) load(co *deferred.Co, maxRecords int) (*zone.Zone, time.Time) {
	if !k.on() {
		return nil, time.Time{}
	}
	type kept struct {
		z  *zone.Zone
		at time.Time
	}
	c, origin := k.a.copyOf(k.origin), k.origin
	got, err := deferred.Go(k.a.home, func(context.Context) (kept, error) {
		z, at, err := c.read(origin, maxRecords)
		return kept{z, at}, err
	}).Await(co)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		k.a.home.Log().Error("copy of a zone cannot be read: it is made anew", "zone", k.origin.String(), "err", err)
	}
	if err == nil {
		k.noted = got.at
	}
	return got.z, got.at
}

// keep has z written, and at.
func (k *keeper) keep(z *zone.Zone, at time.Time) {
	if k.on() {
		k.z, k.at = z, at
		k.write()
	}
}

// keepLater has z written, and at, within keepWait: many versions are one then.
func (k *keeper) keepLater(z *zone.Zone, at time.Time) {
	if !k.on() {
		return
	}
	k.z, k.at = z, at
	if k.timer.When().IsZero() {
		k.timer = k.a.home.CallLater(keepWait, k.write)
	}
}

// stop has what waits written now.
func (k *keeper) stop() {
	if k.timer.Stop() {
		k.write()
	}
}

// note has at written, if what the disk has is older than that by more than
// atMost.
func (k *keeper) note(at time.Time, atMost time.Duration) {
	if k.on() && at.Sub(k.noted) >= atMost {
		k.at = at
		k.write()
	}
}

// kept fires when the disk has what there is to keep, or cannot.
func (k *keeper) kept() *deferred.Signal {
	if !k.writing {
		return deferred.Succeeded(struct{}{})
	}
	d := deferred.New[struct{}](k.a.home)
	k.waiting = append(k.waiting, d)
	return d
}

// write writes what is not on the disk.
func (k *keeper) write() {
	if k.writing {
		return // it looks again
	}
	k.writing = true
	k.timer.Stop()
	z, at, c := k.z, k.at, k.a.copyOf(k.origin)
	k.z = nil
	end := k.a.begin()
	k.a.disk.Go(k.a.home, func(context.Context) error {
		if z != nil {
			if err := c.write(z); err != nil {
				return err
			}
		}
		return c.writeTime(at)
	}).Done(func(_ struct{}, err error) {
		defer end()
		k.writing = false
		if err != nil {
			k.a.home.Log().Error("copy of a zone cannot be written", "zone", k.origin.String(), "err", err)
			if k.z == nil {
				k.z = z // with the next one
			}
		} else {
			k.noted = at
			if k.z != nil {
				k.write()
				return
			}
		}
		waiting := k.waiting
		k.waiting = nil
		for _, d := range waiting {
			d.Succeed(struct{}{})
		}
	})
}
