package zone

import (
	"encoding/binary"
	"fmt"

	"github.com/twistor-go/twistor/protocol/dns"
)

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

// checkEntry looks at what stands at one name.
func (z *Zone) checkEntry(e entry) error {
	types, signed, alone, others := 0, 0, false, false
	for p := e.sets(); len(p) > 0; {
		var set dns.RRset
		set, p = nextSet(p)
		if set.Type == dns.TypeRRSIG {
			signed++
		} else {
			types++
		}
		n := set.Len()
		if n > z.limits.set {
			return fmt.Errorf("%s %s: %d records: want up to %d, or Options.MaxSetRecords more", e.name(), set.Type, n, z.limits.set)
		}
		switch set.Type {
		case dns.TypeCNAME:
			alone = true
		case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeKEY:
		default:
			others = true
		}
		switch {
		case set.Type == dns.TypeSOA && string(e.name()) != string(z.origin):
			return fmt.Errorf("%s SOA: want it at %s only", e.name(), z.origin)
		case n > 1 && (set.Type == dns.TypeSOA || set.Type == dns.TypeCNAME || set.Type == dns.TypeDNAME):
			return fmt.Errorf("%s %s: %d records: want one", e.name(), set.Type, n)
		}
	}
	switch {
	case max(types, signed) > MaxTypes:
		return fmt.Errorf("%s: %d types: want up to %d", e.name(), max(types, signed), MaxTypes)
	case alone && others:
		// "If a CNAME RR is present at a node, no other data should be present"
		// (https://www.rfc-editor.org/rfc/rfc1034#section-3.6.2).
		return fmt.Errorf("%s CNAME: want no other records beside it", e.name())
	}
	return nil
}

func errSetTooLong(name dns.Name, t dns.Type) error {
	return fmt.Errorf("%s %s: a set of over %d bytes: want less", name, t, maxSetBytes)
}
