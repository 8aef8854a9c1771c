package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// fileTime is how key files write a time, in UTC.
const fileTime = "20060102150405"

// maxKeyFileBytes is how long a key file may be: one of 4,096 bits has 4 KiB.
const maxKeyFileBytes = 64 << 10

// A field of a private key's file.
type field struct{ name, value string }

// readFields reads "Name: value" lines.
func readFields(text []byte) ([]field, error) {
	var fields []field
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || i > 100 {
			return nil, fmt.Errorf("line %d: want Name: value, in up to 100 lines", i+1)
		}
		fields = append(fields, field{strings.ToLower(name), strings.TrimSpace(value)})
	}
	return fields, nil
}

func get(fields []field, name string) string {
	for _, f := range fields {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// number is a field of bytes in base64.
func number(fields []field, name string) ([]byte, error) {
	value := get(fields, strings.ToLower(name))
	if value == "" {
		return nil, fmt.Errorf("no %s", name)
	}
	b, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, fmt.Errorf("%s: want base64", name) // without what is there: it is secret
	}
	return b, nil
}

// parsePrivate reads the file of a private key, in the format of BIND's
// dnssec-keygen, v1.2 or v1.3.
func parsePrivate(text []byte) (crypto.Signer, Algorithm, Timing, error) {
	var times Timing
	fields, err := readFields(text)
	if err != nil {
		return nil, 0, times, err
	}
	format := get(fields, "private-key-format")
	if format != "v1.2" && format != "v1.3" {
		return nil, 0, times, fmt.Errorf("Private-key-format %.20q: want v1.2 or v1.3", format)
	}
	first, _, _ := strings.Cut(get(fields, "algorithm"), " ")
	n, err := strconv.ParseUint(first, 10, 8)
	a := Algorithm(n)
	if err != nil || !a.Supported() {
		return nil, 0, times, fmt.Errorf("Algorithm %.20q is not supported", first)
	}
	if times, err = parseTiming(fields); err != nil {
		return nil, 0, times, err
	}
	private, err := parseNumbers(a, fields)
	return private, a, times, err
}

func parseNumbers(a Algorithm, fields []field) (crypto.Signer, error) {
	if a == RSASHA256 || a == RSASHA512 {
		return parseRSA(fields)
	}
	b, err := number(fields, "PrivateKey")
	if err != nil {
		return nil, err
	}
	if a == ED25519 {
		if len(b) != ed25519.SeedSize {
			return nil, fmt.Errorf("PrivateKey of %d bytes: want %d", len(b), ed25519.SeedSize)
		}
		return ed25519.NewKeyFromSeed(b), nil
	}
	size := curve(a).Params().BitSize / 8
	if len(b) > size {
		return nil, fmt.Errorf("PrivateKey of %d bytes: want %d", len(b), size)
	}
	b = append(make([]byte, size-len(b)), b...) // some leave zeros out
	k, err := ecdsa.ParseRawPrivateKey(curve(a), b)
	if err != nil {
		return nil, errors.New("PrivateKey: want a number on the curve")
	}
	return k, nil
}

// parseRSA reads the numbers that a key needs; the others follow from them.
func parseRSA(fields []field) (crypto.Signer, error) {
	var numbers [5]*big.Int
	for i, name := range [...]string{"Modulus", "PublicExponent", "PrivateExponent", "Prime1", "Prime2"} {
		b, err := number(fields, name)
		if err != nil {
			return nil, err
		}
		if len(b) > maxRSABits/8 {
			return nil, fmt.Errorf("%s of %d bytes: want up to %d", name, len(b), maxRSABits/8)
		}
		numbers[i] = new(big.Int).SetBytes(b)
	}
	bits := numbers[0].BitLen()
	if bits < minRSABits || numbers[1].BitLen() > 31 {
		return nil, fmt.Errorf("Modulus of %d bits: want %d to %d, and a PublicExponent below 2^31", bits, minRSABits, maxRSABits)
	}
	k := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: numbers[0], E: int(numbers[1].Int64())},
		D:         numbers[2],
		Primes:    numbers[3:],
	}
	if err := k.Validate(); err != nil {
		return nil, errors.New("the numbers are no RSA key")
	}
	k.Precompute()
	return k, nil
}

