package resolver

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

const (
	// unknownRTT is what a server is taken for that was not asked yet: soon.
	unknownRTT = 80 * time.Millisecond
	// band is by how much slower than the best a server may be to be as good:
	// load is spread, and what is spread is harder to guess.
	band = 100 * time.Millisecond
	// minWait and maxWait bound how long a server may take.
	minWait, maxWait = 500 * time.Millisecond, 3 * time.Second
	// maxRounds is how often the servers of a zone are asked for one name, all in
	// turn, while they are silent.
	maxRounds = 3
	// maxPenalty bounds for how long a silent server is the last to be asked.
	maxPenalty = 5 * time.Minute
	// deadTime is how long a zone's servers are left alone when none was of use.
	deadTime = 5 * time.Second
	// hostTime is for how long the addresses of a server are known at least, and
	// for how long it is known that they cannot be found.
	hostTime = 30 * time.Second
)

// A server is what we know about an address.
type server struct {
	rtt      time.Duration // smoothed; 0: unknown
	silent   int           // times in a row
	until    time.Time     // last choice until then
	inFlight int
	slots    deferred.Semaphore // of queries to it
}

// A host is a server's name, and its addresses.
type host struct {
	addrs   []netip.Addr
	expires time.Time
}

// errOver says that a question has cost all it may.
var errOver = errors.New("resolver: a question cost too much")

// ask has one of z's servers answer a question, the best first. whole says that
// it is what we want to know, and not about a name in between.
func (f *finder) ask(z *delegation, name dns.Name, t dns.Type, whole bool, depth int) (found, error) {
	if f.Loop.Now().Before(z.dead) {
		return found{}, fail(f.q, CodeNoReachableAuthority, "no server of "+z.name.String()+" answers", nil)
	}
	tried := map[netip.Addr]bool{}
	var silent []netip.Addr
	fetched, answers, rounds := 0, 0, 1
	next := 0 // the next name of a server to be looked up
	for {
		addr, ok := f.choose(z, tried)
		if !ok {
			if next, ok = f.fetch(z, next, &fetched, depth); ok {
				continue
			}
			if len(silent) == 0 || rounds == maxRounds {
				break
			}
			rounds++ // a datagram may have been lost
			for _, a := range silent {
				delete(tried, a)
			}
			silent = silent[:0]
			continue
		}
		tried[addr] = true
		if f.b.queries <= 0 || !f.Loop.Now().Before(f.b.until) {
			return found{}, f.over()
		}
		f.b.queries--
		m, err := f.query(addr, name, t)
		if err != nil {
			if errors.Is(err, deferred.ErrCanceled) || errors.Is(err, deferred.ErrStopped) {
				return found{}, err
			}
			silent = append(silent, addr)
			continue
		}
		answers++
		a, ok := judge(z.name, name, t, m)
		if !ok {
			f.Stats.Lame++
			// What fails may be this name only, and names in between are strange
			// to some servers.
			if whole && m.Rcode != dns.RcodeServerFailure && m.Rcode != dns.RcodeFormatError {
				z.setLame(addr, f.Loop.Now())
			}
			continue
		}
		if a.referral != nil {
			a.referral = f.remember(a.referral)
		}
		return a, nil
	}
	if f.b.queries <= 0 || !f.Loop.Now().Before(f.b.until) {
		return found{}, f.over()
	}
	if answers == 0 && whole && f.allSilent(tried) {
		z.dead = f.Loop.Now().Add(deadTime)
	}
	return found{}, fail(f.q, CodeNoReachableAuthority, "no server of "+z.name.String()+" answers", nil)
}

// allSilent reports whether none of addrs has answered anybody lately.
func (f *finder) allSilent(addrs map[netip.Addr]bool) bool {
	silent := true
	//sim:unordered all of them are asked the same
	for a := range addrs {
		silent = silent && f.at(a).silent >= maxRounds
	}
	return silent
}

func (f *finder) over() error {
	if f.b.queries <= 0 {
		return fail(f.q, CodeOther, "too many queries for one question", errOver)
	}
	return fail(f.q, CodeNoReachableAuthority, "no answer in time", errOver)
}

