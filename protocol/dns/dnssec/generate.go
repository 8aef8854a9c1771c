package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/twistor-go/twistor/protocol/dns"
)

// KeyOptions say what key to make.
type KeyOptions struct {
	// Zone is whose key it is.
	Zone dns.Name
	// Algorithm is how it signs. 0: ECDSAP256SHA256.
	Algorithm Algorithm
	// KSK makes a key-signing key, or, if it is the zone's only one, a key for
	// everything.
	KSK bool
	// Bits is the size of an RSA key, 2048 to 4096. 0: 2048.
	Bits int
	// Beside are the zone's other keys: the new one has another tag than theirs.
	Beside []*Key
	Timing
}

// maxGenerated is how often a key is made anew because of its tag.
const maxGenerated = 64

// Generate makes a key. random is Loop.Rand; RSA keys, which take a second or
// two, are made with the system's randomness whatever it is. Those are for the pool.
func Generate(random io.Reader, o KeyOptions) (*Key, error) {
	if o.Algorithm == 0 {
		o.Algorithm = ECDSAP256SHA256
	}
	if o.Zone == nil {
		return nil, errors.New("dnssec: a key of no zone: want KeyOptions.Zone")
	}
	flags := uint16(FlagZone)
	if o.KSK {
		flags |= FlagSEP
	}
	for range maxGenerated {
		private, err := generate(random, o)
		if err != nil {
			return nil, fmt.Errorf("dnssec: a new key of %s: %w", o.Zone, err)
		}
		public, err := publicBytes(private.Public())
		if err != nil {
			return nil, err
		}
		k := &Key{
			DNSKEY: &dns.DNSKEY{
				Hdr:   dns.RecordHeader{Name: o.Zone.String(), Rrtype: dns.TypeDNSKEY, Class: dns.ClassIN, Ttl: DefaultKeyTTL},
				Flags: flags, Protocol: 3, Algorithm: uint8(o.Algorithm), PublicKey: base64.StdEncoding.EncodeToString(public),
			},
			Signer: private,
			Timing: o.Timing,
		}
		if !sharesTag(k, o.Beside) {
			return k, nil
		}
	}
	return nil, fmt.Errorf("dnssec: a new key of %s: %d keys had tags of others", o.Zone, maxGenerated)
}

// sharesTag reports whether another key has k's tag, or will when one of them is
// revoked.
func sharesTag(k *Key, others []*Key) bool {
	for _, x := range others {
		if x.Tag() == k.Tag() || x.Tag() == k.Tag()+FlagRevoke || x.Tag()+FlagRevoke == k.Tag() {
			return true
		}
	}
	return false
}

func generate(random io.Reader, o KeyOptions) (crypto.Signer, error) {
	switch o.Algorithm {
	case RSASHA256, RSASHA512:
		if o.Bits == 0 {
			o.Bits = 2048
		}
		if o.Bits < 2048 || o.Bits > maxRSABits {
			return nil, fmt.Errorf("%d bits: want 2048 to %d", o.Bits, maxRSABits)
		}
		return rsa.GenerateKey(random, o.Bits)
	case ECDSAP256SHA256, ECDSAP384SHA384:
		return generateECDSA(random, o.Algorithm)
	case ED25519:
		seed := make([]byte, ed25519.SeedSize)
		if _, err := io.ReadFull(random, seed); err != nil {
			return nil, err
		}
		return ed25519.NewKeyFromSeed(seed), nil
	}
	return nil, fmt.Errorf("algorithm %s is not supported", o.Algorithm)
}

// generateECDSA takes numbers until one is between zero and the curve's order,
// which nearly all are. (ecdsa.GenerateKey does not look at its source.)
func generateECDSA(random io.Reader, a Algorithm) (*ecdsa.PrivateKey, error) {
	b := make([]byte, curve(a).Params().BitSize/8)
	for range maxGenerated {
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, err
		}
		if k, err := ecdsa.ParseRawPrivateKey(curve(a), b); err == nil {
			return k, nil
		}
	}
	return nil, errors.New("the source of randomness is none")
}
