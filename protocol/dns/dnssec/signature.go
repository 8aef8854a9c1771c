package dnssec

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A signature is the data of a RRSIG record.
//
// See https://www.rfc-editor.org/rfc/rfc4034#section-3.1.
type signature struct {
	covered     dns.Type
	algorithm   Algorithm
	labels      int
	originalTTL uint32
	expiration  uint32 // seconds since 1970, modulo 2^32
	inception   uint32
	tag         uint16
	signer      dns.Name // in lower case
	sum         []byte
}

const signatureHead = 18 // bytes before the signer's name

// readSignature reads a RRSIG record's data; false: they are none.
func readSignature(p []byte) (s signature, ok bool) {
	if len(p) < signatureHead {
		return s, false
	}
	s = signature{
		covered:     dns.Type(binary.BigEndian.Uint16(p)),
		algorithm:   Algorithm(p[2]),
		labels:      int(p[3]),
		originalTTL: binary.BigEndian.Uint32(p[4:]),
		expiration:  binary.BigEndian.Uint32(p[8:]),
		inception:   binary.BigEndian.Uint32(p[12:]),
		tag:         binary.BigEndian.Uint16(p[16:]),
	}
	p = bytes.Clone(p[signatureHead:])
	size := 0
	for size < len(p) && p[size] != 0 {
		size += 1 + int(p[size])
	}
	if size++; size > len(p) {
		return s, false
	}
	lowerNames(dns.TypeNS, p[:size])
	s.signer, s.sum = dns.Name(p[:size]), p[size:]
	return s, true
}

// signatureOf is what a RRSIG record holds.
func signatureOf(rr *dns.RRSIG) (s signature, err error) {
	s = signature{
		covered:     dns.Type(rr.TypeCovered),
		algorithm:   Algorithm(rr.Algorithm),
		labels:      int(rr.Labels),
		originalTTL: rr.OrigTtl,
		expiration:  rr.Expiration,
		inception:   rr.Inception,
		tag:         rr.KeyTag,
	}
	if s.signer, err = dns.ParseName(rr.SignerName); err != nil {
		return s, err
	}
	s.sum, err = base64.StdEncoding.DecodeString(rr.Signature)
	return s, err
}

// record is s as one of owner's.
func (s signature) record(owner dns.Name) *dns.RRSIG {
	return &dns.RRSIG{
		Hdr:         dns.RecordHeader{Name: owner.String(), Rrtype: dns.TypeRRSIG, Class: dns.ClassIN, Ttl: s.originalTTL},
		TypeCovered: uint16(s.covered),
		Algorithm:   uint8(s.algorithm),
		Labels:      uint8(s.labels),
		OrigTtl:     s.originalTTL,
		Expiration:  s.expiration,
		Inception:   s.inception,
		KeyTag:      s.tag,
		SignerName:  s.signer.String(),
		Signature:   base64.StdEncoding.EncodeToString(s.sum),
	}
}

// message is what is signed: s without its sum, and the records as they were
// when they were signed. owner is the wildcard where one was expanded.
func (s signature) message(owner dns.Name, set dns.RRset) []byte {
	b := make([]byte, 0, signatureHead+len(s.signer)+len(set.Data)+(len(owner)+10)*max(1, len(set.Data)/8))
	b = binary.BigEndian.AppendUint16(b, uint16(s.covered))
	b = append(b, uint8(s.algorithm), uint8(s.labels))
	b = binary.BigEndian.AppendUint32(b, s.originalTTL)
	b = binary.BigEndian.AppendUint32(b, s.expiration)
	b = binary.BigEndian.AppendUint32(b, s.inception)
	b = binary.BigEndian.AppendUint16(b, s.tag)
	b = append(b, s.signer...)
	return appendRecords(b, owner, s.originalTTL, set)
}

// left is how long s is valid from now on: its date is the one nearest to now,
// by RFC 1982's arithmetic.
//
// See https://www.rfc-editor.org/rfc/rfc4034#section-3.1.5.
func (s signature) left(now time.Time) time.Duration {
	return time.Duration(int32(s.expiration-uint32(now.Unix()))) * time.Second
}

// since is how long s has been valid; negative: it is not yet.
func (s signature) since(now time.Time) time.Duration {
	return time.Duration(int32(uint32(now.Unix())-s.inception)) * time.Second
}
