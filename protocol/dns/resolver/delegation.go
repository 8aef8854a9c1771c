package resolver

import (
	"net/netip"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A delegation is a zone, and who serves it.
type delegation struct {
	name    dns.Name
	ns      []nameServer
	ttl     uint32
	expires time.Time
	dead    time.Time // until then none of them is asked: none was of use
	lame    []lameness
}

// A nameServer is one of them. Its glue, the addresses that came with the
// referral, is for asking about this zone, and for nothing else.
type nameServer struct {
	name dns.Name
	glue []netip.Addr
}

// A lameness is a server that does not serve the zone.
type lameness struct {
	addr  netip.Addr
	until time.Time
}

// lameTime is how long a server is not asked for a zone that it does not know.
const lameTime = 2 * time.Minute

// newDelegation makes one of a set of NS records, and of addresses that came
// from servers of zone: those of names outside it are not theirs to tell.
func newDelegation(s rrset, zone dns.Name, extra []record) *delegation {
	d := &delegation{name: s.name, ttl: 86_400}
	for _, rr := range s.rrs {
		ns, ok := rr.(*dns.NS)
		if !ok || len(d.ns) == maxServers {
			continue
		}
		n, err := dns.ParseName(ns.Ns)
		if err != nil {
			continue
		}
		d.ttl = min(d.ttl, ns.Hdr.Ttl)
		server := nameServer{name: n}
		if n.In(zone) {
			server.glue = addresses(n, extra)
		}
		d.ns = append(d.ns, server)
	}
	return d
}

// addresses are those of name, of both families, a few.
func addresses(name dns.Name, rs []record) (out []netip.Addr) {
	for _, t := range []dns.Type{dns.TypeA, dns.TypeAAAA} {
		s, _ := collect(rs, name, t)
		for _, rr := range s.rrs[:min(len(s.rrs), maxAddresses)] {
			if a, ok := address(rr); ok {
				out = append(out, a)
			}
		}
	}
	return out
}

// maxAddresses is how many of one family a server has.
const maxAddresses = 4

// address is the one in an A or AAAA record.
func address(rr dns.RR) (a netip.Addr, ok bool) {
	switch rr := rr.(type) {
	case *dns.A:
		a, ok = netip.AddrFromSlice(rr.A)
	case *dns.AAAA:
		a, ok = netip.AddrFromSlice(rr.AAAA)
	}
	return a.Unmap(), ok
}

// isLame reports whether the server at a is known not to serve the zone.
func (d *delegation) isLame(a netip.Addr, now time.Time) bool {
	for _, l := range d.lame {
		if l.addr == a && now.Before(l.until) {
			return true
		}
	}
	return false
}

// setLame notes that it does not.
func (d *delegation) setLame(a netip.Addr, now time.Time) {
	for i := range d.lame {
		if d.lame[i].addr == a {
			d.lame[i].until = now.Add(lameTime)
			return
		}
	}
	if len(d.lame) < maxServers*2*maxAddresses {
		d.lame = append(d.lame, lameness{a, now.Add(lameTime)})
	}
}

// remember keeps a delegation, for as long as the zone above says.
func (r *Recursive) remember(d *delegation) *delegation {
	key := string(d.name)
	now := r.Loop.Now()
	if old, ok := r.zones.get(key); ok && now.Before(old.expires) {
		return old // its TTL goes on counting: nobody can refresh it for ever
	}
	ttl := max(d.ttl, 1)
	if ttl >= longTTL {
		ttl = 1
	}
	d.expires = now.Add(min(time.Duration(ttl)*time.Second, DefaultMaxTTL))
	r.zones.put(key, d)
	return d
}

// closest is the zone known to us that is name, or closest above it.
func (f *finder) closest(name dns.Name) (*delegation, error) {
	now := f.Loop.Now()
	for n := name; ; n = n.Parent() {
		if d, ok := f.zones.get(string(n)); ok {
			if now.Before(d.expires) {
				return d, nil
			}
			f.zones.remove(string(n))
		}
		if n.IsRoot() {
			return f.prime()
		}
	}
}
