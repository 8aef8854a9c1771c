package zone

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
)

// Limits of what a zone holds.
const (
	DefaultMaxRecords    = 20_000_000
	DefaultMaxSetRecords = 100
	MaxTypes             = 200           // of one name
	MaxTTL               = math.MaxInt32 // RFC 2181 section 8
	MaxNSEC3Iterations   = 150           // RFC 9276 section 3.2
	maxSetBytes          = math.MaxUint16
)

// A Zone is one version of a zone. Many loops may ask it at once. Immutable.
type Zone struct {
	origin dns.Name
	hash   uint64 // of origin
	limits limits

	names  table // every name but those of NSEC3 records alone
	hashes table // those

	owners, records int

	// Of the apex.
	apex     entry
	serial   uint32
	negative dns.RRset // the SOA set, with the TTL of what is not there
	signed   dns.RRset // its signatures, with that TTL
	proves   bool      // there is an NSEC or NSEC3 chain
	nsec3    *nsec3Params
}

// limits of one zone.
type limits struct{ records, set int }

// New makes a zone of records, in any order: the answer of a transfer, or what
// a program made. Nil is the root. What it checks, and refuses, is what Read does; a TTL over
// MaxTTL is taken for zero, as RFC 2181 has receivers do.
func New(origin dns.Name, records iter.Seq[dns.RR]) (*Zone, error) {
	if len(origin) == 0 {
		origin = dns.Root
	}
	b := &builder{o: Options{Origin: origin}, lenient: true}
	for rr := range records {
		if err := b.add(rr, "", 0); err != nil {
			return nil, fmt.Errorf("zone: %s: %w", origin, err)
		}
	}
	z, err := b.zone()
	if err != nil {
		return nil, fmt.Errorf("zone: %s: %w", origin, err)
	}
	return z, nil
}

// build completes z with the arenas of its two tables.
func (z *Zone) build(names []byte, named int, hashes []byte, hashed int) error {
	seed := seedOf(names, hashes)
	var err error
	if z.names.base, err = index(slices.Clip(names), named, seed); err != nil {
		return err
	}
	if z.hashes.base, err = index(slices.Clip(hashes), hashed, seed); err != nil {
		return err
	}
	return z.complete()
}

// seedOf is where the hashes of a zone's names begin: it follows from all that
// the zone is made of. Who makes a zone for somebody else's server, as a customer
// does, would have to know it before, to find names whose hashes are the same
// and that take long to look up; and a seed by chance would make versions
// differ.
func seedOf(names, hashes []byte) uint64 {
	h := sha256.New()
	h.Write(names)
	h.Write(hashes)
	return binary.LittleEndian.Uint64(h.Sum(nil))
}

// hashOf is the hash of n for both tables.
func (z *Zone) hashOf(n dns.Name) uint64 { return hashName(n, z.names.base.seed) }

// complete reads the apex.
func (z *Zone) complete() error {
	z.hash = z.hashOf(z.origin)
	z.apex = z.names.get(z.origin, z.hash)
	if z.apex == nil {
		return fmt.Errorf("%s: want a SOA record there", z.origin)
	}
	soa, sigs, ok := z.apex.find(dns.TypeSOA)
	if !ok {
		return fmt.Errorf("%s: want a SOA record there", z.origin)
	}
	if _, _, ok := z.apex.find(dns.TypeNS); !ok {
		return fmt.Errorf("%s: want NS records there", z.origin)
	}
	numbers := soa.Data[len(soa.Data)-20:]
	z.serial = binary.BigEndian.Uint32(numbers)
	z.negative, z.signed = soa, sigs
	// "The TTL of this record is set from the minimum of the MINIMUM field of the
	// SOA record and the TTL of the SOA itself"
	// (https://www.rfc-editor.org/rfc/rfc2308#section-3).
	z.negative.TTL = min(soa.TTL, binary.BigEndian.Uint32(numbers[16:]))
	z.signed.TTL = z.negative.TTL
	_, _, nsec := z.apex.find(dns.TypeNSEC)
	if z.nsec3, ok = readNSEC3(z.apex); ok && z.nsec3.iterations > MaxNSEC3Iterations {
		return fmt.Errorf("%s NSEC3PARAM: %d iterations: want up to %d", z.origin, z.nsec3.iterations, MaxNSEC3Iterations)
	}
	if z.nsec3 != nil && z.hashes.end() == nil {
		z.nsec3 = nil
	}
	z.proves = nsec || z.nsec3 != nil
	return nil
}

// tally counts what e holds, sign times.
func (z *Zone) tally(e entry, sign int) {
	if e == nil || e.empty() {
		return
	}
	z.owners += sign
	for p := e.sets(); len(p) > 0; {
		var set dns.RRset
		set, p = nextSet(p)
		z.records += sign * set.Len()
	}
}

// Origin is the zone's name.
func (z *Zone) Origin() dns.Name { return z.origin }

// Serial is the version's number, of the SOA record.
func (z *Zone) Serial() uint32 { return z.serial }

// SOA is the SOA record.
func (z *Zone) SOA() *dns.SOA { return z.RRs(z.origin, dns.TypeSOA)[0].(*dns.SOA) }

// Names is how many names have records.
func (z *Zone) Names() int { return z.owners }

// Records is how many records there are.
func (z *Zone) Records() int { return z.records }

// Signed reports whether the SOA record is signed, and absence can be proved.
func (z *Zone) Signed() bool { return z.proves && len(z.signed.Data) > 0 }

// Has reports whether name exists: it has records, or others below it do.
func (z *Zone) Has(name dns.Name) bool {
	return name.In(z.origin) && z.names.get(name, z.hashOf(name)) != nil
}

// RRset is the set of a name and a type. RRSIG gives the signatures of all the
// name's types. Wildcards, delegations and aliases mean nothing here.
func (z *Zone) RRset(name dns.Name, t dns.Type) (dns.RRset, bool) {
	var all dns.RRset
	if !name.In(z.origin) {
		return all, false
	}
	h := z.hashOf(name)
	for _, e := range [...]entry{z.names.get(name, h), z.hashes.get(name, h)} {
		if e == nil {
			continue
		}
		if t != dns.TypeRRSIG {
			if set, _, ok := e.find(t); ok {
				return set, true
			}
			continue
		}
		for set := range e.signatures {
			if all.Type == 0 {
				all = set
			} else {
				all.Data = append(slices.Clip(all.Data), set.Data...)
				all.TTL = min(all.TTL, set.TTL)
			}
		}
	}
	return all, all.Type != 0
}

// RRs is RRset as records, with lower-case names before them; nil: none, or
// data that are not of their type.
func (z *Zone) RRs(name dns.Name, t dns.Type) []dns.RR {
	set, ok := z.RRset(name, t)
	if !ok {
		return nil
	}
	rrs, err := set.RRs(name)
	if err != nil {
		return nil // a program gave Unknown data for a type that is known
	}
	return rrs
}
