package authority

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// What a Config means when its fields are zero.
const (
	DefaultMaxTransfers  = 10
	DefaultMaxUpdates    = 1000
	DefaultMaxHistory    = 100_000
	DefaultSourceTimeout = 5 * time.Second
	DefaultMaxZones      = 1_000_000
	largeRecords         = 2000 // a zone of more is worked on by the pool
)

// A Config says how zones are kept. Immutable after first use.
type Config struct {
	// Journal keeps updates. Nil: they last as long as the process.
	Journal Journal
	// Dir is where copies of the zones of others are kept, and of those that are
	// signed here, so that a restart serves them at once. It must exist. "":
	// nowhere.
	Dir string
	// Local is the address that other servers are asked and told from. Zero: the
	// system chooses.
	Local netip.Addr
	// MaxTransfers is how many zones may be on their way at once: out, on each
	// loop, where further clients are told SERVFAIL; and in, where further ones
	// wait. 0: 10.
	MaxTransfers int
	// MaxUpdates is how many changes of one zone may wait; further clients are
	// told SERVFAIL. 0: 1,000.
	MaxUpdates int
	// MaxHistory is how many records of former versions are kept for each zone,
	// for transfers of differences. 0: 100,000; negative: none.
	MaxHistory int
}

// An Authority is a set of zones that live: they are served, transferred,
// updated, signed. All of it happens on its home loop, but for answers and
// transfers to others: those come from the loop that got the query. Loop-only.
type Authority struct {
	home     twistor.Loop
	c        Config
	handlers []*handler
	zones    map[string]member
	origins  []dns.Name // of zones, in the order in which they came
	outbound notifier
	inbound  deferred.Semaphore
	disk     deferred.Lane
	stopped  bool
	idle     []*deferred.Signal // Stop's: nothing is under way
	busy     int
}

// A member is a zone that is kept: a primary, a secondary, a database's.
type member interface {
	version() *version
	status() Status
	// stop ends what is under way.
	stop()
}

var (
	// ErrNoZone: there is no zone of that name, or none of that kind.
	ErrNoZone = errors.New("authority: no such zone")
	// ErrStopped: Stop was called.
	ErrStopped = errors.New("authority: stopped")
	// ErrBusy: too much waits.
	ErrBusy = errors.New("authority: too many changes wait")
)

// New returns an Authority without zones, whose home is home.
func New(home twistor.Loop, c Config) *Authority {
	c.MaxTransfers = orDefault(c.MaxTransfers, DefaultMaxTransfers)
	c.MaxUpdates = orDefault(c.MaxUpdates, DefaultMaxUpdates)
	c.MaxHistory = orDefault(c.MaxHistory, DefaultMaxHistory)
	a := &Authority{home: home, c: c, zones: map[string]member{}}
	a.inbound = deferred.Semaphore{Max: max(c.MaxTransfers, 1), MaxWaiters: DefaultMaxZones}
	a.disk.MaxJobs = DefaultMaxZones
	a.outbound.init(home, c.Local)
	return a
}

func orDefault[N int | int64 | time.Duration](n, d N) N {
	if n == 0 {
		return d
	}
	return n
}

// Handler is what answers on the loop at: the dns.Server's there. It is to be
// called on home, before the server of that loop begins.
func (a *Authority) Handler(at twistor.Loop) dns.Handler {
	for _, h := range a.handlers {
		if h.at == at {
			return h
		}
	}
	h := &handler{a: a, at: at, zones: table{at: map[string]*version{}}}
	a.handlers = append(a.handlers, h)
	for _, origin := range a.origins {
		h.zones.put(origin, a.zones[string(origin)].version())
	}
	return h
}

// admit takes a new member in: from now on its names are not REFUSED.
func (a *Authority) admit(origin dns.Name, m member) error {
	switch {
	case a.stopped:
		return ErrStopped
	case a.zones[string(origin)] != nil:
		return fmt.Errorf("authority: zone %s is there already", origin)
	case len(a.origins) >= DefaultMaxZones:
		return fmt.Errorf("authority: zone %s: want up to %d zones", origin, DefaultMaxZones)
	}
	a.zones[string(origin)] = m
	a.origins = append(a.origins, origin)
	a.publish(origin, m.version())
	return nil
}

// Remove ends a zone: queries for it are refused from now on. It reports
// whether there was one. What is kept of it on disk stays.
func (a *Authority) Remove(origin dns.Name) bool {
	m := a.zones[string(origin)]
	if m == nil {
		return false
	}
	m.stop()
	a.forget(origin)
	return true
}

// forget takes a member out.
func (a *Authority) forget(origin dns.Name) {
	delete(a.zones, string(origin))
	a.origins = slices.DeleteFunc(a.origins, func(n dns.Name) bool { return bytes.Equal(n, origin) })
	a.outbound.forget(origin)
	a.publish(origin, nil)
}

// publish has all loops serve v from their next turn on. A nil v: nothing.
func (a *Authority) publish(origin dns.Name, v *version) {
	for _, h := range a.handlers {
		h.publish(origin, v)
	}
}

// Stop ends all that is under way: transfers from others are broken off, what
// is being written is waited for. Queries are still answered.
func (a *Authority) Stop(co *deferred.Co) error {
	a.stopped = true
	for _, origin := range a.origins {
		a.zones[string(origin)].stop()
	}
	a.outbound.stop()
	if a.busy == 0 {
		return nil
	}
	d := deferred.New[struct{}](a.home)
	a.idle = append(a.idle, d)
	_, err := d.Await(co)
	return err
}

// begin notes that something is under way; the function that it returns ends
// that.
func (a *Authority) begin() func() {
	a.busy++
	return func() {
		if a.busy--; a.busy > 0 {
			return
		}
		idle := a.idle
		a.idle = nil
		for _, d := range idle {
			d.Succeed(struct{}{})
		}
	}
}

// Zone is what is served of a zone at this moment on the home loop; nil: nothing.
func (a *Authority) Zone(origin dns.Name) *zone.Zone {
	if m := a.zones[string(origin)]; m != nil {
		return m.version().zone
	}
	return nil
}
