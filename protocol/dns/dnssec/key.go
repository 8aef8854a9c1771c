package dnssec

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A Key signs a zone, or is published for it. Immutable after first use.
type Key struct {
	// DNSKEY is the public half, as the zone has it; its header's name is the zone's.
	// FlagSEP makes it a key-signing key: it signs the zone's keys, and DS records
	// point to it. Without FlagSEP it signs all the rest. If a zone has keys of one
	// kind only, they sign everything.
	DNSKEY *dns.DNSKEY
	// Signer is the private half. Nil: the key is published, but does not sign.
	// It is called with a nil source of randomness: ECDSA signatures follow
	// from key and data (RFC 6979), and others need none.
	Signer crypto.Signer
	Timing
}

// Timing is when a key does what, as BIND's key files have it. The zero value is
// a key that is always used.
//
// A rollover is two keys whose times overlap. Of a zone-signing key, publish the
// new one (Publish) as long before it signs (Activate) as resolvers keep the old
// set; the old one ends signing then (Inactive), and its signatures are replaced
// when they would be renewed; it may go (Delete) a Validity later. Of a
// key-signing key, have both sign at once, change the parent's DS records, wait
// until resolvers have forgotten the old ones, and delete the old key. Of an
// algorithm, the new keys sign before they are published.
//
// See https://www.rfc-editor.org/rfc/rfc6781#section-4.1.
type Timing struct {
	Created  time.Time // says nothing
	Publish  time.Time // from then on it is in the DNSKEY set. Zero: always
	Activate time.Time // from then on it signs. Zero: from Publish on
	Inactive time.Time // from then on it does not sign. Zero: never
	Delete   time.Time // from then on it is not in the set. Zero: never
	// From SyncPublish to SyncDelete CDS and CDNSKEY records ask the parent zone
	// for a DS record (RFC 7344). Zero: never, and without end.
	SyncPublish time.Time
	SyncDelete  time.Time
}

// never is when what a key file leaves out happens.
var never = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// between reports whether now is in a span; a zero to has no end.
func between(from, to, now time.Time) bool {
	return !now.Before(from) && (to.IsZero() || now.Before(to))
}

// Published reports whether the key is in the zone's DNSKEY set.
func (t Timing) Published(now time.Time) bool { return between(t.Publish, t.Delete, now) }

// Active reports whether the key signs.
func (t Timing) Active(now time.Time) bool {
	from := t.Activate
	if from.IsZero() {
		from = t.Publish
	}
	return between(from, t.Inactive, now) && between(from, t.Delete, now)
}

// syncs reports whether CDS records speak of the key.
func (t Timing) syncs(now time.Time) bool {
	return !t.SyncPublish.IsZero() && between(t.SyncPublish, t.SyncDelete, now)
}

// next is the first time after now at which something changes; zero: never.
func (t Timing) next(now time.Time) (at time.Time) {
	for _, x := range [...]time.Time{t.Publish, t.Activate, t.Inactive, t.Delete, t.SyncPublish, t.SyncDelete} {
		if x.After(now) && x.Before(never) {
			at = earlier(at, x)
		}
	}
	return at
}

// earlier is the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Tag is the number by which signatures and DS records name the key.
func (k *Key) Tag() uint16 { return KeyTag(k.DNSKEY) }

// Algorithm is how it signs.
func (k *Key) Algorithm() Algorithm { return Algorithm(k.DNSKEY.Algorithm) }

// KSK reports whether it is a key-signing key.
func (k *Key) KSK() bool { return k.DNSKEY.Flags&FlagSEP != 0 }

// String names the key as its files are named: example./013/12345.
func (k *Key) String() string {
	return fmt.Sprintf("%s/%03d/%05d", k.DNSKEY.Hdr.Name, k.DNSKEY.Algorithm, k.Tag())
}

// LogValue keeps the private half out of logs, however they are written.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// A signer is a Key with what many signatures need of it.
type signer struct {
	*Key
	tag    uint16
	scheme scheme
	public crypto.PublicKey
}

// newSigner checks a key.
func newSigner(k *Key, origin dns.Name) (*signer, error) {
	name, err := dns.ParseName(k.DNSKEY.Hdr.Name)
	if err != nil {
		return nil, err
	}
	if string(name) != string(origin) {
		return nil, fmt.Errorf("dnssec: key %s: want one of %s", k, origin)
	}
	s := &signer{Key: k, tag: k.Tag()}
	var ok bool
	if s.scheme, ok = k.Algorithm().scheme(); !ok {
		return nil, fmt.Errorf("dnssec: key %s: algorithm %d is not supported", k, k.DNSKEY.Algorithm)
	}
	if k.DNSKEY.Flags&(FlagZone|FlagRevoke) != FlagZone || k.DNSKEY.Protocol != 3 {
		return nil, fmt.Errorf("dnssec: key %s: flags %d, protocol %d: want a key of a zone, not revoked", k, k.DNSKEY.Flags, k.DNSKEY.Protocol)
	}
	v := verifier{rr: k.DNSKEY}
	if s.public, err = v.key(); err != nil {
		return nil, fmt.Errorf("dnssec: key %s: %w", k, err)
	}
	if k.Signer != nil {
		mine, err := publicBytes(k.Signer.Public())
		if err != nil {
			return nil, fmt.Errorf("dnssec: key %s: %w", k, err)
		}
		if base64.StdEncoding.EncodeToString(mine) != k.DNSKEY.PublicKey {
			return nil, fmt.Errorf("dnssec: key %s: the private half is another key's", k)
		}
	}
	return s, nil
}

// sign makes the sum of message.
func (s *signer) sign(message []byte) ([]byte, error) {
	digest := message
	if s.scheme.hash != 0 {
		h := s.scheme.hash.New()
		h.Write(message)
		digest = h.Sum(nil)
	}
	sum, err := s.Signer.Sign(nil, digest, s.scheme.hash)
	if err == nil && (s.Algorithm() == ECDSAP256SHA256 || s.Algorithm() == ECDSAP384SHA384) {
		sum, err = plainECDSA(sum, s.scheme.signature/2)
	}
	if err != nil {
		return nil, fmt.Errorf("dnssec: key %s: %w", s.Key, err)
	}
	return sum, nil
}

// plainECDSA is an ASN.1 signature as two numbers of size bytes each.
//
// See https://www.rfc-editor.org/rfc/rfc6605#section-4.
func plainECDSA(der []byte, size int) ([]byte, error) {
	wrong := errors.New("an ECDSA signature of another form")
	// SEQUENCE { r INTEGER, s INTEGER }: 2 x 49 bytes at most, so all lengths are
	// short.
	if len(der) < 2 || der[0] != 0x30 || int(der[1]) != len(der)-2 {
		return nil, wrong
	}
	der = der[2:]
	out := make([]byte, 2*size)
	for i := range 2 {
		if len(der) < 2 || der[0] != 2 || int(der[1]) > len(der)-2 {
			return nil, wrong
		}
		number := der[2 : 2+int(der[1])]
		der = der[2+len(number):]
		for len(number) > 0 && number[0] == 0 {
			number = number[1:]
		}
		if len(number) > size {
			return nil, wrong
		}
		copy(out[(i+1)*size-len(number):], number)
	}
	return out, nil
}
