package dnssec

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
)

// lowerNames makes a record's data canonical, in place: the names in those types
// that RFC 1035 and its first followers have are in lower case. Of other types
// the data are what they are.
//
// See https://www.rfc-editor.org/rfc/rfc4034#section-6.2 and
// https://www.rfc-editor.org/rfc/rfc6840#section-5.1, which takes NSEC out.
func lowerNames(t dns.Type, p []byte) {
	skip, names := 0, 0
	switch t {
	case dns.TypeNS, dns.TypeMD, dns.TypeMF, dns.TypeCNAME, dns.TypeMB, dns.TypeMG, dns.TypeMR, dns.TypePTR, dns.TypeDNAME, dns.TypeNXT:
		names = 1
	case dns.TypeSOA, dns.TypeMINFO, dns.TypeRP:
		names = 2
	case dns.TypeMX, dns.TypeAFSDB, dns.TypeRT, dns.TypeKX:
		skip, names = 2, 1
	case dns.TypePX:
		skip, names = 2, 2
	case dns.TypeSRV:
		skip, names = 6, 1
	case dns.TypeSIG:
		skip, names = 18, 1
	case dns.TypeNAPTR:
		skip, names = 4, 1
		for range 3 { // character-strings
			if skip >= len(p) {
				return
			}
			skip += 1 + int(p[skip])
		}
	}
	if skip >= len(p) {
		return
	}
	p = p[skip:]
	for ; names > 0 && len(p) > 0; names-- {
		for len(p) > 0 && p[0] != 0 {
			size := 1 + int(p[0])
			if size > len(p) {
				return
			}
			for i := 1; i < size; i++ {
				if 'A' <= p[i] && p[i] <= 'Z' {
					p[i] += 'a' - 'A'
				}
			}
			p = p[size:]
		}
		if len(p) > 0 {
			p = p[1:]
		}
	}
}

// canonicalData is each record's data of set in canonical form and order, and
// each once.
//
// See https://www.rfc-editor.org/rfc/rfc4034#section-6.3.
func canonicalData(set dns.RRset) [][]byte {
	all := bytes.Clone(set.Data)
	var data [][]byte
	for p := all; len(p) >= 2; {
		size := 2 + int(binary.BigEndian.Uint16(p))
		if size > len(p) {
			break
		}
		lowerNames(set.Type, p[2:size])
		data = append(data, p[2:size])
		p = p[size:]
	}
	slices.SortFunc(data, bytes.Compare)
	return slices.CompactFunc(data, bytes.Equal)
}

// appendRecords appends what is signed of a set behind the signature's own data.
//
// See https://www.rfc-editor.org/rfc/rfc4034#section-3.1.8.1.
func appendRecords(b []byte, owner dns.Name, ttl uint32, set dns.RRset) []byte {
	for _, data := range canonicalData(set) {
		b = append(b, owner...)
		b = binary.BigEndian.AppendUint16(b, uint16(set.Type))
		b = binary.BigEndian.AppendUint16(b, dns.ClassIN)
		b = binary.BigEndian.AppendUint32(b, ttl)
		b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
		b = append(b, data...)
	}
	return b
}

// ownerLabels counts the labels as a signature does: an asterisk at the
// beginning is none.
//
// See https://www.rfc-editor.org/rfc/rfc4034#section-3.1.3.
func ownerLabels(n dns.Name) int {
	if n.IsWildcard() {
		return n.Labels() - 1
	}
	return n.Labels()
}

// suffix is the last labels of n.
func suffix(n dns.Name, labels int) dns.Name {
	for count := n.Labels(); count > labels; count-- {
		n = n.Parent()
	}
	return n
}

// wildcardOf is the wildcard under n. It does not fail: n is a proper ancestor of
// another name.
func wildcardOf(n dns.Name) dns.Name {
	return append(dns.Name{1, '*'}, n...)
}
