package resolver

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// What a Cache does when its fields are zero, and what nobody changes.
const (
	DefaultCacheBytes = 64 << 20
	DefaultMaxTTL     = 24 * time.Hour
	DefaultMaxStale   = 24 * time.Hour
	DefaultMaxPending = 10_000

	// maxNegativeTTL: "values of one to three hours have been found to work
	// well" (https://www.rfc-editor.org/rfc/rfc2308#section-5).
	maxNegativeTTL = time.Hour
	// staleTTL, staleAfter and staleRetry are the timers of
	// https://www.rfc-editor.org/rfc/rfc8767#section-5.
	staleTTL   = 30
	staleAfter = 1800 * time.Millisecond
	staleRetry = 30 * time.Second
	// failureTTL is how long a first failure is remembered, and maxFailureTTL one
	// that comes again and again (https://www.rfc-editor.org/rfc/rfc9520#section-3.2).
	failureTTL    = 5 * time.Second
	maxFailureTTL = 5 * time.Minute
	// prefetchTTL is how long an answer must have lived to be asked for anew
	// before it expires: in the last tenth of that.
	prefetchTTL = 10 * time.Second
)

// ErrBusy: a Cache waits for as many answers as it may.
var ErrBusy = errors.New("resolver: too many questions at once")

// A Cache keeps the answers of another Resolver. It is a dns.Resolver, and a
// dns.Handler that answers from what it holds without allocating. Set the
// fields before first use. Loop-only.
type Cache struct {
	Loop     twistor.Loop
	Resolver dns.Resolver // who is asked for what is not here
	// CacheBytes is how much memory answers may take, about. 0: 64 MiB.
	CacheBytes int
	// MaxTTL is how long an answer is kept, whatever it says. 0: 24 h. Negative
	// ones are kept for 1 h at most.
	MaxTTL time.Duration
	// MaxStale is for how long an answer that has expired is still given, with
	// a TTL of 30 s, when there is no better one: because asking fails, or takes
	// over 1.8 s (RFC 8767). 0: 24 h; negative: not at all.
	MaxStale time.Duration
	// MaxPending is how many answers may be waited for at once; beyond that a
	// question fails with ErrBusy. 0: 10,000.
	MaxPending int
	// CutUnsigned has NXDOMAIN mean that there is nothing below the name either
	// (RFC 8020), also when nobody validated it. False: only if it was validated.
	CutUnsigned bool

	// Stats counts what happened so far.
	Stats Stats

	store   store
	flights map[string]*flight
	key     [3 + dns.MaxNameBytes]byte
}

// Stats says what a Cache did: to how many questions it had the answer, had
// none, and had an old one; how many it asked for anew before they expired; and
// what it holds.
type Stats struct {
	Hits, Misses, Stale, Prefetched, Failed uint64
	Answers, Bytes                          int
}

// A flight is a question that is under way.
type flight struct {
	answer *deferred.Deferred[*answer]
}

// keyOf makes the key of a question: whether nothing is to be checked, the type,
// the name. It is valid until the next call.
func (c *Cache) keyOf(name dns.Name, t dns.Type, unchecked bool) []byte {
	k := c.key[:3+copy(c.key[3:], name)]
	k[0] = 0
	if unchecked {
		k[0] = 1
	}
	binary.BigEndian.PutUint16(k[1:], uint16(t))
	return k
}

// find is what is known, stale or not: the answer itself, or that the name is
// not there whatever the type.
func (c *Cache) find(name dns.Name, t dns.Type, unchecked bool, now time.Time) *answer {
	a := c.store.find(c.keyOf(name, t, false))
	if a == nil || !now.Before(a.expires) {
		if no := c.missing(name, now); no != nil {
			return no
		}
	}
	if unchecked && (a == nil || a.err != nil || !now.Before(a.expires)) {
		if b := c.store.find(c.keyOf(name, t, true)); b != nil {
			return b
		}
		if a != nil && a.err != nil { // it may be that only the check failed
			return nil
		}
	}
	return a
}

