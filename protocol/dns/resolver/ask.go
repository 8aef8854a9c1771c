package resolver

import (
	"errors"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// ask has a question answered by the Resolver, once for all who ask it. If old
// may be given though it is stale, that comes instead of a failure, or when the
// Resolver takes too long; it goes on then, for who asks next.
func (c *Cache) ask(q dns.Question, name dns.Name, t dns.Type, unchecked bool, old *answer) *deferred.Deferred[*answer] {
	f, err := c.fly(q, name, t, unchecked)
	if err != nil {
		return deferred.Failed[*answer](c.Loop, err)
	}
	asked := f.answer.Shield()
	if !c.usable(old, c.Loop.Now()) {
		return asked
	}
	d := deferred.New[*answer](c.Loop).OnCancel(asked.Cancel)
	late := c.Loop.CallLater(staleAfter, func() {
		if d.Succeed(old) {
			c.Stats.Stale++
		}
	})
	asked.Done(func(a *answer, err error) {
		late.Stop()
		switch {
		case err == nil:
			d.Succeed(a)
		case errors.Is(err, deferred.ErrCanceled):
			d.Fail(err)
		default:
			old.retry = c.Loop.Now().Add(staleRetry)
			if d.Succeed(old) {
				c.Stats.Stale++
			}
		}
	})
	return d
}

// fly begins to ask, or joins who does.
func (c *Cache) fly(q dns.Question, name dns.Name, t dns.Type, unchecked bool) (*flight, error) {
	key := c.keyOf(name, t, unchecked)
	if f := c.flights[string(key)]; f != nil {
		return f, nil
	}
	most := c.MaxPending
	if most == 0 {
		most = DefaultMaxPending
	}
	if len(c.flights) >= most {
		return nil, ErrBusy
	}
	if c.flights == nil {
		c.flights = map[string]*flight{}
	}
	k := string(key)
	f := &flight{answer: deferred.New[*answer](c.Loop)}
	c.flights[k] = f
	o := dns.Options{DNSSECOK: true, CheckingDisabled: unchecked}
	c.Resolver.Resolve(q, o).Done(func(m *dns.Message, err error) {
		delete(c.flights, k)
		var a *answer
		if err == nil {
			a, err = sift(name, t, m)
		}
		if err != nil {
			if !errors.Is(err, deferred.ErrStopped) {
				c.keepFailure(name, t, unchecked, err)
			}
			f.answer.Fail(err)
			return
		}
		c.keep(a, name, t, unchecked)
		f.answer.Succeed(a)
	})
	f.answer.Done(nil) // also if nobody waits any more
	return f, nil
}

// keep stores a, for as long as it may be.
func (c *Cache) keep(a *answer, name dns.Name, t dns.Type, unchecked bool) {
	now := c.Loop.Now()
	most := c.MaxTTL
	if most == 0 {
		most = DefaultMaxTTL
	}
	a.since = now
	a.expires = now.Add(a.lifetime(t, most, maxNegativeTTL))
	c.prepare()
	// What the name has none of is not there for any type; behind an alias, and
	// unchecked, it is the answer to this question only.
	whole := a.rcode == dns.RcodeNameError && !unchecked && !a.aliased()
	if whole {
		t = 0
	}
	a.key = string(c.keyOf(name, t, unchecked))
	if !a.expires.After(now) {
		if old := c.store.find([]byte(a.key)); old != nil {
			c.store.drop(old) // nothing is true for longer than it says
		}
		return
	}
	a.measure()
	c.store.put(a)
	if !whole && !unchecked {
		if no := c.store.find(c.keyOf(name, 0, false)); no != nil {
			c.store.drop(no)
		}
	}
	c.Stats.Answers, c.Stats.Bytes = len(c.store.byKey), c.store.bytes
}

// aliased reports whether a is about another name than was asked for.
func (a *answer) aliased() bool {
	for i := range a.parts {
		if a.parts[i].section == dns.Answer {
			return true
		}
	}
	return false
}

// prepare gives the store its bound.
func (c *Cache) prepare() {
	if c.store.maxBytes = c.CacheBytes; c.CacheBytes == 0 {
		c.store.maxBytes = DefaultCacheBytes
	}
}

// keepFailure remembers that asking failed, so that who asks at once again does
// not have it done again; the longer, the more often it did. What can still be given stays.
//
// See https://www.rfc-editor.org/rfc/rfc9520#section-3.
func (c *Cache) keepFailure(name dns.Name, t dns.Type, unchecked bool, err error) {
	c.Stats.Failed++
	now := c.Loop.Now()
	c.prepare()
	old := c.store.find(c.keyOf(name, t, unchecked))
	if c.usable(old, now) {
		return
	}
	a := &answer{key: string(c.keyOf(name, t, unchecked)), err: err, since: now, failures: 1}
	if old != nil && old.err != nil && now.Sub(old.expires) < maxFailureTTL {
		a.failures = old.failures + 1
	}
	life := failureTTL
	for i := 1; i < a.failures && life < maxFailureTTL; i++ {
		life *= 2
	}
	a.expires = now.Add(min(life, maxFailureTTL))
	a.measure()
	c.store.put(a)
}

// prefetch asks anew for what is about to expire, unless there is much else to
// do; what it holds is given meanwhile.
func (c *Cache) prefetch(name dns.Name, t dns.Type, unchecked bool) {
	if len(c.flights) >= DefaultMaxPending/10 || c.flights[string(c.keyOf(name, t, unchecked))] != nil {
		return
	}
	c.Stats.Prefetched++
	name = name.Clone()
	q := dns.Question{Name: name.String(), Qtype: uint16(t), Qclass: dns.ClassIN}
	c.Loop.CallLater(0, func() {
		f, err := c.fly(q, name, t, unchecked)
		if err == nil {
			f.answer.Shield().Done(nil)
		}
	})
}

// Flush forgets what is known of name, and of all below it if tree says so:
// "." and that is everything.
func (c *Cache) Flush(name dns.Name, below Below) {
	for _, l := range []*list{&c.store.once, &c.store.often} {
		for a := l.first; a != nil; {
			next := a.next
			if n := dns.Name(a.key[3:]); n.In(name) && (bool(below) || len(n) == len(name)) {
				c.store.drop(a)
			}
			a = next
		}
	}
	c.Stats.Answers, c.Stats.Bytes = len(c.store.byKey), c.store.bytes
}

// Below says whether names below one are meant, too.
type Below bool

// AndBelow has Flush forget a whole tree.
const AndBelow Below = true
