package zone

import (
	"bytes"
	"encoding/binary"
	"fmt"

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
