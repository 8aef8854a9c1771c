package authority

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// defaults is o with all that is zero filled in.
func (o Secondary) defaults() Secondary {
	o.MinRefresh, o.MaxRefresh = orDefault(o.MinRefresh, DefaultMinRefresh), orDefault(o.MaxRefresh, DefaultMaxRefresh)
	o.MinRetry, o.MaxRetry = orDefault(o.MinRetry, DefaultMinRetry), orDefault(o.MaxRetry, DefaultMaxRetry)
	o.MinExpire, o.MaxExpire = orDefault(o.MinExpire, DefaultMinExpire), orDefault(o.MaxExpire, DefaultMaxExpire)
	o.MaxRecords, o.MaxBytes = orDefault(o.MaxRecords, DefaultMaxRecords), orDefault(o.MaxBytes, DefaultMaxBytes)
	o.Timeout, o.IdleTimeout = orDefault(o.Timeout, DefaultTransferTimeout), orDefault(o.IdleTimeout, DefaultIdleTimeout)
	return o
}

// check says what is wrong with o.
func (o *Secondary) check(origin dns.Name) error {
	if len(o.Primaries) == 0 {
		return fmt.Errorf("authority: secondary %s: want a primary", origin)
	}
	for _, p := range o.Primaries {
		if !p.Addr.IsValid() || p.Addr.Port() == 0 {
			return fmt.Errorf("authority: secondary %s: primary %s: want an address and a port", origin, p.Addr)
		}
	}
	return nil
}

func errNoSecondary(origin dns.Name) error {
	return fmt.Errorf("%w: no secondary %s", ErrNoZone, origin)
}

// ask asks the primaries in turn, until one has a newer version that can be
// taken, or says that ours is the newest. What one has wrong is logged.
func (s *secondary) ask(co *deferred.Co) error {
	release, err := s.a.inbound.Acquire(s.a.home).Await(co)
	if err != nil {
		return err
	}
	defer release()
	var errs []error
	for i := range s.o.Primaries {
		at := (s.first + i) % len(s.o.Primaries)
		err := s.pull(co, s.o.Primaries[at])
		if err == nil {
			s.first = at
			return nil
		}
		if co.Err() != nil {
			return co.Err()
		}
		err = fmt.Errorf("from %s: %w", s.o.Primaries[at].Addr, err)
		s.a.home.Log().Warn("zone did not come", "zone", s.origin.String(), "err", err)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// pull asks one primary: for differences, if we have something, and for all if
// they cannot be had or do not fit.
func (s *secondary) pull(co *deferred.Co, from Peer) error {
	misfit := false
	if s.zone != nil {
		in, err := s.exchange(co, from, s.zone.SOA(), nil)
		if err == nil {
			err = s.take(co, in, from)
		}
		if err == nil || !(errors.Is(err, errNoIXFR) || errors.Is(err, zone.ErrNoRecord)) {
			return err
		}
		misfit = errors.Is(err, zone.ErrNoRecord)
	}
	var ours *dns.SOA
	if s.zone != nil && !misfit {
		ours = s.zone.SOA()
	}
	in, err := s.exchange(co, from, nil, ours)
	if err != nil {
		return err
	}
	return s.take(co, in, from)
}

// exchange gets an answer: what makes of have the newest version, or all of it,
// if it is newer than ours.
func (s *secondary) exchange(co *deferred.Co, from Peer, have, ours *dns.SOA) (*inbound, error) {
	in := &inbound{origin: s.origin, have: have, maxRecords: s.o.MaxRecords}
	p := pull{home: s.a.home, peer: from, in: in, ours: ours, maxBytes: s.o.MaxBytes,
		timeout: s.o.Timeout, idle: s.o.IdleTimeout, dialed: dialTimeout}
	if s.a.c.Local.IsValid() {
		p.local = netip.AddrPortFrom(s.a.c.Local, 0).String()
	}
	return in, p.run(co)
}

// take makes what has come the zone.
func (s *secondary) take(co *deferred.Co, in *inbound, from Peer) (err error) {
	was := s.zone
	log := s.a.home.Log().With("zone", s.origin.String(), "peer", from.Addr)
	switch {
	case in.stage == current:
		if newer(was.Serial(), in.soa.Serial) {
			log.Warn("primary has an older version than we", "serial", in.soa.Serial, "ours", was.Serial())
		}
		return nil
	case in.steps != nil:
		z, err := onPool(co, in.count, func() (z *zone.Zone, err error) {
			z = was
			for i := range in.steps {
				if z, err = z.Apply(in.steps[i].change()); err != nil {
					return nil, err
				}
			}
			return z, nil
		})
		if err != nil {
			return err
		}
		s.history.add(s.a.c.MaxHistory, in.steps...)
		s.adopt(z)
	default:
		if was != nil && !newer(in.soa.Serial, was.Serial()) && !s.expired {
			return nil // it came whole, and is not newer
		}
		z, err := onPool(co, in.count, func() (*zone.Zone, error) { return zone.New(s.origin, slices.Values(in.records)) })
		if err != nil {
			return err
		}
		if was != nil && newer(z.Serial(), was.Serial()) {
			d := revision{was: was, z: z}
			if d.total, err = onPool(co, was.Records()+in.count, func() (zone.Change, error) { return difference(was, z, nil) }); err != nil {
				return err
			}
			step, err := d.step()
			if err != nil {
				return err
			}
			s.history.add(s.a.c.MaxHistory, step)
		} else {
			s.history.clear()
		}
		s.adopt(z)
	}
	log.Info("zone came", "serial", s.zone.Serial(), "records", s.zone.Records())
	return nil
}

// adopt serves z from now on, and keeps a copy.
func (s *secondary) adopt(z *zone.Zone) {
	s.zone, s.expired, s.refreshed = z, false, s.a.home.Now()
	s.publish()
	s.keeper.keep(z, s.refreshed)
}
