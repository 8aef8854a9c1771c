package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A Change is what makes a version from the one before: first all of Removed
// goes, then Added comes. The SOA record is a record like the others.
type Change struct{ Removed, Added []dns.RR }

// ErrNoRecord is why a change cannot be applied: what it removes is not there.
// Who got it from another server takes the whole zone instead.
var ErrNoRecord = errors.New("no such record")

// Apply makes the next version, or says why there is none; z stays what it is.
// Records are removed by name, type and data. One that is added and there
// already is taken once, and gives its set its TTL: a set has one. What a zone must be
// is checked as New does.
//
// The cost is that of the change, and not of the zone. Now and then, when an
// eighth of the names are newer than the flat memory, or 4,096 of them are
// gone, that is made anew, some half a second for a million names: who cannot
// wait calls Apply on the pool.
func (z *Zone) Apply(c Change) (*Zone, error) {
	edits, err := z.edits(c)
	if err != nil {
		return nil, fmt.Errorf("zone: %s: %w", z.origin, err)
	}
	next := *z
	for len(edits) > 0 {
		n := 1
		for n < len(edits) && edits[n].proof == edits[0].proof && bytes.Equal(edits[n].name, edits[0].name) {
			n++
		}
		if err := next.edit(edits[:n]); err != nil {
			return nil, fmt.Errorf("zone: %s: %w", z.origin, err)
		}
		edits = edits[n:]
	}
	if next.records > next.limits.records {
		return nil, fmt.Errorf("zone: %s: %d records: want up to %d", z.origin, next.records, next.limits.records)
	}
	if err := errors.Join(next.names.settle(), next.hashes.settle(), next.complete()); err != nil {
		return nil, fmt.Errorf("zone: %s: %w", z.origin, err)
	}
	return &next, nil
}

// An edit is a record that comes or goes.
type edit struct {
	name  dns.Name
	proof bool // it belongs to the table of hashes
	item
	added bool
}

// An item is a record of an entry.
type item struct {
	place place
	ttl   uint32
	data  []byte
}

func compareItems(a, b item) int {
	return cmp.Or(cmp.Compare(a.place, b.place), compareData(a.place.rtype(), a.data, b.data))
}

// edits are those of c, by name; those of one name in the order in which they
// are to be done.
func (z *Zone) edits(c Change) ([]edit, error) {
	b := builder{o: Options{Origin: z.origin}, lenient: true}
	edits := make([]edit, 0, len(c.Removed)+len(c.Added))
	for i := range len(c.Removed) + len(c.Added) {
		added := i >= len(c.Removed)
		var rr dns.RR
		if added {
			rr = c.Added[i-len(c.Removed)]
		} else {
			rr = c.Removed[i]
		}
		p, err := dns.AppendRR(nil, rr)
		if err != nil {
			return nil, err
		}
		var lowered [dns.MaxNameBytes]byte
		size := nameBytes(p)
		name := lowerName(p[:size], &lowered)
		t, ttl, data, err := b.check(name, p[size:])
		if err != nil {
			return nil, err
		}
		e := edit{name: name.Clone(), item: item{placeOf(t, 0), ttl, data}, added: added}
		if t == dns.TypeRRSIG {
			e.place = placeOf(t, dns.Type(binary.BigEndian.Uint16(data)))
		}
		e.proof = e.place>>1 == place(dns.TypeNSEC3)
		edits = append(edits, e)
	}
	slices.SortStableFunc(edits, func(a, b edit) int {
		if c := dns.Compare(a.name, b.name); c != 0 {
			return c
		}
		switch {
		case a.proof == b.proof:
			return 0
		case a.proof:
			return 1
		}
		return -1
	})
	return edits, nil
}

// edit does the edits of one name.
func (z *Zone) edit(edits []edit) error {
	name, t := edits[0].name, &z.names
	if edits[0].proof {
		t = &z.hashes
	}
	old := t.get(name, z.hashOf(name))
	items := itemsOf(old)
	for _, e := range edits {
		i, there := slices.BinarySearchFunc(items, e.item, compareItems)
		switch {
		case !e.added && !there:
			return fmt.Errorf("%s %s: %w", name, e.place.rtype(), ErrNoRecord)
		case !e.added:
			items = slices.Delete(items, i, i+1)
			continue
		case !there:
			items = slices.Insert(items, i, e.item)
		}
		for j := range items {
			if items[j].place == e.place {
				items[j].ttl = e.ttl
			}
		}
	}
	z.tally(old, -1)
	if len(items) == 0 {
		if old != nil {
			z.clear(t, name)
		}
		return nil
	}
	var w entryWriter
	w.begin(name)
	for _, it := range items {
		if !w.add(it.place, it.ttl, it.data) {
			return errSetTooLong(name, it.place.rtype())
		}
	}
	e := w.end()
	if err := z.checkEntry(e); err != nil {
		return err
	}
	z.tally(e, 1)
	t.put(e)
	if old == nil && t == &z.names {
		z.fill(name)
	}
	return nil
}

// itemsOf are the records of e, in order; nil: of none.
func itemsOf(e entry) (items []item) {
	if e == nil {
		return nil
	}
	for p := e.sets(); len(p) > 0; {
		var set dns.RRset
		set, p = nextSet(p)
		at := placeOf(set.Type, 0)
		if set.Type == dns.TypeRRSIG {
			at = placeOf(set.Type, covered(set))
		}
		for d := set.Data; len(d) >= 2; {
			size := 2 + int(binary.BigEndian.Uint16(d))
			items = append(items, item{at, set.TTL, d[2:size]})
			d = d[size:]
		}
	}
	return items
}

// fill makes the names above name exist, as empty ones where they did not.
func (z *Zone) fill(name dns.Name) {
	for a := name.Parent(); len(a) > len(z.origin); a = a.Parent() {
		if z.names.get(a, z.hashOf(a)) != nil {
			return
		}
		z.names.put(emptyEntry(a))
	}
}

// clear takes the sets of name away, and the name if there is nothing below it,
// and with it those above that are empty now.
func (z *Zone) clear(t *table, name dns.Name) {
	if t == &z.hashes {
		t.remove(name)
		return
	}
	if z.hasBelow(name) {
		t.put(emptyEntry(name))
		return
	}
	t.remove(name)
	for a := name.Parent(); len(a) > len(z.origin); a = a.Parent() {
		if e := z.names.get(a, z.hashOf(a)); e == nil || !e.empty() || z.hasBelow(a) {
			return
		}
		z.names.remove(a)
	}
}

// hasBelow reports whether there are names below name: they would be the next
// ones.
func (z *Zone) hasBelow(name dns.Name) bool {
	for e := range z.names.all(name) {
		if n := e.name(); string(n) != string(name) {
			return n.In(name)
		}
	}
	return false
}

func emptyEntry(name dns.Name) entry {
	var w entryWriter
	w.begin(name)
	return w.end()
}
