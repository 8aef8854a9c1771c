package authority

import (
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// A draft is a zone that is being changed: the sets of records that were looked
// at, as they have become. The zone itself stays as it is.
type draft struct {
	z    *zone.Zone
	sets []*draftSet // in the order of their first use: what comes of it replays
	at   map[string]*draftSet
}

type draftSet struct {
	name      dns.Name
	t         dns.Type
	was, rrs  []dns.RR
	rewritten bool // rrs is no longer was
}

// read is whose set rr is of; an error says that it is none of the zone's.
func (d *draft) read(rr dns.RR) (dns.Name, dns.Type, error) {
	h := rr.Header()
	name, err := dns.ParseName(h.Name)
	if err != nil {
		return nil, 0, refused(dns.RcodeFormatError, "%v", err)
	}
	if !name.In(d.z.Origin()) {
		return nil, 0, refused(dns.RcodeNotZone, "%s is not in %s", name, d.z.Origin())
	}
	return name, dns.Type(h.Rrtype), nil
}

// open is the set of that name and type.
func (d *draft) open(name dns.Name, t dns.Type) *draftSet {
	key := string(name) + string([]byte{byte(t >> 8), byte(t)})
	if s := d.at[key]; s != nil {
		return s
	}
	s := &draftSet{name: name, t: t, was: d.z.RRs(name, t)}
	s.rrs = s.was
	if d.at == nil {
		d.at = map[string]*draftSet{}
	}
	d.at[key] = s
	d.sets = append(d.sets, s)
	return s
}

// set is the records of that name and type, as they have become.
func (d *draft) set(name dns.Name, t dns.Type) []dns.RR { return d.open(name, t).rrs }

// types are those of the sets at a name, as they have become, but for those that
// only prove the others.
func (d *draft) types(name dns.Name) (types []dns.Type) {
	for _, t := range d.z.Types(name) {
		if !isSignature(t) && len(d.set(name, t)) > 0 {
			types = append(types, t)
		}
	}
	for _, s := range d.sets {
		if string(s.name) == string(name) && len(s.rrs) > 0 && !isSignature(s.t) && !slices.Contains(types, s.t) {
			types = append(types, s.t)
		}
	}
	return types
}

// used reports whether there is a record at the name.
func (d *draft) used(name dns.Name) bool { return len(d.types(name)) > 0 }

// rewrite gives the set other records.
func (s *draftSet) rewrite(rrs []dns.RR) { s.rrs, s.rewritten = rrs, true }

// apply makes one change; one that RFC 2136 has ignored is.
//
// See https://www.rfc-editor.org/rfc/rfc2136#section-3.4.2.
func (d *draft) apply(rr dns.RR) {
	name, t, err := d.read(rr)
	if err != nil {
		return // permission has seen it
	}
	apex := len(name) == len(d.z.Origin())
	switch rr.Header().Class {
	case dns.ClassIN:
		d.add(name, t, rr)
	case dns.ClassANY:
		types := []dns.Type{t}
		if t == dns.TypeANY {
			types = d.types(name)
		}
		for _, t := range types {
			if !apex || t != dns.TypeSOA && t != dns.TypeNS {
				d.open(name, t).rewrite(nil)
			}
		}
	case dns.ClassNONE:
		s := d.open(name, t)
		if t == dns.TypeSOA || apex && t == dns.TypeNS && len(s.rrs) == 1 {
			return
		}
		in := ofClassIN(rr)
		s.rewrite(slices.DeleteFunc(slices.Clone(s.rrs), func(o dns.RR) bool { return dns.Same(o, in) }))
	}
}

// add adds a record, or puts it in the place of the same one, of an older SOA,
// or of the one that there can be.
//
// See https://www.rfc-editor.org/rfc/rfc2136#section-3.4.2.2.
func (d *draft) add(name dns.Name, t dns.Type, rr dns.RR) {
	others := slices.DeleteFunc(d.types(name), func(o dns.Type) bool { return o == t })
	s := d.open(name, t)
	switch {
	case t == dns.TypeCNAME && len(others) > 0, t != dns.TypeCNAME && slices.Contains(others, dns.TypeCNAME):
		return
	case t == dns.TypeSOA:
		if len(s.rrs) == 0 || !newer(rr.(*dns.SOA).Serial, s.rrs[0].(*dns.SOA).Serial) {
			return
		}
		s.rewrite([]dns.RR{rr})
		return
	case t == dns.TypeCNAME, t == dns.TypeDNAME:
		s.rewrite([]dns.RR{rr})
		return
	}
	// "the TTLs of all RRs in an RRSet must be the same": the new one is meant.
	// https://www.rfc-editor.org/rfc/rfc2181#section-5.2
	rrs := make([]dns.RR, 0, len(s.rrs)+1)
	for _, o := range s.rrs {
		if !dns.Same(o, rr) {
			rrs = append(rrs, ofTTL(o, rr.Header().Ttl))
		}
	}
	s.rewrite(append(rrs, rr))
}

// change is what there is to do to the zone. It has a new SOA only if the
// client sent one.
func (d *draft) change() (c zone.Change) {
	for _, s := range d.sets {
		if !s.rewritten {
			continue
		}
		c.Removed = append(c.Removed, without(s.was, s.rrs)...)
		c.Added = append(c.Added, without(s.rrs, s.was)...)
	}
	return c
}

// without is the records of a that are not, with the same TTL, in b.
func without(a, b []dns.RR) (left []dns.RR) {
	for _, rr := range a {
		if !slices.ContainsFunc(b, func(o dns.RR) bool {
			return o.Header().Ttl == rr.Header().Ttl && dns.Same(o, rr)
		}) {
			left = append(left, rr)
		}
	}
	return left
}

// ofClassIN is rr as the zone would have it; ofTTL is rr with another TTL.
func ofClassIN(rr dns.RR) dns.RR {
	in := dns.Copy(rr)
	in.Header().Class = dns.ClassIN
	return in
}

func ofTTL(rr dns.RR, ttl uint32) dns.RR {
	if rr.Header().Ttl == ttl {
		return rr
	}
	other := dns.Copy(rr)
	other.Header().Ttl = ttl
	return other
}
