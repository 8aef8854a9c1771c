package dnssec

import (
	"crypto"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"strconv"
)

// An Algorithm is how keys sign.
//
// See https://www.iana.org/assignments/dns-sec-alg-numbers.
type Algorithm uint8

// The algorithms that this package signs and verifies with. Those that rest on
// SHA-1 are refused (RFC 9905), others unknown: zones that have only such are
// taken for unsigned.
const (
	RSASHA256       Algorithm = 8  // RFC 5702
	RSASHA512       Algorithm = 10 // RFC 5702
	ECDSAP256SHA256 Algorithm = 13 // RFC 6605: the one to choose
	ECDSAP384SHA384 Algorithm = 14 // RFC 6605
	ED25519         Algorithm = 15 // RFC 8080
)

// An algorithm's row.
type scheme struct {
	algorithm Algorithm
	name      string
	hash      crypto.Hash // 0: the message itself is signed
	publicKey int         // bytes; 0: they differ
	signature int         // bytes; 0: as long as the key
}

var schemes = [...]scheme{
	{RSASHA256, "RSASHA256", crypto.SHA256, 0, 0},
	{RSASHA512, "RSASHA512", crypto.SHA512, 0, 0},
	{ECDSAP256SHA256, "ECDSAP256SHA256", crypto.SHA256, 64, 64},
	{ECDSAP384SHA384, "ECDSAP384SHA384", crypto.SHA384, 96, 96},
	{ED25519, "ED25519", 0, 32, 64},
}

func (a Algorithm) scheme() (scheme, bool) {
	for _, s := range schemes {
		if s.algorithm == a {
			return s, true
		}
	}
	return scheme{}, false
}

// Supported reports whether this package signs and verifies with a.
func (a Algorithm) Supported() bool {
	_, ok := a.scheme()
	return ok
}

// String is the mnemonic, or the number of one that is not supported.
func (a Algorithm) String() string {
	if s, ok := a.scheme(); ok {
		return s.name
	}
	return strconv.Itoa(int(a))
}

// Flags of a DNSKEY record.
const (
	FlagZone   = 1 << 8 // RFC 4034 section 2.1.1: it may sign records
	FlagRevoke = 1 << 7 // RFC 5011: it is not to be trusted any more
	FlagSEP    = 1      // RFC 4034 section 2.1.1: DS records point to it
)
