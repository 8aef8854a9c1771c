package dnssec

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"fmt"

	"github.com/twistor-go/twistor/protocol/dns"
)

// Digests of DS records. SHA-1 is left out: such a record counts as none.
//
// See https://www.iana.org/assignments/ds-rr-types.
const (
	DigestSHA256 uint8 = 2 // RFC 4509
	DigestSHA384 uint8 = 4 // RFC 6605
)

// NewDS makes the DS record by which a parent zone points to k.
//
// See https://www.rfc-editor.org/rfc/rfc4034#section-5.1.4.
func NewDS(k *dns.DNSKEY, digest uint8) (*dns.DS, error) {
	sum, err := digestOf(k, digest)
	if err != nil {
		return nil, err
	}
	return &dns.DS{
		Hdr:    dns.RecordHeader{Name: k.Hdr.Name, Rrtype: dns.TypeDS, Class: dns.ClassIN, Ttl: k.Hdr.Ttl},
		KeyTag: KeyTag(k), Algorithm: k.Algorithm, DigestType: digest, Digest: hex.EncodeToString(sum),
	}, nil
}

func digestOf(k *dns.DNSKEY, digest uint8) ([]byte, error) {
	hash := crypto.SHA256
	switch digest {
	case DigestSHA256:
	case DigestSHA384:
		hash = crypto.SHA384
	default:
		return nil, fmt.Errorf("dnssec: digest %d: want %d (SHA-256) or %d (SHA-384)", digest, DigestSHA256, DigestSHA384)
	}
	name, err := dns.ParseName(k.Hdr.Name)
	if err != nil {
		return nil, err
	}
	data, err := keyData(k)
	if err != nil {
		return nil, err
	}
	h := hash.New()
	h.Write(name)
	h.Write(data)
	return h.Sum(nil), nil
}

// MatchDS returns those of keys that the DS records of a parent zone, which the
// caller believes, point to: by one of them the zone's DNSKEY set must be signed
// (VerifyRRset). It fails with ErrInsecure if no DS record is of a supported
// algorithm and digest: the zone is an unsigned one then. It fails with a
// *BogusError if none leads to a key.
//
// See https://www.rfc-editor.org/rfc/rfc4035#section-5.2.
func MatchDS(records []*dns.DS, keys []*dns.DNSKEY, b *Budget) ([]*dns.DNSKEY, error) {
	var found []*dns.DNSKEY
	supported := false
	for _, ds := range records[:min(len(records), maxTried)] {
		if !Algorithm(ds.Algorithm).Supported() || ds.DigestType != DigestSHA256 && ds.DigestType != DigestSHA384 {
			continue
		}
		supported = true
		owner, err := dns.ParseName(ds.Hdr.Name)
		if err != nil {
			continue
		}
		want, err := hex.DecodeString(ds.Digest)
		if err != nil {
			continue
		}
		for _, k := range keys[:min(len(keys), maxTried)] {
			name, err := dns.ParseName(k.Hdr.Name)
			if err != nil || !bytes.Equal(name, owner) || k.Algorithm != ds.Algorithm || k.Flags&FlagZone == 0 || k.Flags&FlagRevoke != 0 || KeyTag(k) != ds.KeyTag {
				continue
			}
			if !b.hash() {
				return nil, ErrBudget
			}
			if got, err := digestOf(k, ds.DigestType); err == nil && bytes.Equal(got, want) {
				found = appendKey(found, k)
			}
		}
	}
	switch {
	case !supported:
		return nil, ErrInsecure
	case len(found) == 0:
		return nil, bogus(CodeKeyMissing, "%s: no key that a DS record points to", records[0].Hdr.Name)
	}
	return found, nil
}

func appendKey(keys []*dns.DNSKEY, k *dns.DNSKEY) []*dns.DNSKEY {
	for _, have := range keys {
		if have == k {
			return keys
		}
	}
	return append(keys, k)
}
