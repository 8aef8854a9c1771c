package zone

import "github.com/twistor-go/twistor/protocol/dns"

// A place in the zone that a name leads to.
type found struct {
	kind foundKind
	e    entry // the name's, the cut's, or the one with the DNAME set
	// closest is how long the longest ancestor is that exists, of an absent name,
	// and next how long the name one label below it: the closest encloser and the
	// next closer name of RFC 5155 section 1.3.
	closest, next int
	// wildcard is the entry of * below closest; nil: there is none.
	wildcard entry
}

type foundKind uint8

const (
	exact  foundKind = iota
	absent           // the name does not exist, but a wildcard may
	below            // at or below a cut: others are responsible
	moved            // below a DNAME record
)

// find walks down from the apex to name, which is in the zone, label by label:
// so whatever hides it is met before it is.
//
// See https://www.rfc-editor.org/rfc/rfc1034#section-4.3.2.
func (z *Zone) find(name dns.Name) (f found) {
	var starts [128]uint8
	count := 0
	for at := 0; len(name)-at > len(z.origin); at += 1 + int(name[at]) {
		starts[count] = uint8(at)
		count++
	}
	f.e = z.apex
	closest, h := len(z.origin), z.hash
	for i := count - 1; i >= 0; i-- {
		if f.e.flags()&hasDNAME != 0 {
			f.kind = moved
			return f
		}
		here := name[starts[i]:]
		parent := h
		h = extend(h, here[:1+here[0]])
		e := z.names.get(here, h)
		if e == nil {
			f.kind, f.closest, f.next = absent, closest, len(here)
			f.wildcard = z.wildcardOf(tail(name, closest), parent)
			return f
		}
		f.e, closest = e, len(here)
		if e.flags()&hasNS != 0 {
			f.kind = below
			return f
		}
	}
	return f
}

// wildcardOf is the entry of * below n, whose hash is h; nil: there is none.
func (z *Zone) wildcardOf(n dns.Name, h uint64) entry {
	if len(n)+2 > dns.MaxNameBytes {
		return nil
	}
	var b [dns.MaxNameBytes]byte
	b[0], b[1] = 1, '*'
	name := dns.Name(b[:2+copy(b[2:], n)])
	return z.names.get(name, extend(h, b[:2]))
}

// tail is the last size bytes of n, which are a name.
func tail(n dns.Name, size int) dns.Name { return n[len(n)-size:] }
