package authority

import (
	"fmt"
	"slices"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// A gathering collects from a Source what one answer needs, as a zone.
type gathering struct {
	v       *version
	asked   map[string]bool // names; true: they exist
	records []dns.RR
	empty   []dns.Name // names that exist without records
	wanted  []dns.Name // names that aliases lead to
	extra   []dns.Name // names whose addresses are good to have
}

// zone is a zone of all that matters for a question: the name and those above
// it, where a delegation, a DNAME or a wildcard may be, what aliases lead to, and
// addresses of what is answered.
func (g *gathering) zone(co *deferred.Co, name dns.Name, t dns.Type) (*zone.Zone, error) {
	for g.wanted = []dns.Name{name}; len(g.wanted) > 0; {
		next := g.wanted[0]
		g.wanted = g.wanted[1:]
		if err := g.path(co, next, t); err != nil {
			return nil, err
		}
	}
	for _, name := range g.extra {
		if len(g.asked) < maxSourceNames {
			if _, err := g.lookup(co, name); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range g.empty {
		rr, err := g.placeholder(name)
		if err != nil {
			return nil, err
		}
		g.records = append(g.records, rr)
	}
	return zone.New(g.v.origin, slices.Values(g.records))
}

// path looks up what is on the way down from the zone's own name to name, until
// there is nothing: then a wildcard may stand for it.
func (g *gathering) path(co *deferred.Co, name dns.Name, t dns.Type) error {
	above := []dns.Name{name}
	for n := name; len(n) > len(g.v.origin); {
		n = n.Parent()
		above = append(above, n)
	}
	for i := len(above) - 1; i >= 0; i-- {
		rrs, err := g.lookup(co, above[i])
		if err != nil {
			return err
		}
		if !g.asked[string(above[i])] {
			wildcard, err := above[i+1].Prefix("*")
			if err != nil {
				return nil // too long to exist
			}
			if rrs, err = g.lookup(co, wildcard); err != nil {
				return err
			}
			g.follow(rrs, t)
			return nil
		}
		if len(above[i]) > len(g.v.origin) && g.cut(rrs) {
			return nil
		}
		if g.moved(name, above[i], rrs) {
			return nil
		}
		if i == 0 {
			g.follow(rrs, t)
		}
	}
	return nil
}

// lookup asks the Source, once for each name.
func (g *gathering) lookup(co *deferred.Co, name dns.Name) ([]dns.RR, error) {
	if _, ok := g.asked[string(name)]; ok {
		return slices.DeleteFunc(slices.Clone(g.records), func(rr dns.RR) bool {
			owner, err := dns.ParseName(rr.Header().Name)
			return err != nil || string(owner) != string(name)
		}), nil
	}
	if len(g.asked) == maxSourceNames {
		return nil, fmt.Errorf("an answer needs over %d names", maxSourceNames)
	}
	n, err := g.v.source.Lookup(name).Await(co)
	if err != nil {
		return nil, err
	}
	for _, rr := range n.Records {
		if owner, err := dns.ParseName(rr.Header().Name); err != nil || string(owner) != string(name) {
			return nil, fmt.Errorf("the source was asked for %s, and answered with %s", name, rr)
		}
	}
	g.asked[string(name)] = n.Exists || len(n.Records) > 0
	if n.Exists && len(n.Records) == 0 {
		g.empty = append(g.empty, name)
	}
	g.records = append(g.records, n.Records...)
	return n.Records, nil
}

// cut reports whether there is a delegation, and wants its servers' addresses.
func (g *gathering) cut(rrs []dns.RR) (found bool) {
	for _, rr := range rrs {
		if ns, ok := rr.(*dns.NS); ok {
			found = true
			g.want(&g.extra, ns.Ns)
		}
	}
	return found
}

// moved reports whether name is renamed by a DNAME record of above, and wants
// the name that it gets.
func (g *gathering) moved(name, above dns.Name, rrs []dns.RR) bool {
	for _, rr := range rrs {
		d, ok := rr.(*dns.DNAME)
		if !ok || len(name) == len(above) {
			continue
		}
		if target, err := dns.ParseName(d.Target); err == nil && len(name)-len(above)+len(target) <= dns.MaxNameBytes {
			g.wanted = append(g.wanted, slices.Concat(name[:len(name)-len(above)], target))
			g.inZone()
		}
		return true
	}
	return false
}

// follow wants what the records at the end of a path lead to.
func (g *gathering) follow(rrs []dns.RR, t dns.Type) {
	for _, rr := range rrs {
		switch rr := rr.(type) {
		case *dns.CNAME:
			if t != dns.TypeCNAME {
				g.want(&g.wanted, rr.Target)
			}
		case *dns.MX:
			g.want(&g.extra, rr.Mx)
		case *dns.NS:
			g.want(&g.extra, rr.Ns)
		case *dns.SRV:
			g.want(&g.extra, rr.Target)
		case *dns.SVCB:
			g.want(&g.extra, rr.Target)
		case *dns.HTTPS:
			g.want(&g.extra, rr.Target)
		}
	}
}

// want adds a name of the zone to names.
func (g *gathering) want(names *[]dns.Name, text string) {
	name, err := dns.ParseName(text)
	if err == nil && name.In(g.v.origin) {
		if _, ok := g.asked[string(name)]; !ok {
			*names = append(*names, name)
		}
	}
}

// inZone leaves of the wanted names those of the zone that were not asked for.
func (g *gathering) inZone() {
	g.wanted = slices.DeleteFunc(g.wanted, func(n dns.Name) bool {
		_, ok := g.asked[string(n)]
		return ok || !n.In(g.v.origin)
	})
}

// placeholder is a record below a name that has none, so that the name exists in
// the little zone: at a name that no question is about.
func (g *gathering) placeholder(above dns.Name) (dns.RR, error) {
	for _, label := range []string{"\x00", "\x01"} {
		name, err := above.Prefix(label)
		if err != nil {
			return nil, err
		}
		if _, ok := g.asked[string(name)]; !ok {
			return &dns.TXT{Hdr: dns.RecordHeader{Name: name.String(), Rrtype: dns.TypeTXT, Class: dns.ClassIN}, Txt: []string{""}}, nil
		}
	}
	return nil, fmt.Errorf("%s: no room for a placeholder", above)
}
