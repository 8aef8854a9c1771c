package zone

import (
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"

	"github.com/twistor-go/twistor/protocol/dns"
)

// nsec3Params are how the names of a chain are hashed.
//
// See https://www.rfc-editor.org/rfc/rfc5155#section-4.
type nsec3Params struct {
	iterations int
	salt       []byte
	raw        []byte // iterations, length of the salt and it: as in NSEC3 records
}

// readNSEC3 is the chain that the apex names.
func readNSEC3(apex entry) (*nsec3Params, bool) {
	set, _, ok := apex.find(dns.TypeNSEC3PARAM)
	if !ok {
		return nil, false
	}
	for p := set.Data; len(p) >= 2; {
		data := p[2 : 2+int(binary.BigEndian.Uint16(p))]
		p = p[2+len(data):]
		// "If the Flags field is not zero, the record must be ignored"
		// (https://www.rfc-editor.org/rfc/rfc5155#section-4.1.2). There is one hash.
		if len(data) < 5 || data[0] != 1 || data[1] != 0 || 5+int(data[4]) != len(data) {
			continue
		}
		return &nsec3Params{int(binary.BigEndian.Uint16(data[2:])), data[5:], data[2:]}, true
	}
	return nil, false
}

// hashedBytes is how long a hash is as a label with its length.
const hashedBytes = 33

var base32hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// hashed is the name at which the NSEC3 record of n would be.
//
// See https://www.rfc-editor.org/rfc/rfc5155#section-5.
func (p *nsec3Params) hashed(n, origin dns.Name, to *[dns.MaxNameBytes + hashedBytes]byte) dns.Name {
	var b [dns.MaxNameBytes + 255]byte
	size := copy(b[:], n)
	size += copy(b[size:], p.salt)
	sum := sha1.Sum(b[:size])
	for range p.iterations {
		size = copy(b[:], sum[:])
		size += copy(b[size:], p.salt)
		sum = sha1.Sum(b[:size])
	}
	to[0] = hashedBytes - 1
	base32hex.Encode(to[1:hashedBytes], sum[:])
	for i := 1; i < hashedBytes; i++ {
		if c := to[i]; 'A' <= c && c <= 'Z' {
			to[i] = c + 'a' - 'A'
		}
	}
	return dns.Name(to[:hashedBytes+copy(to[hashedBytes:], origin)])
}

// of reports whether e has a record of this chain: while one takes another's
// place, the records of both are there.
func (p *nsec3Params) of(e entry) bool {
	set, _, ok := e.find(dns.TypeNSEC3)
	return ok && len(set.Data) > 4+len(p.raw) && set.Data[2] == 1 && string(set.Data[4:4+len(p.raw)]) == string(p.raw)
}