// timingFields are the names of times, in the order in which they are written.
var timingFields = [...]string{"Created", "Publish", "Activate", "Inactive", "Delete", "SyncPublish", "SyncDelete"}

func (t *Timing) field(i int) *time.Time {
	return [...]*time.Time{&t.Created, &t.Publish, &t.Activate, &t.Inactive, &t.Delete, &t.SyncPublish, &t.SyncDelete}[i]
}

// parseTiming reads the times. A file that has some means never where it
// leaves out Publish or Activate; one that has none is of before there were times.
func parseTiming(fields []field) (t Timing, err error) {
	some := false
	for i, name := range timingFields {
		value := get(fields, strings.ToLower(name))
		value, _, _ = strings.Cut(value, " ")
		if value == "" {
			continue
		}
		at, err := time.Parse(fileTime, value)
		if err != nil {
			return t, fmt.Errorf("%s %.20q: want a time like 20060102150405", name, value)
		}
		*t.field(i), some = at, true
	}
	if some && t.Publish.IsZero() {
		t.Publish = never
	}
	if some && t.Activate.IsZero() {
		t.Activate = never
	}
	return t, nil
}

// privateText is the file of k's private half.
func privateText(k *Key) ([]byte, error) {
	var b strings.Builder
	line := func(name string, value []byte) {
		fmt.Fprintf(&b, "%s: %s\n", name, base64.StdEncoding.EncodeToString(value))
	}
	fmt.Fprintf(&b, "Private-key-format: v1.3\nAlgorithm: %d (%s)\n", k.DNSKEY.Algorithm, k.Algorithm())
	switch private := k.Signer.(type) {
	case *rsa.PrivateKey:
		if len(private.Primes) != 2 {
			return nil, fmt.Errorf("an RSA key of %d primes: want two", len(private.Primes))
		}
		private.Precompute()
		line("Modulus", private.N.Bytes())
		line("PublicExponent", big.NewInt(int64(private.E)).Bytes())
		line("PrivateExponent", private.D.Bytes())
		line("Prime1", private.Primes[0].Bytes())
		line("Prime2", private.Primes[1].Bytes())
		line("Exponent1", private.Precomputed.Dp.Bytes())
		line("Exponent2", private.Precomputed.Dq.Bytes())
		line("Coefficient", private.Precomputed.Qinv.Bytes())
	case *ecdsa.PrivateKey:
		raw, err := private.Bytes()
		if err != nil {
			return nil, err
		}
		line("PrivateKey", raw)
	case ed25519.PrivateKey:
		line("PrivateKey", private.Seed())
	default:
		return nil, fmt.Errorf("a private key of type %T: want one of RSA, ECDSA or Ed25519", private)
	}
	writeTimes(&b, "", k.Timing)
	return []byte(b.String()), nil
}

// publicText is the file of its public half.
func publicText(k *Key) []byte {
	var b strings.Builder
	kind := "zone-signing"
	if k.KSK() {
		kind = "key-signing"
	}
	fmt.Fprintf(&b, "; This is a %s key, keyid %d, for %s\n", kind, k.Tag(), k.DNSKEY.Hdr.Name)
	writeTimes(&b, "; ", k.Timing)
	fmt.Fprintf(&b, "%s %d IN DNSKEY %d %d %d %s\n", k.DNSKEY.Hdr.Name, k.DNSKEY.Hdr.Ttl, k.DNSKEY.Flags, k.DNSKEY.Protocol, k.DNSKEY.Algorithm, k.DNSKEY.PublicKey)
	return []byte(b.String())
}

func writeTimes(b *strings.Builder, before string, t Timing) {
	// A file with some times means never where it leaves one out.
	if t != (Timing{}) {
		early := time.Unix(24*60*60, 0) // BIND takes zero for none
		if t.Publish.IsZero() {
			t.Publish = early
		}
		if t.Activate.IsZero() {
			t.Activate = t.Publish
		}
	}
	for i, name := range timingFields {
		if at := *t.field(i); !at.IsZero() && at.Before(never) {
			fmt.Fprintf(b, "%s%s: %s\n", before, name, at.UTC().Format(fileTime))
		}
	}
}
