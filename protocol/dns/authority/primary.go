package authority

import (
	"fmt"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// A Primary says how a zone is kept that is changed here: by its owner, who
// Replaces it, and by updates. Its zero serves it to everybody, and nothing
// more. Immutable after first use.
type Primary struct {
	// Transfer says who may have all of the zone. Nil: nobody.
	Transfer []Grant
	// Notify are the servers that are told of new versions.
	Notify []Peer
	// Update says who may change what. Nil: nobody.
	Update []UpdateGrant
	// Signing has the zone signed. Nil: it is served as it is.
	Signing *Signing
}

// A primary is a zone that is changed here. One change is made at a time, and
// updates that wait meanwhile are made together: one version, one signing, one
// write to the disk. Loop-only: of home.
type primary struct {
	a       *Authority
	origin  dns.Name
	o       Primary
	now     *version
	base    uint32 // the serial of the owner's version that this one began with
	history history
	waiting []*job
	working bool
	stopped bool

	signing *Signing // nil: it is not signed here
	due     time.Time
	timer   deferred.Timer // until then
	keeper  keeper         // of a signed zone
}

// A job is a change to come: what the owner wrote, how to sign, or what work
// says.
type job struct {
	*deferred.Signal
	file    *zone.Zone
	signing *Signing
	work    func(z *zone.Zone) (zone.Change, error)
}

// AddPrimary serves z, and keeps it. The Signal fires when it is served: what
// the Journal has of it is made again before, and it is signed.
func (a *Authority) AddPrimary(z *zone.Zone, o Primary) *deferred.Signal {
	p := &primary{a: a, origin: z.Origin(), o: o, signing: o.Signing}
	p.keeper = keeper{a: a, origin: p.origin}
	p.now = p.next(nil)
	if err := a.admit(p.origin, p); err != nil {
		return deferred.Failed[struct{}](a.home, err)
	}
	return p.do(&job{file: z}).Catch(func(err error) (struct{}, error) {
		if p.now.zone == nil && a.zones[string(p.origin)] == member(p) {
			a.Remove(p.origin)
		}
		return struct{}{}, err
	})
}

// Replace puts another version, as its owner wrote it, in the place of a
// primary's. Transfers of differences go on across it. If updates were made since
// the owner's last version, they stay if z has that one's serial; if z is newer
// than they are it decides, and they are gone, which is logged. The Signal fails,
// and the zone stays as it is, if z is neither.
//
// A z whose serial went backwards is served, and logged: secondaries will not
// come for it.
func (a *Authority) Replace(z *zone.Zone) *deferred.Signal {
	p, err := a.primary(z.Origin())
	if err != nil {
		return deferred.Failed[struct{}](a.home, err)
	}
	return p.do(&job{file: z})
}

// Change removes and adds records of a primary, as an update does for which
// everything is allowed; the serial is raised. The Signal fires when it is kept
// and served.
func (a *Authority) Change(origin dns.Name, c zone.Change) *deferred.Signal {
	p, err := a.primary(origin)
	if err != nil {
		return deferred.Failed[struct{}](a.home, err)
	}
	return p.do(&job{work: func(*zone.Zone) (zone.Change, error) { return c, nil }})
}

func (a *Authority) primary(origin dns.Name) (*primary, error) {
	p, ok := a.zones[string(origin)].(*primary)
	if !ok {
		return nil, fmt.Errorf("%w: no primary %s", ErrNoZone, origin)
	}
	return p, nil
}

func (p *primary) version() *version { return p.now }

// next is the version with z.
func (p *primary) next(z *zone.Zone) *version {
	return &version{origin: p.origin, zone: z, steps: p.history.steps,
		transfer: p.o.Transfer, update: p.o.Update, primary: true}
}

// update makes a client's change.
func (p *primary) update(u *update) *deferred.Signal {
	return p.do(&job{work: func(z *zone.Zone) (zone.Change, error) {
		u.signed = p.signing != nil
		return u.work(z)
	}})
}

// do has j done, after those that wait.
func (p *primary) do(j *job) *deferred.Signal {
	j.Signal = deferred.New[struct{}](p.a.home)
	switch {
	case p.stopped:
		j.Fail(ErrStopped)
	case len(p.waiting) >= p.a.c.MaxUpdates:
		j.Fail(ErrBusy)
	default:
		p.waiting = append(p.waiting, j)
		p.begin()
	}
	return j.Signal
}

// begin works on what waits, until nothing does.
func (p *primary) begin() {
	if p.working {
		return
	}
	p.working = true
	end := p.a.begin()
	deferred.Inline(p.a.home, func(co *deferred.Co) (struct{}, error) {
		for len(p.waiting) > 0 && co.Err() == nil {
			p.batch(co)
		}
		return struct{}{}, nil
	}).Done(func(_ struct{}, err error) {
		p.working = false
		if err != nil {
			p.drop(err)
		}
		end()
	})
}

// drop fails what waits.
func (p *primary) drop(err error) {
	waiting := p.waiting
	p.waiting = nil
	for _, j := range waiting {
		j.Fail(err)
	}
}

// batch takes the owner's version that is next, the next order to sign, or all
// updates before one.
func (p *primary) batch(co *deferred.Co) {
	n := 1
	for p.waiting[0].work != nil && n < len(p.waiting) && p.waiting[n].work != nil {
		n++
	}
	jobs := p.waiting[:n:n]
	p.waiting = p.waiting[n:]
	var err error
	switch {
	case jobs[0].file != nil:
		err = p.replace(co, jobs[0].file)
	case jobs[0].signing != nil:
		err = p.renew(co, jobs[0].signing)
	default:
		jobs, err = p.revise(co, jobs)
	}
	for _, j := range jobs {
		if err != nil {
			j.Fail(err)
		} else {
			j.Succeed(struct{}{})
		}
	}
}

// revise makes one version of updates, and returns those that were made; the
// others are told why not.
func (p *primary) revise(co *deferred.Co, jobs []*job) (made []*job, failed error) {
	if p.now.zone == nil {
		return jobs, fmt.Errorf("%w: %s is not served yet", ErrNoZone, p.origin)
	}
	d := revision{was: p.now.zone, z: p.now.zone}
	for _, j := range jobs {
		c, err := j.work(d.z)
		if err == nil {
			err = d.apply(c)
		}
		if err != nil {
			j.Fail(err)
			continue
		}
		made = append(made, j)
	}
	if d.empty() {
		return made, nil // and no new serial: RFC 2136 section 3.6
	}
	if err := d.raise(d.was.Serial()); err != nil {
		return made, err
	}
	if err := p.sign(co, &d, true); err != nil {
		return made, err
	}
	step, err := d.step()
	if err != nil {
		return made, err
	}
	// "The zone must be written to stable storage before the response":
	// https://www.rfc-editor.org/rfc/rfc2136#section-3.5
	if kept, ok := p.forJournal(step); ok {
		saved, err := p.a.c.Journal.Append(p.origin, kept)
		if err != nil {
			return made, fmt.Errorf("authority: zone %s: journal: %w", p.origin, err)
		}
		if _, failed = saved.Await(co); failed != nil {
			failed = fmt.Errorf("authority: zone %s: journal: %w", p.origin, failed)
		}
	}
	if p.signing != nil {
		p.keeper.keepLater(d.z, p.a.home.Now())
	}
	// What failed may be kept all the same: then it is to be served too.
	p.history.add(p.a.c.MaxHistory, step)
	p.publish(d.z)
	return made, failed
}

// publish has z served, and others told.
func (p *primary) publish(z *zone.Zone) {
	if p.stopped {
		return
	}
	p.now = p.next(z)
	p.a.publish(p.origin, p.now)
	p.schedule()
	p.a.outbound.tell(p.origin, z.SOA(), p.o.Notify)
}

// stop implements member.
func (p *primary) stop() {
	p.stopped = true
	p.timer.Stop()
	p.keeper.stop()
	p.drop(ErrStopped)
}
