package dnssec

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// A node is a name of a zone with its sets, and the signatures of each type.
type node struct {
	name dns.Name
	sets []dns.RRset
	sigs []dns.RRset
}

// nodes are the names of z in canonical order. Each is valid until the next one.
func nodes(z *zone.Zone) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		n := &node{}
		for name, set := range z.All() {
			if n.name != nil && !bytes.Equal(n.name, name) {
				if !yield(n) {
					return
				}
				n.sets, n.sigs = n.sets[:0], n.sigs[:0]
			}
			n.name = name
			if set.Type == dns.TypeRRSIG {
				n.sigs = append(n.sigs, set)
			} else {
				n.sets = append(n.sets, set)
			}
		}
		if n.name != nil {
			yield(n)
		}
	}
}

// order has the SOA set first and the others by type.
func (n *node) order() {
	slices.SortStableFunc(n.sets, func(a, b dns.RRset) int { return place(a.Type) - place(b.Type) })
}

func place(t dns.Type) int {
	if t == dns.TypeSOA {
		return -1
	}
	return int(t)
}

func (n *node) find(t dns.Type) (set dns.RRset) {
	for _, s := range n.sets {
		if s.Type == t {
			set = s
		}
	}
	return set
}

func (n *node) has(t dns.Type) bool { return len(n.find(t).Data) > 0 }

// covered is the type that the signatures are of.
func covered(sigs dns.RRset) dns.Type {
	if len(sigs.Data) < 4 {
		return 0
	}
	return dns.Type(binary.BigEndian.Uint16(sigs.Data[2:]))
}

// signatures are those of a type; the zero RRset: none.
func (n *node) signatures(t dns.Type) dns.RRset {
	for _, s := range n.sigs {
		if covered(s) == t {
			return s
		}
	}
	return dns.RRset{}
}

// data are the records' data of set.
func data(set dns.RRset) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for p := set.Data; len(p) >= 2; {
			size := 2 + int(binary.BigEndian.Uint16(p))
			if size > len(p) || !yield(p[2:size:size]) {
				return
			}
			p = p[size:]
		}
	}
}

// without is set without the records that other has, too; all of set if whole.
func without(set, other dns.RRset, whole bool) dns.RRset {
	if whole {
		return set
	}
	rest := dns.RRset{Type: set.Type, TTL: set.TTL}
	for d := range data(set) {
		if !contains(other, d) {
			rest.Data = binary.BigEndian.AppendUint16(rest.Data, uint16(len(d)))
			rest.Data = append(rest.Data, d...)
		}
	}
	return rest
}

func contains(set dns.RRset, want []byte) bool {
	for d := range data(set) {
		if bytes.Equal(d, want) {
			return true
		}
	}
	return false
}
