package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/twistor-go/twistor/protocol/dns"
)

// Sizes of RSA keys in bits. Shorter ones are broken, or soon; longer ones cost
// a validator more than they protect (RFC 3110 section 2 ends there, too).
const (
	minRSABits = 1024
	maxRSABits = 4096
)

// readPublic reads a DNSKEY record's key.
func readPublic(a Algorithm, raw []byte) (crypto.PublicKey, error) {
	s, ok := a.scheme()
	if !ok {
		return nil, fmt.Errorf("dnssec: algorithm %s: %w", a, ErrInsecure)
	}
	if s.publicKey != 0 && len(raw) != s.publicKey {
		return nil, fmt.Errorf("dnssec: a key of %s with %d bytes: want %d", a, len(raw), s.publicKey)
	}
	switch a {
	case RSASHA256, RSASHA512:
		return readRSA(raw)
	case ED25519:
		return ed25519.PublicKey(raw), nil
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve(a), append([]byte{4}, raw...))
	if err != nil {
		return nil, fmt.Errorf("dnssec: a key of %s: %w", a, err)
	}
	return key, nil
}

func curve(a Algorithm) elliptic.Curve {
	if a == ECDSAP384SHA384 {
		return elliptic.P384()
	}
	return elliptic.P256()
}

// readRSA reads an exponent, behind its length, and a modulus.
//
// See https://www.rfc-editor.org/rfc/rfc3110#section-2.
func readRSA(raw []byte) (*rsa.PublicKey, error) {
	if len(raw) < 3 {
		return nil, fmt.Errorf("dnssec: an RSA key of %d bytes", len(raw))
	}
	size, rest := int(raw[0]), raw[1:]
	if size == 0 {
		size, rest = int(binary.BigEndian.Uint16(raw[1:])), raw[3:]
	}
	if size == 0 || size > len(rest) {
		return nil, fmt.Errorf("dnssec: an RSA key with an exponent of %d bytes", size)
	}
	e, n := new(big.Int).SetBytes(rest[:size]), new(big.Int).SetBytes(rest[size:])
	if e.BitLen() > 31 || e.Int64() < 3 || e.Bit(0) == 0 {
		return nil, fmt.Errorf("dnssec: an RSA key with an exponent of %d bits: want an odd one from 3 to 2^31-1", e.BitLen())
	}
	if bits := n.BitLen(); bits < minRSABits || bits > maxRSABits {
		return nil, fmt.Errorf("dnssec: an RSA key of %d bits: want %d to %d", bits, minRSABits, maxRSABits)
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// publicBytes is the way back.
func publicBytes(public crypto.PublicKey) ([]byte, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		e := big.NewInt(int64(k.E)).Bytes() // up to 8 bytes
		return append(append([]byte{byte(len(e))}, e...), k.N.Bytes()...), nil
	case *ecdsa.PublicKey:
		b, err := k.Bytes()
		if err != nil {
			return nil, fmt.Errorf("dnssec: %w", err)
		}
		return b[1:], nil
	case ed25519.PublicKey:
		return k, nil
	}
	return nil, fmt.Errorf("dnssec: a key of type %T: want one of RSA, ECDSA or Ed25519", public)
}

// verifies reports whether sum signs message.
func verifies(a Algorithm, public crypto.PublicKey, message, sum []byte) bool {
	s, ok := a.scheme()
	if !ok || s.signature != 0 && len(sum) != s.signature {
		return false
	}
	digest := message
	if s.hash != 0 {
		h := s.hash.New()
		h.Write(message)
		digest = h.Sum(nil)
	}
	switch k := public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, s.hash, digest, sum) == nil
	case *ecdsa.PublicKey:
		half := len(sum) / 2
		return ecdsa.Verify(k, digest, new(big.Int).SetBytes(sum[:half]), new(big.Int).SetBytes(sum[half:]))
	case ed25519.PublicKey:
		return ed25519.Verify(k, digest, sum)
	}
	return false
}

// A verifier is a DNSKEY record, read.
type verifier struct {
	rr     *dns.DNSKEY
	tag    uint16
	public crypto.PublicKey // nil: not read yet
	err    error
}

func (v *verifier) key() (crypto.PublicKey, error) {
	if v.public == nil && v.err == nil {
		var raw []byte
		if raw, v.err = base64.StdEncoding.DecodeString(v.rr.PublicKey); v.err == nil {
			v.public, v.err = readPublic(Algorithm(v.rr.Algorithm), raw)
		}
	}
	return v.public, v.err
}

// keyData is a DNSKEY record's data.
func keyData(k *dns.DNSKEY) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(k.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("dnssec: a DNSKEY record: %w", err)
	}
	b := binary.BigEndian.AppendUint16(nil, k.Flags)
	return append(append(b, k.Protocol, k.Algorithm), raw...), nil
}

// KeyTag is the number by which signatures and DS records name k. Others may
// have the same. A record that cannot be read has 0.
//
// See https://www.rfc-editor.org/rfc/rfc4034#appendix-B.
func KeyTag(k *dns.DNSKEY) uint16 {
	data, err := keyData(k)
	if err != nil {
		return 0
	}
	sum := uint32(0)
	for i, b := range data {
		sum += uint32(b) << (8 * uint32(1-i&1))
	}
	return uint16(sum + sum>>16)
}
