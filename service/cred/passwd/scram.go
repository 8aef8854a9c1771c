package passwd

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// DefaultIterations is the number of rounds of a new SCRAM: that of the default
// of PostgreSQL, and the least that the RFC allows; clients compute them too.
// https://www.rfc-editor.org/rfc/rfc7677#section-4
const (
	DefaultIterations = 4096
	maxIterations     = 1_000_000
)

// A SCRAM is what SCRAM-SHA-256 needs of a user: with it a client can be
// verified, and not be impersonated. Immutable after first use.
//
// https://www.rfc-editor.org/rfc/rfc5802#section-3
type SCRAM struct {
	Iterations           int
	Salt                 []byte
	StoredKey, ServerKey []byte // 32 bytes each
}

// NewSCRAM makes the SCRAM of a password, with a salt from random. It takes a
// millisecond for each thousand iterations or less; 0: DefaultIterations.
func NewSCRAM(password string, iterations int, random io.Reader) (SCRAM, error) {
	prepared, err := Prepare(password)
	if err != nil {
		return SCRAM{}, err
	}
	if iterations == 0 {
		iterations = DefaultIterations
	}
	if iterations < DefaultIterations || iterations > maxIterations {
		return SCRAM{}, fmt.Errorf("passwd: SCRAM-SHA-256: %d iterations: want %d to %d", iterations, DefaultIterations, maxIterations)
	}
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(random, salt); err != nil {
		return SCRAM{}, fmt.Errorf("passwd: salt: %w", err)
	}
	return deriveSCRAM(prepared, salt, iterations), nil
}

func deriveSCRAM(prepared string, salt []byte, iterations int) SCRAM {
	salted, err := pbkdf2.Key(sha256.New, prepared, salt, iterations, sha256.Size)
	if err != nil {
		panic("passwd: internal error: " + err.Error()) // only for lengths that FIPS 140 forbids
	}
	clientKey := mac(salted, "Client Key")
	storedKey := sha256.Sum256(clientKey)
	return SCRAM{iterations, salt, storedKey[:], mac(salted, "Server Key")}
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Record is s to be kept: https://www.rfc-editor.org/rfc/rfc5803#section-3, in
// the spelling of PostgreSQL.
func (s SCRAM) Record() Record {
	b64 := base64.StdEncoding.EncodeToString
	return Record{&kept{
		fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", s.Iterations, b64(s.Salt), b64(s.StoredKey), b64(s.ServerKey)),
		&scramKeys{s},
	}}
}

// Format prints [redacted] for every verb.
func (s SCRAM) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// SCRAM is what r has for SCRAM-SHA-256: its own, if it is of that form, or one
// made of a {plain} password with the salt, which takes a few milliseconds. It
// reports false if r has neither.
func (r Record) SCRAM(salt []byte) (SCRAM, bool) {
	if r.kept == nil {
		return SCRAM{}, false
	}
	switch f := r.kept.form.(type) {
	case *scramKeys:
		return f.SCRAM, true
	case plain:
		prepared, err := Prepare(string(f))
		return deriveSCRAM(prepared, salt, DefaultIterations), err == nil
	}
	return SCRAM{}, false
}

// scramKeys is a SCRAM as a form.
type scramKeys struct{ SCRAM }

func (*scramKeys) prepares() {}

func parseSCRAM(text string) (form, error) {
	fields := strings.Split(text, "$")
	if len(fields) != 3 {
		return nil, errors.New("want SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey")
	}
	iterations, salt, _ := strings.Cut(fields[1], ":")
	stored, server, _ := strings.Cut(fields[2], ":")
	k := new(scramKeys)
	var ok bool
	if k.Iterations, ok = number(iterations, maxIterations); !ok || k.Iterations < DefaultIterations {
		return nil, fmt.Errorf("iterations: want %d to %d", DefaultIterations, maxIterations)
	}
	var err error
	if k.Salt, err = base64.StdEncoding.Strict().DecodeString(salt); err != nil || len(k.Salt) < 8 || len(k.Salt) > 64 {
		return nil, errors.New("salt: want 8 to 64 bytes of base64")
	}
	for _, key := range []struct {
		name, text string
		to         *[]byte
	}{{"StoredKey", stored, &k.StoredKey}, {"ServerKey", server, &k.ServerKey}} {
		if *key.to, err = base64.StdEncoding.Strict().DecodeString(key.text); err != nil || len(*key.to) != sha256.Size {
			return nil, fmt.Errorf("%s: want %d bytes of base64", key.name, sha256.Size)
		}
	}
	return k, nil
}

func (k *scramKeys) verify(password string) bool {
	return subtle.ConstantTimeCompare(deriveSCRAM(password, k.Salt, k.Iterations).StoredKey, k.StoredKey) == 1
}
