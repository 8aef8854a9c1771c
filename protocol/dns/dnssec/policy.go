package dnssec

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
)

// Defaults of a Policy.
const (
	DefaultValidity  = 14 * 24 * time.Hour
	DefaultInception = time.Hour
	DefaultBatch     = time.Hour
	DefaultKeyTTL    = 3600 // seconds
)

// A Policy is how a zone is signed. The zero value is a good one.
type Policy struct {
	// NSEC3 proves absence by hashes of names, without rounds and salt (RFC 9276),
	// so that the zone's names cannot be listed at once. False: by NSEC, which
	// is smaller and quicker.
	NSEC3 bool
	// OptOut leaves unsigned delegations out of NSEC3's chain: for zones of very
	// many of them only (RFC 5155 section 6).
	OptOut bool
	// Validity is how long a signature is valid. 0: 14 days.
	Validity time.Duration
	// Refresh is how long before its end a signature is renewed. It must be
	// longer than the longest TTL. 0: Validity/4. At most Validity/2.
	Refresh time.Duration
	// Jitter is by how much signatures are valid for less, each by its name, so
	// that they are not all renewed at once. 0: Validity/8. Negative: none. At
	// most Validity/4.
	Jitter time.Duration
	// Inception is by how much signatures begin earlier than now, for clocks
	// that are late. 0: one hour. Negative: they begin now.
	Inception time.Duration
	// Batch has Sign renew what would have to be renewed within that time, too, so that
	// a zone has few versions. 0: one hour. Negative: none.
	Batch time.Duration
	// KeyTTL is the TTL of DNSKEY, CDS and CDNSKEY records in seconds. 0: 3600.
	KeyTTL uint32
	// Serial is how the zone's serial number goes on. Zero: by one.
	Serial SerialStep
}

// A SerialStep is how a serial number goes on.
type SerialStep uint8

// The ways.
const (
	SerialIncrement SerialStep = iota // by one
	SerialUnixTime                    // to the seconds since 1970, or by one if that is no more
)

// complete fills in the defaults, and checks what is there.
func (p Policy) complete() (Policy, error) {
	set := func(d *time.Duration, otherwise time.Duration) {
		switch {
		case *d == 0:
			*d = otherwise
		case *d < 0:
			*d = 0
		}
	}
	if p.Validity < 0 || p.Refresh < 0 {
		return p, fmt.Errorf("dnssec: a Validity of %s and a Refresh of %s: want more than zero", p.Validity, p.Refresh)
	}
	set(&p.Validity, DefaultValidity)
	set(&p.Refresh, p.Validity/4)
	set(&p.Jitter, p.Validity/8)
	set(&p.Inception, DefaultInception)
	set(&p.Batch, min(DefaultBatch, p.Validity/16))
	if p.KeyTTL == 0 {
		p.KeyTTL = DefaultKeyTTL
	}
	switch {
	case p.Validity < time.Minute || p.Validity > 366*24*time.Hour:
		return p, fmt.Errorf("dnssec: a Validity of %s: want one minute to 366 days", p.Validity)
	case p.Refresh > p.Validity/2 || p.Jitter > p.Validity/4 || p.Batch > p.Validity/8:
		return p, fmt.Errorf("dnssec: Refresh %s, Jitter %s, Batch %s of a Validity of %s: want up to a half, a quarter and an eighth", p.Refresh, p.Jitter, p.Batch, p.Validity)
	case p.OptOut && !p.NSEC3:
		return p, fmt.Errorf("dnssec: OptOut without NSEC3")
	case p.KeyTTL > 1<<31-1:
		return p, fmt.Errorf("dnssec: a KeyTTL of %d: want up to 2^31-1", p.KeyTTL)
	}
	return p, nil
}

// span is when a signature of a set begins and ends.
func (p *Policy) span(owner dns.Name, t dns.Type, now time.Time) (inception, expiration uint32) {
	less := time.Duration(0)
	if p.Jitter > 0 {
		h := fnv.New64a()
		h.Write(owner)
		h.Write([]byte{byte(t >> 8), byte(t)})
		less = time.Duration(h.Sum64() % uint64(p.Jitter))
	}
	return uint32(now.Add(-p.Inception).Unix()), uint32(now.Add(p.Validity - less).Unix())
}

// next is the serial number behind n.
//
// See https://www.rfc-editor.org/rfc/rfc1982#section-3.1.
func (s SerialStep) next(n uint32, now time.Time) uint32 {
	if unix := uint32(now.Unix()); s == SerialUnixTime && int32(unix-n) > 0 {
		return unix
	}
	if n++; n == 0 {
		n = 1 // some take zero for none
	}
	return n
}
