package authority

import (
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// What a Secondary means when its fields are zero.
const (
	DefaultMinRefresh      = time.Minute
	DefaultMaxRefresh      = 4 * 7 * 24 * time.Hour
	DefaultMinRetry        = 10 * time.Second
	DefaultMaxRetry        = 2 * 7 * 24 * time.Hour
	DefaultMinExpire       = time.Hour
	DefaultMaxExpire       = 13 * 7 * 24 * time.Hour
	DefaultMaxRecords      = 5_000_000
	DefaultMaxBytes        = 1 << 30
	DefaultTransferTimeout = time.Hour
	DefaultIdleTimeout     = 30 * time.Second
	dialTimeout            = 10 * time.Second
	// maxFirstRetry is the longest wait for a zone that never came: until then
	// each is twice as long as the one before.
	maxFirstRetry = 15 * time.Minute
	// notifiedPause is how often NOTIFYs can have a server asked.
	notifiedPause = time.Second
)

// A Secondary says how a zone is kept that comes from elsewhere. It is asked for
// as its SOA record says, within the bounds below, and when one of the primaries
// says that there is a new version. Immutable after first use.
type Secondary struct {
	// Primaries are the servers to get it from, tried in turn.
	Primaries []Peer
	// Transfer says who may have all of the zone from us. Nil: nobody.
	Transfer []Grant
	// Notify are the servers that are told of new versions.
	Notify []Peer

	// MinRefresh is how often at most a primary is asked without a NOTIFY,
	// whatever the SOA record says. 0: 1 min.
	MinRefresh time.Duration
	// MaxRefresh is how often at least. 0: 4 weeks.
	MaxRefresh time.Duration
	// MinRetry is how soon at the earliest it is asked again when it did not
	// answer; a zone that never came begins with it. 0: 10 s.
	MinRetry time.Duration
	// MaxRetry is how soon at the latest. 0: 2 weeks.
	MaxRetry time.Duration
	// MinExpire is how long at least a zone is served without a primary. 0: 1 h.
	MinExpire time.Duration
	// MaxExpire is how long at most. 0: 13 weeks.
	MaxExpire time.Duration

	// MaxRecords is how many records a transfer may have. 0: 5 million.
	MaxRecords int
	// MaxBytes is how long it may be. 0: 1 GiB.
	MaxBytes int64
	// Timeout is how long it may take. 0: 1 h.
	Timeout time.Duration
	// IdleTimeout is how long each message of it may take. 0: 30 s.
	IdleTimeout time.Duration
}

// A secondary is a zone that comes from elsewhere. Loop-only: of home.
type secondary struct {
	a       *Authority
	origin  dns.Name
	o       Secondary
	now     *version
	history history

	zone      *zone.Zone // the last one, expired or not
	refreshed time.Time  // when a primary last said that zone is the newest
	keeper    keeper
	failures  int   // in a row
	err       error // the last one; nil: all is well
	first     int   // of Primaries, the one to ask first

	timer    deferred.Timer // of refresh, retry
	expiry   deferred.Timer
	refresh  *deferred.Signal // under way; nil: none
	again    bool             // a NOTIFY came meanwhile
	attempt  time.Time        // when the last one began
	stopped  bool
	expired  bool
	attempts int
}

// AddSecondary keeps a zone that comes from elsewhere. The Signal fires when the
// copy on the disk, if there is one, is served; the primaries are asked then.
// Until there is a zone queries are told SERVFAIL.
func (a *Authority) AddSecondary(origin dns.Name, o Secondary) *deferred.Signal {
	s := &secondary{a: a, origin: origin.Clone(), o: o.defaults()}
	s.now = s.next(nil)
	s.keeper = keeper{a: a, origin: s.origin}
	if err := o.check(origin); err != nil {
		return deferred.Failed[struct{}](a.home, err)
	}
	if err := a.admit(s.origin, s); err != nil {
		return deferred.Failed[struct{}](a.home, err)
	}
	end := a.begin()
	return deferred.Inline(a.home, func(co *deferred.Co) (struct{}, error) {
		defer end()
		if z, at := s.keeper.load(co, s.o.MaxRecords); z != nil && !s.stopped && s.zone == nil {
			s.zone, s.refreshed, s.expired = z, at, true
			s.watch() // which serves it, if it has not expired
		}
		s.begin()
		return struct{}{}, nil
	})
}

// Refresh has the primaries of a secondary asked now.
func (a *Authority) Refresh(origin dns.Name) error {
	s, ok := a.zones[string(origin)].(*secondary)
	if !ok {
		return errNoSecondary(origin)
	}
	s.begin()
	return nil
}

func (s *secondary) version() *version { return s.now }

// next is the version with z.
func (s *secondary) next(z *zone.Zone) *version {
	return &version{origin: s.origin, zone: z, steps: s.history.steps, transfer: s.o.Transfer, primaries: s.o.Primaries}
}

// notified is told that primary i has a new version: serial, if it said which.
func (s *secondary) notified(i int, serial *uint32) {
	switch {
	case s.stopped:
	case s.refresh != nil:
		s.again = true
	case serial != nil && s.zone != nil && !s.expired && !newer(*serial, s.zone.Serial()):
		// We have it. Who forges a NOTIFY gains nothing: the refresh timer runs.
	default:
		s.first = i
		if wait := notifiedPause - s.a.home.Now().Sub(s.attempt); s.attempts > 0 && wait > 0 {
			s.arm(wait)
			return
		}
		s.begin()
	}
}

// arm has the primaries asked after d.
func (s *secondary) arm(d time.Duration) {
	s.timer.Stop()
	if !s.stopped {
		s.timer = s.a.home.CallLater(d, s.begin)
	}
}

// begin asks the primaries, unless that is under way: there is one transfer of a
// zone at a time.
func (s *secondary) begin() {
	if s.stopped || s.refresh != nil {
		return
	}
	s.timer.Stop()
	s.again = false
	s.attempts++
	s.attempt = s.a.home.Now()
	end := s.a.begin()
	d := deferred.Inline(s.a.home, func(co *deferred.Co) (struct{}, error) { return struct{}{}, s.ask(co) })
	s.refresh = d
	d.Done(func(_ struct{}, err error) {
		s.refresh = nil
		s.settle(err)
		end()
	})
}

// settle sets the timers after a refresh.
func (s *secondary) settle(err error) {
	if s.stopped {
		return
	}
	s.err = err
	if err == nil {
		s.failures = 0
		s.refreshed = s.a.home.Now()
		if s.zone != nil {
			s.keeper.note(s.refreshed, min(noteAtMost, s.lifetime()/10))
		}
	} else {
		s.failures++
	}
	s.watch()
	switch {
	case s.again:
		s.arm(notifiedPause)
	case s.zone == nil:
		s.arm(min(s.o.MinRetry<<min(s.failures-1, 10), maxFirstRetry))
	case err != nil:
		s.arm(s.spread(bounded(s.zone.SOA().Retry, s.o.MinRetry, s.o.MaxRetry)))
	default:
		s.arm(s.spread(bounded(s.zone.SOA().Refresh, s.o.MinRefresh, s.o.MaxRefresh)))
	}
}

// spread is d, or up to a tenth less, so that many zones do not ask at once.
func (s *secondary) spread(d time.Duration) time.Duration {
	var b [1]byte
	if _, err := s.a.home.Rand().Read(b[:]); err != nil {
		return d
	}
	return d - d/10*time.Duration(b[0])/256
}

// watch has the zone end when it expires.
//
// See https://www.rfc-editor.org/rfc/rfc1035#section-3.3.13.
func (s *secondary) watch() {
	s.expiry.Stop()
	if s.zone == nil {
		return
	}
	left := s.refreshed.Add(s.lifetime()).Sub(s.a.home.Now())
	if left <= 0 {
		s.expire()
		return
	}
	if s.expired {
		s.expired = false
		s.publish()
	}
	s.expiry = s.a.home.CallLater(left, s.expire)
}

// lifetime is how long the zone is good without a primary.
func (s *secondary) lifetime() time.Duration {
	return bounded(s.zone.SOA().Expire, s.o.MinExpire, s.o.MaxExpire)
}

// expire has queries told SERVFAIL: what we know is too old.
func (s *secondary) expire() {
	if s.expired {
		return
	}
	s.expired = true
	s.a.home.Log().Error("zone expired", "zone", s.origin.String(), "refreshed", s.refreshed, "err", s.err)
	s.now = s.next(nil)
	s.a.publish(s.origin, s.now)
}

// publish has the zone served, and others told.
func (s *secondary) publish() {
	s.now = s.next(s.zone)
	s.a.publish(s.origin, s.now)
	s.a.outbound.tell(s.origin, s.zone.SOA(), s.o.Notify)
}

// stop implements member.
func (s *secondary) stop() {
	s.stopped = true
	s.timer.Stop()
	s.expiry.Stop()
	s.refresh.Cancel()
}

// bounded is a number of seconds within bounds.
func bounded(seconds uint32, low, high time.Duration) time.Duration {
	return min(max(time.Duration(seconds)*time.Second, low), high)
}
