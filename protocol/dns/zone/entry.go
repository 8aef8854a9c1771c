package zone

import (
	"encoding/binary"

	"github.com/twistor-go/twistor/protocol/dns"
)

// An entry is a name and its sets, as they lie in an arena or, changed since,
// alone:
//
//	4 bytes  how long the sets are, the low byte first
//	1 byte   flags
//	1 byte   how long the name is
//	         the name
//	         the sets, in the order of place: each
//	           2 bytes  type
//	           4 bytes  TTL
//	           2 bytes  how long the data are
//	                    the data, as in dns.RRset
//
// The signatures of a set are one of their own, right behind it. An entry
// without sets is an empty non-terminal (RFC 4592 section 2.2.2). Immutable.
type entry []byte

const (
	entryHead = 6
	setHead   = 8
)

// Flags say of an entry what its own sets are, and nothing of other names: so
// no change elsewhere can make them wrong.
const (
	hasNS uint8 = 1 << iota
	hasCNAME
	hasDNAME
	isDeleted // hides an entry of the base
)

func (e entry) flags() uint8   { return e[4] }
func (e entry) name() dns.Name { return dns.Name(e[entryHead : entryHead+int(e[5])]) }

func (e entry) sets() []byte {
	at := entryHead + int(e[5])
	return e[at : at+int(binary.LittleEndian.Uint32(e))]
}

// empty reports whether there are no sets.
func (e entry) empty() bool { return binary.LittleEndian.Uint32(e) == 0 }

// nextSet is the first set of p, and what is behind it.
func nextSet(p []byte) (set dns.RRset, rest []byte) {
	size := int(binary.BigEndian.Uint16(p[6:]))
	set.Type = dns.Type(binary.BigEndian.Uint16(p))
	set.TTL = binary.BigEndian.Uint32(p[2:])
	set.Data = p[setHead : setHead+size : setHead+size]
	return set, p[setHead+size:]
}

// covered is the type that signatures are of.
func covered(sigs dns.RRset) dns.Type {
	return dns.Type(binary.BigEndian.Uint16(sigs.Data[2:]))
}

// find is the set of type t, which is not RRSIG, and its signatures.
func (e entry) find(t dns.Type) (set, sigs dns.RRset, ok bool) {
	for p := e.sets(); len(p) > 0; {
		if dns.Type(binary.BigEndian.Uint16(p)) != t {
			p = p[setHead+int(binary.BigEndian.Uint16(p[6:])):]
			continue
		}
		set, p = nextSet(p)
		if len(p) > 0 && p[0] == 0 && p[1] == dns.TypeRRSIG {
			sigs, _ = nextSet(p)
		}
		return set, sigs, true
	}
	return dns.RRset{}, dns.RRset{}, false
}

// signatures are those of all types, one set for each type that they cover.
func (e entry) signatures(yield func(dns.RRset) bool) {
	for p := e.sets(); len(p) > 0; {
		var set dns.RRset
		if set, p = nextSet(p); set.Type == dns.TypeRRSIG && !yield(set) {
			return
		}
	}
}

// A writer of entries appends one to a buffer.
type entryWriter struct {
	b    []byte
	at   int // where the entry begins
	set  int // where its last set does
	last place
}

// begin begins the entry of name.
func (w *entryWriter) begin(name dns.Name) {
	w.at, w.set = len(w.b), -1
	w.b = append(w.b, 0, 0, 0, 0, 0, byte(len(name)))
	w.b = append(w.b, name...)
}

// add adds a record; those of one place follow each other. A set's TTL is the
// lowest of its records'.
//
// See https://www.rfc-editor.org/rfc/rfc2181#section-5.2.
func (w *entryWriter) add(p place, ttl uint32, data []byte) bool {
	if w.set < 0 || p != w.last {
		w.set, w.last = len(w.b), p
		w.b = binary.BigEndian.AppendUint16(w.b, uint16(p.rtype()))
		w.b = binary.BigEndian.AppendUint32(w.b, ttl)
		w.b = append(w.b, 0, 0)
		switch p.rtype() {
		case dns.TypeNS:
			w.b[w.at+4] |= hasNS
		case dns.TypeCNAME:
			w.b[w.at+4] |= hasCNAME
		case dns.TypeDNAME:
			w.b[w.at+4] |= hasDNAME
		}
	} else if ttl < binary.BigEndian.Uint32(w.b[w.set+2:]) {
		binary.BigEndian.PutUint32(w.b[w.set+2:], ttl)
	}
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(len(data)))
	w.b = append(w.b, data...)
	size := len(w.b) - w.set - setHead
	if size > maxSetBytes {
		return false
	}
	binary.BigEndian.PutUint16(w.b[w.set+6:], uint16(size))
	return true
}

// end completes the entry. The next one begins at a multiple of four.
func (w *entryWriter) end() entry {
	e := entry(w.b[w.at:])
	binary.LittleEndian.PutUint32(e, uint32(len(e)-entryHead-int(e[5])))
	for len(w.b)%4 != 0 {
		w.b = append(w.b, 0)
	}
	return e
}

// A place is where among an entry's sets one stands: SOA first, then types as
// they are numbered, each with its signatures right behind it.
type place uint32

func placeOf(t, covered dns.Type) place {
	if t == dns.TypeRRSIG {
		return placeOf(covered, 0) | 1
	}
	if t == dns.TypeSOA {
		return 0
	}
	return place(t) << 1
}

func (p place) isSignature() bool { return p&1 != 0 }

func (p place) rtype() dns.Type {
	switch {
	case p.isSignature():
		return dns.TypeRRSIG
	case p == 0:
		return dns.TypeSOA
	}
	return dns.Type(p >> 1)
}

// whole is e without what is behind it in its arena.
func (e entry) whole() []byte {
	return e[:entryHead+int(e[5])+int(binary.LittleEndian.Uint32(e))]
}
