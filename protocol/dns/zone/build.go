package zone

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
)

// compare orders records by owner, place and data.
func (b *builder) compare(x, y record) int {
	if x.prefix != y.prefix {
		return cmp.Compare(x.prefix, y.prefix)
	}
	if x.owner != y.owner {
		if c := bytes.Compare(b.key(x.owner), b.key(y.owner)); c != 0 {
			return c
		}
	}
	bx, by := b.body(x.body), b.body(y.body)
	if bx.place != by.place {
		return cmp.Compare(bx.place, by.place)
	}
	return compareData(bx.place.rtype(), bx.data, by.data)
}

// zone is the zone of all records. The builder is used up.
func (b *builder) zone() (*Zone, error) {
	slices.SortFunc(b.records, b.compare)
	var names, hashes entryWriter
	named, hashed := 0, 0
	z := &Zone{origin: b.o.Origin.Clone(), limits: b.o.limits()}
	var last dns.Name // with an entry in names
	for rest := b.records; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].prefix == rest[0].prefix &&
			(rest[n].owner == rest[0].owner || bytes.Equal(b.key(rest[n].owner), b.key(rest[0].owner))) {
			n++
		}
		name := b.name(rest[0].owner)
		here, proofs := b.divide(rest[:n])
		rest = rest[n:]
		if len(proofs) > 0 {
			if err := b.entry(z, &hashes, name, proofs); err != nil {
				return nil, err
			}
			hashed++
		}
		if len(here) == 0 {
			continue
		}
		named += addEmpty(&names, last, name, z.origin)
		if err := b.entry(z, &names, name, here); err != nil {
			return nil, err
		}
		named++
		last = name
	}
	b.records = nil
	return z, z.build(names.b, named, hashes.b, hashed)
}

// divide divides the records of a name: NSEC3 records and their signatures are
// about another name than their own, and kept apart.
func (b *builder) divide(rs []record) (here, proofs []record) {
	at := func(p place) int {
		i, _ := slices.BinarySearchFunc(rs, p, func(r record, p place) int { return cmp.Compare(b.body(r.body).place, p) })
		return i
	}
	from := at(placeOf(dns.TypeNSEC3, 0))
	to := at(placeOf(dns.TypeNSEC3+1, 0))
	switch {
	case from == to:
		return rs, nil
	case to-from == len(rs):
		return nil, rs
	}
	return slices.Concat(rs[:from], rs[to:]), rs[from:to]
}

// entry writes the entry of name.
func (b *builder) entry(z *Zone, w *entryWriter, name dns.Name, rs []record) error {
	w.begin(name)
	var before body
	var latest body
	for i, r := range rs {
		x := b.body(r.body)
		if i > 0 && x.place == before.place && compareData(x.place.rtype(), x.data, before.data) == 0 {
			continue // as it often is in transfers and in files that people wrote
		}
		before = x
		if x.line >= latest.line {
			latest = x
		}
		if !w.add(x.place, x.ttl, x.data) {
			return b.where(latest, errSetTooLong(name, x.place.rtype()))
		}
	}
	e := w.end()
	if err := z.checkEntry(e); err != nil {
		return b.where(latest, err)
	}
	z.tally(e, 1)
	return nil
}

// where puts the file and the line of x before an error.
func (b *builder) where(x body, err error) error {
	if x.line == 0 {
		return err
	}
	return atLine(b.files[x.file], int(x.line), err)
}

// addEmpty adds the empty non-terminals that are between name and last, which is
// before it, and returns how many there are.
func addEmpty(w *entryWriter, last, name, origin dns.Name) int {
	var above [128]dns.Name
	n := 0
	for a := name; len(a) > len(origin); {
		if a = a.Parent(); len(a) <= len(origin) || last != nil && last.In(a) {
			break
		}
		above[n] = a
		n++
	}
	for i := n - 1; i >= 0; i-- {
		w.begin(above[i])
		w.end()
	}
	return n
}