// choose picks, of the addresses that are known and were not tried, one of the
// fastest.
func (f *finder) choose(z *delegation, tried map[netip.Addr]bool) (netip.Addr, bool) {
	now := f.Loop.Now()
	type candidate struct {
		addr netip.Addr
		rtt  time.Duration
	}
	var all []candidate
	add := func(a netip.Addr) {
		if tried[a] || !f.Allow(a) || z.isLame(a, now) || a.Is6() && now.Before(f.noIPv6) {
			return
		}
		c := candidate{a, unknownRTT}
		if s, ok := f.servers.get(a.String()); ok {
			if s.rtt > 0 {
				c.rtt = s.rtt
			}
			if s.inFlight >= s.slots.Max {
				c.rtt += time.Minute // it has enough to do
			}
			if now.Before(s.until) {
				c.rtt += time.Hour + s.until.Sub(now)
			}
		}
		all = append(all, c)
	}
	for _, ns := range z.ns {
		for _, a := range ns.glue {
			add(a)
		}
		if h, ok := f.hosts.get(string(ns.name)); ok && now.Before(h.expires) {
			for _, a := range h.addrs {
				add(a)
			}
		}
	}
	if len(all) == 0 {
		return netip.Addr{}, false
	}
	best := slices.MinFunc(all, func(a, b candidate) int { return int(a.rtt - b.rtt) }).rtt
	all = slices.DeleteFunc(all, func(c candidate) bool { return c.rtt > best+band })
	return all[f.draw(len(all))].addr, true
}

// draw is one of n numbers.
func (r *Recursive) draw(n int) int {
	var p [2]byte
	if _, err := io.ReadFull(r.Loop.Rand(), p[:]); err != nil {
		return 0
	}
	return int(binary.BigEndian.Uint16(p[:])) % n
}

// fetch looks up the addresses of one more of z's servers, and returns which
// is next. It is false when there is none, or there were enough.
func (f *finder) fetch(z *delegation, next int, fetched *int, depth int) (int, bool) {
	for ; next < len(z.ns); next++ {
		ns := z.ns[next]
		now := f.Loop.Now()
		if h, ok := f.hosts.get(string(ns.name)); ok && now.Before(h.expires) {
			continue // known, or known not to be known
		}
		if len(ns.glue) > 0 && ns.name.In(z.name) {
			continue // to look it up we would have to ask the same servers
		}
		if *fetched == maxFetched || depth >= maxDepth || f.b.queries <= 0 || f.isLooking(ns.name) {
			continue
		}
		*fetched++
		f.b.looking = append(f.b.looking, ns.name)
		h := f.resolveHost(ns.name, depth+1)
		f.b.looking = f.b.looking[:len(f.b.looking)-1]
		f.hosts.put(string(ns.name), h)
		if len(h.addrs) > 0 {
			return next + 1, true
		}
	}
	return next, false
}

// isLooking reports whether name is being looked up to find itself: two zones
// whose servers are in each other.
func (f *finder) isLooking(name dns.Name) bool {
	return slices.ContainsFunc(f.b.looking, func(n dns.Name) bool { return string(n) == string(name) })
}

// resolveHost looks up the addresses of a server: IPv6 only where there is
// nothing else.
func (f *finder) resolveHost(name dns.Name, depth int) *host {
	h := &host{}
	life := DefaultMaxTTL
	for _, t := range []dns.Type{dns.TypeA, dns.TypeAAAA} {
		m, err := f.lookup(name, t, depth)
		if err != nil {
			continue
		}
		for _, rr := range m.Answer {
			if a, ok := address(rr); ok && len(h.addrs) < 2*maxAddresses {
				h.addrs = append(h.addrs, a)
				life = min(life, time.Duration(rr.Header().Ttl)*time.Second)
			}
		}
		if len(h.addrs) > 0 {
			break
		}
	}
	if len(h.addrs) == 0 {
		life = hostTime
	}
	h.expires = f.Loop.Now().Add(max(life, hostTime))
	return h
}
