package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A builder takes records in any order and makes a zone of them: it packs
// them, sorts where they lie, and copies them into two arenas.
type builder struct {
	o       Options
	lenient bool   // about TTLs
	raw     []byte // owners and bodies, each at a multiple of four
	records []record
	owner   dns.Name // of the last record
	ownerAt uint32
	scratch []byte
	files   []string
}

// A record is where in builder.raw one lies, and the beginning of its owner's
// key, by which most are told apart.
type record struct {
	prefix uint64
	owner  uint32 // in words: 2 bytes length of the key, 1 of the name; key; name
	body   uint32 // in words: place, TTL, line, file; 2 bytes length of the data; data
}

const (
	ownerHead = 3
	bodyHead  = 4 + 4 + 4 + 2 + 2
)

// add takes a record that stands at a line of a file; line 0: nowhere.
func (b *builder) add(rr dns.RR, file string, line int) error {
	var err error
	if b.scratch, err = dns.AppendRR(b.scratch[:0], rr); err != nil {
		return err
	}
	var lowered [dns.MaxNameBytes]byte
	size := nameBytes(b.scratch)
	name := lowerName(b.scratch[:size], &lowered)
	t, ttl, data, err := b.check(name, b.scratch[size:])
	if err != nil {
		return err
	}
	if len(b.records) == b.o.maxRecords() {
		return fmt.Errorf("over %d records: want less, or Options.MaxRecords more", b.o.maxRecords())
	}
	if !bytes.Equal(name, b.owner) {
		if b.ownerAt, err = b.word(); err != nil {
			return err
		}
		start := len(b.raw)
		b.raw = append(b.raw, 0, 0, byte(len(name)))
		b.raw = appendKey(b.raw, name, b.o.Origin)
		binary.LittleEndian.PutUint16(b.raw[start:], uint16(len(b.raw)-start-ownerHead))
		b.raw = append(b.raw, name...)
		b.owner = append(b.owner[:0], name...)
	}
	r := record{owner: b.ownerAt, prefix: prefix(b.key(b.ownerAt))}
	if r.body, err = b.word(); err != nil {
		return err
	}
	p := placeOf(t, 0)
	if t == dns.TypeRRSIG {
		p = placeOf(t, dns.Type(binary.BigEndian.Uint16(data)))
	}
	b.raw = binary.LittleEndian.AppendUint32(b.raw, uint32(p))
	b.raw = binary.LittleEndian.AppendUint32(b.raw, ttl)
	b.raw = binary.LittleEndian.AppendUint32(b.raw, uint32(line))
	b.raw = binary.LittleEndian.AppendUint16(b.raw, b.file(file))
	b.raw = binary.LittleEndian.AppendUint16(b.raw, uint16(len(data)))
	b.raw = append(b.raw, data...)
	b.records = append(b.records, r)
	return nil
}

// check looks at what a record is by itself. p is what stands behind its name.
func (b *builder) check(name dns.Name, p []byte) (t dns.Type, ttl uint32, data []byte, err error) {
	t, class := dns.Type(binary.BigEndian.Uint16(p)), dns.Class(binary.BigEndian.Uint16(p[2:]))
	ttl, data = binary.BigEndian.Uint32(p[4:]), p[10:]
	if ttl > MaxTTL && b.lenient {
		ttl = 0
	}
	switch {
	case !name.In(b.o.Origin):
		return t, ttl, data, fmt.Errorf("%s %s: want a name in %s", name, t, b.o.Origin)
	case class != dns.ClassIN:
		return t, ttl, data, fmt.Errorf("%s %s: class %s: want IN", name, t, class)
	case isMeta(t):
		return t, ttl, data, fmt.Errorf("%s %s: want a type that zones hold", name, t)
	case !wellFormed(t, data):
		return t, ttl, data, fmt.Errorf("%s %s: %d bytes of data: want those of its type", name, t, len(data))
	case ttl > MaxTTL:
		return t, ttl, data, fmt.Errorf("%s %s: TTL %d: want up to %d", name, t, ttl, MaxTTL)
	}
	return t, ttl, data, nil
}

// isMeta reports whether t is for questions or messages only.
//
// See https://www.rfc-editor.org/rfc/rfc6895#section-3.1.
func isMeta(t dns.Type) bool { return t == 0 || t == dns.TypeOPT || t >= 128 && t <= 255 }

// word is where in raw, in words of four bytes, something is to begin.
func (b *builder) word() (uint32, error) {
	for len(b.raw)%4 != 0 {
		b.raw = append(b.raw, 0)
	}
	if len(b.raw) >= maxArenaBytes {
		return 0, errTooLarge
	}
	return uint32(len(b.raw) / 4), nil
}

// file is the number of a name of a file.
func (b *builder) file(name string) uint16 {
	i := len(b.files) - 1
	for i >= 0 && b.files[i] != name {
		i--
	}
	if i < 0 && len(b.files) < 1<<16 {
		b.files = append(b.files, name)
		i = len(b.files) - 1
	}
	return uint16(max(0, i))
}

func (b *builder) key(owner uint32) []byte {
	p := b.raw[uint64(owner)*4:]
	return p[ownerHead : ownerHead+int(binary.LittleEndian.Uint16(p))]
}

func (b *builder) name(owner uint32) dns.Name {
	p := b.raw[uint64(owner)*4:]
	at := ownerHead + int(binary.LittleEndian.Uint16(p))
	return dns.Name(p[at : at+int(p[2])])
}

// prefix is the first eight bytes of a key, as a number that sorts as they do.
func prefix(key []byte) uint64 {
	var p [8]byte
	copy(p[:], key)
	return binary.BigEndian.Uint64(p[:])
}

// A body is a record without its owner.
type body struct {
	place place
	ttl   uint32
	line  uint32
	file  uint16
	data  []byte
}

func (b *builder) body(at uint32) body {
	p := b.raw[uint64(at)*4:]
	return body{
		place: place(binary.LittleEndian.Uint32(p)),
		ttl:   binary.LittleEndian.Uint32(p[4:]),
		line:  binary.LittleEndian.Uint32(p[8:]),
		file:  binary.LittleEndian.Uint16(p[12:]),
		data:  p[bodyHead : bodyHead+int(binary.LittleEndian.Uint16(p[14:]))],
	}
}

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
