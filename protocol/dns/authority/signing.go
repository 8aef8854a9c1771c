package authority

import (
	"fmt"
	"slices"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnssec"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

const (
	// signedOnLoop is how many records a signed zone may have to be signed
	// without the pool: a look at each, and a few signatures of 30 us.
	signedOnLoop = 200
	// maxSigningWait is how long at most a zone waits for the next look at its
	// signatures, and minSigningWait how long at least.
	maxSigningWait = 24 * time.Hour
	minSigningWait = time.Second
)

// A Signing has a primary signed: each version before it is served, and again in
// time before signatures end. Updates then cannot touch what signing makes.
// Immutable after first use.
//
// The serial is raised for that, beyond what the owner and clients say. So that
// it goes on where it was after a restart, the signed zone is kept in Config.Dir;
// without a Dir serials are seconds since 1970.
type Signing struct {
	Keys   []*dnssec.Key
	Policy dnssec.Policy
}

// SetSigning signs a primary in another way from now on: with new keys, or with
// the same ones after their times have changed. Without keys the signatures are
// taken away.
func (a *Authority) SetSigning(origin dns.Name, s Signing) *deferred.Signal {
	p, err := a.primary(origin)
	if err != nil {
		return deferred.Failed[struct{}](a.home, err)
	}
	return p.do(&job{signing: &s})
}

// isMade reports whether records of type t are made by signing.
func isMade(t dns.Type) bool {
	switch t {
	case dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeZONEMD:
		return true
	}
	return isSignature(t)
}

// sign has d signed. trusted says that d.was was signed by us, so that only what
// is new has to be looked at.
func (p *primary) sign(co *deferred.Co, d *revision, trusted bool) error {
	s := p.signing
	if s == nil {
		return nil
	}
	policy, now := s.Policy, p.a.home.Now()
	if p.a.c.Dir == "" {
		policy.Serial = dnssec.SerialUnixTime
	}
	v := dnssec.Versions{To: d.z}
	if trusted {
		v.From = d.was
	}
	type signed struct {
		revision
		due time.Time
	}
	work := *d
	out, err := onPool(co, d.z.Records()*largeRecords/signedOnLoop, func() (out signed, err error) {
		c, err := dnssec.Resign(v, s.Keys, policy, now)
		if err == nil {
			err = work.apply(c)
		}
		if err != nil {
			return out, err
		}
		return signed{work, dnssec.Due(work.z, s.Keys, policy, now)}, nil
	})
	if err != nil {
		return fmt.Errorf("authority: zone %s: signing: %w", p.origin, err)
	}
	*d, p.due = out.revision, out.due
	return nil
}

// schedule has the zone signed again in time.
func (p *primary) schedule() {
	p.timer.Stop()
	if p.signing == nil || p.stopped {
		return
	}
	wait := maxSigningWait
	if !p.due.IsZero() {
		wait = min(max(p.due.Sub(p.a.home.Now()), minSigningWait), maxSigningWait)
	}
	p.timer = p.a.home.CallLater(wait, func() {
		p.do(&job{signing: p.signing}).Done(func(_ struct{}, err error) {
			if err != nil && !p.stopped {
				p.log().Error("zone cannot be signed again", "err", err)
				p.timer.Reset(maxSigningWait / 24)
			}
		})
	})
}

// renew signs what is served in another way, or the same way again.
func (p *primary) renew(co *deferred.Co, s *Signing) error {
	was := p.signing
	p.signing = s
	d := revision{was: p.now.zone, z: p.now.zone}
	if d.z == nil {
		return fmt.Errorf("%w: %s is not served yet", ErrNoZone, p.origin)
	}
	if err := p.sign(co, &d, was == s); err != nil {
		p.signing = was
		return err
	}
	if d.empty() {
		p.schedule()
		return nil
	}
	return p.settle(co, &d)
}

// settle serves a version that no journal has: its copy is on the disk before.
func (p *primary) settle(co *deferred.Co, d *revision) error {
	if d.was != nil {
		step, err := d.step()
		if err != nil {
			return err
		}
		p.history.add(p.a.c.MaxHistory, step)
	}
	p.keeper.keep(d.z, p.a.home.Now())
	if _, err := p.keeper.kept().Await(co); err != nil {
		return err
	}
	p.publish(d.z)
	return nil
}

// replaceSigned makes at, which is as the owner wrote it, what is served, signed.
func (p *primary) replaceSigned(co *deferred.Co, at *zone.Zone) error {
	was, trusted := p.now.zone, true
	if was == nil {
		was, _ = p.keeper.load(co, zone.DefaultMaxRecords)
		trusted = false // by whoever can write our files
	}
	if was == nil {
		d := revision{z: at}
		if err := p.sign(co, &d, false); err != nil {
			return err
		}
		return p.settle(co, &d)
	}
	d := revision{was: was, z: was}
	c, err := onPool(co, was.Records()+at.Records(), func() (zone.Change, error) { return difference(was, at, isMade) })
	if err != nil {
		return err
	}
	c.Removed = slices.DeleteFunc(c.Removed, isSOA)
	c.Added = slices.DeleteFunc(c.Added, isSOA)
	soa := at.SOA()
	if !newer(soa.Serial, was.Serial()) {
		soa.Serial = was.Serial()
	}
	if old := was.SOA(); !identical(soa, old) {
		c.Removed, c.Added = append(c.Removed, old), append(c.Added, soa)
	}
	if d.z, err = onPool(co, len(c.Removed)+len(c.Added), func() (*zone.Zone, error) { return was.Apply(c) }); err != nil {
		return err
	}
	d.total = c
	// A copy may be older than what was served last, so its serial is not used again.
	if !d.empty() || !trusted {
		if err := d.raise(was.Serial()); err != nil {
			return err
		}
		if !trusted && d.z.Serial() == at.Serial() {
			if err := d.raise(at.Serial()); err != nil {
				return err
			}
		}
	}
	if err := p.sign(co, &d, trusted); err != nil {
		return err
	}
	if d.empty() {
		p.schedule()
		return nil
	}
	return p.settle(co, &d)
}

// forJournal is s as the journal has it: without what signing makes; false: there
// is nothing else.
func (p *primary) forJournal(s Step) (Step, bool) {
	if p.a.c.Journal == nil {
		return s, false
	}
	s.Base = p.base
	if p.signing != nil {
		made := func(rr dns.RR) bool { return isMade(dns.Type(rr.Header().Rrtype)) }
		s.Removed = slices.DeleteFunc(slices.Clone(s.Removed), made)
		s.Added = slices.DeleteFunc(slices.Clone(s.Added), made)
	}
	return s, true
}