// missing is the fresh answer that name is not there, or one above it.
//
// See https://www.rfc-editor.org/rfc/rfc8020#section-2.
func (c *Cache) missing(name dns.Name, now time.Time) *answer {
	a := c.store.find(c.keyOf(name, 0, false))
	if a != nil && now.Before(a.expires) {
		return a
	}
	for n := name; !n.IsRoot(); {
		n = n.Parent()
		a := c.store.find(c.keyOf(n, 0, false))
		if a != nil && now.Before(a.expires) && (a.authenticated || c.CutUnsigned) {
			return a
		}
	}
	return nil
}

// Resolve implements dns.Resolver.
func (c *Cache) Resolve(q dns.Question, o dns.Options) *deferred.Deferred[*dns.Message] {
	name, err := dns.ParseName(q.Name)
	t := dns.Type(q.Qtype)
	if err != nil || q.Qclass != dns.ClassIN || meta(t) {
		return deferred.Failed[*dns.Message](c.Loop,
			&dns.ResponseError{Question: q, Rcode: dns.RcodeRefused, Reason: "want a name, class IN and a type of records"})
	}
	now := c.Loop.Now()
	old, fresh := c.look(name, t, o.CheckingDisabled, now)
	if fresh {
		if old.err != nil {
			return deferred.Failed[*dns.Message](c.Loop, old.err)
		}
		m, err := old.message(q, now, o.DNSSECOK)
		if err != nil {
			return deferred.Failed[*dns.Message](c.Loop, err)
		}
		return deferred.Succeeded(m)
	}
	return deferred.Then(c.ask(q, name, t, o.CheckingDisabled, old), func(a *answer) (*dns.Message, error) {
		return a.message(q, c.Loop.Now(), o.DNSSECOK)
	})
}

// Serve implements dns.Handler.
func (c *Cache) Serve(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
	w.SetRecursionAvailable(true)
	switch {
	case q.Opcode != dns.OpcodeQuery:
		w.SetRcode(dns.RcodeNotImplemented)
		return nil
	case !q.RecursionDesired, q.Class != dns.ClassIN, meta(q.Type):
		// Without RD, what we hold would tell who asked for what before.
		w.SetRcode(dns.RcodeRefused)
		return nil
	}
	now := c.Loop.Now()
	old, fresh := c.look(q.Name, q.Type, q.CheckingDisabled, now)
	if fresh {
		if old.err != nil {
			refuse(w, old.err)
			return nil
		}
		old.write(w, now, q.DNSSECOK)
		if old.stale(now) {
			w.Explain(uint16(CodeStaleAnswer), "")
		}
		return nil
	}
	d := deferred.New[struct{}](c.Loop)
	asked := c.ask(q.Question(), q.Name.Clone(), q.Type, q.CheckingDisabled, old)
	d.OnCancel(asked.Cancel)
	asked.Done(func(a *answer, err error) {
		switch {
		case errors.Is(err, deferred.ErrCanceled):
			d.Fail(err)
			return
		case err != nil:
			refuse(w, err)
		default:
			now := c.Loop.Now()
			a.write(w, now, q.DNSSECOK)
			if a.stale(now) {
				w.Explain(uint16(CodeStaleAnswer), "")
			}
		}
		d.Succeed(struct{}{})
	})
	return d
}

// look finds an answer, and says whether it is to be given at once. It has one
// asked for anew that is about to expire.
func (c *Cache) look(name dns.Name, t dns.Type, unchecked bool, now time.Time) (a *answer, fresh bool) {
	a = c.find(name, t, unchecked, now)
	if a == nil {
		c.Stats.Misses++
		return nil, false
	}
	c.store.use(a)
	left := a.expires.Sub(now)
	switch {
	case left > 0:
		c.Stats.Hits++
		if life := a.expires.Sub(a.since); left < life/10 && life >= prefetchTTL && a.err == nil {
			c.prefetch(name, t, unchecked)
		}
		return a, true
	case c.usable(a, now) && now.Before(a.retry):
		c.Stats.Stale++
		return a, true
	}
	c.Stats.Misses++
	return a, false
}

// usable reports whether a may be given though it is stale.
func (c *Cache) usable(a *answer, now time.Time) bool {
	return a != nil && a.err == nil && now.Sub(a.expires) <= c.maxStale()
}

func (c *Cache) maxStale() time.Duration {
	if c.MaxStale == 0 {
		return DefaultMaxStale
	}
	return c.MaxStale
}
