package authority

import (
	"bytes"
	"encoding/binary"
	"iter"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// difference is the change from one zone to another, without the sets of types
// that skip wants left out; nil: none. It costs what both zones do.
func difference(from, to *zone.Zone, skip func(dns.Type) bool) (c zone.Change, err error) {
	nextA, stopA := iter.Pull(namesOf(from))
	defer stopA()
	nextB, stopB := iter.Pull(namesOf(to))
	defer stopB()
	a, okA := nextA()
	b, okB := nextB()
	for okA || okB {
		order := 0
		switch {
		case !okB:
			order = -1
		case !okA:
			order = 1
		default:
			order = dns.Compare(a.name, b.name)
		}
		switch {
		case order < 0:
			err = a.compare(&nameSets{}, &c, skip)
			a, okA = nextA()
		case order > 0:
			err = (&nameSets{name: b.name}).compare(&b, &c, skip)
			b, okB = nextB()
		default:
			err = a.compare(&b, &c, skip)
			a, okA = nextA()
			b, okB = nextB()
		}
		if err != nil {
			return zone.Change{}, err
		}
	}
	return c, nil
}

// A nameSets is all sets of a name.
type nameSets struct {
	name dns.Name
	sets []dns.RRset
}

// namesOf yields the names of a zone with their sets.
func namesOf(z *zone.Zone) iter.Seq[nameSets] {
	return func(yield func(nameSets) bool) {
		var n nameSets
		for name, set := range z.All() {
			if n.sets != nil && !bytes.Equal(name, n.name) {
				if !yield(n) {
					return
				}
				n.sets = nil
			}
			n.name = name
			n.sets = append(n.sets, set)
		}
		if n.sets != nil {
			yield(n)
		}
	}
}

// compare adds to c what makes b of a. Both are of a's name.
func (a *nameSets) compare(b *nameSets, c *zone.Change, skip func(dns.Type) bool) error {
	for _, was := range a.sets {
		is, _ := b.find(was)
		if err := a.compareSets(was, is, c, skip); err != nil {
			return err
		}
	}
	for _, is := range b.sets {
		if _, ok := a.find(is); !ok {
			if err := a.compareSets(dns.RRset{}, is, c, skip); err != nil {
				return err
			}
		}
	}
	return nil
}

// find is the set of n that is of the type of like; signatures are of a type
// for each that they cover.
func (n *nameSets) find(like dns.RRset) (dns.RRset, bool) {
	for _, s := range n.sets {
		if s.Type == like.Type && (s.Type != dns.TypeRRSIG || covered(s) == covered(like)) {
			return s, true
		}
	}
	return dns.RRset{}, false
}

// covered is the type that a set of signatures is for.
func covered(s dns.RRset) uint16 {
	if len(s.Data) < 4 {
		return 0
	}
	return binary.BigEndian.Uint16(s.Data[2:])
}

// compareSets adds to c what makes one set of another.
func (a *nameSets) compareSets(was, is dns.RRset, c *zone.Change, skip func(dns.Type) bool) error {
	if skip != nil && (skip(was.Type) || skip(is.Type)) || was.TTL == is.TTL && bytes.Equal(was.Data, is.Data) {
		return nil
	}
	old, err := was.RRs(a.name)
	if err != nil {
		return err
	}
	made, err := is.RRs(a.name)
	if err != nil {
		return err
	}
	c.Removed = append(c.Removed, without(old, made)...)
	c.Added = append(c.Added, without(made, old)...)
	return nil
}
