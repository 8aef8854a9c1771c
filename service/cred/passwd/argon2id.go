package passwd

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What zero fields of an Argon2id stand for: the least that is recommended, for
// a server with many logins.
// https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
const (
	defaultMemoryKiB = 19 << 10
	defaultPasses    = 2
	defaultLanes     = 1
	saltBytes        = 16
	keyBytes         = 32
)

// An Argon2id is how costly it is to try a password. Immutable after first use.
type Argon2id struct {
	MemoryKiB uint32 // of one Verify; 0: 19,456 (19 MiB); at most 1 GiB
	Passes    uint32 // over that memory; 0: 2; at most 64
	Lanes     uint8  // that may be computed at the same time; 0: 1; at most 16
}

// Hash makes a Record of a password: the way to keep a new one. It takes as
// long as Verify. random is where the salt comes from: twistor.Loop.Rand, or
// crypto/rand.Reader in a program of its own.
func Hash(password string, random io.Reader) (Record, error) {
	return Argon2id{}.Hash(password, random)
}

// Hash is the function Hash at another cost.
func (a Argon2id) Hash(password string, random io.Reader) (Record, error) {
	prepared, err := Prepare(password)
	if err != nil {
		return Record{}, err
	}
	h := &argon2idHash{cost: a.resolved(), salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}
	if err := h.cost.check(); err != nil {
		return Record{}, fmt.Errorf("passwd: argon2id: %w", err)
	}
	if _, err := io.ReadFull(random, h.salt); err != nil {
		return Record{}, fmt.Errorf("passwd: salt: %w", err)
	}
	h.key = h.derive(prepared)
	return Record{&kept{h.text(), h}}, nil
}

// Outdated reports whether r costs less to try than a asks for, or is of
// another form: then the next login, which has the password, should make a new
// one. It is not if r is {plain} or SCRAM-SHA-256, which are kept for a purpose.
func (a Argon2id) Outdated(r Record) bool {
	if r.kept == nil {
		return false
	}
	switch f := r.kept.form.(type) {
	case *argon2idHash:
		want := a.resolved()
		return f.cost.MemoryKiB < want.MemoryKiB || f.cost.Passes < want.Passes || len(f.key) < keyBytes || len(f.salt) < saltBytes
	case plain, *scramKeys:
		return false
	}
	return true
}

func (a Argon2id) resolved() Argon2id {
	if a.MemoryKiB == 0 {
		a.MemoryKiB = defaultMemoryKiB
	}
	if a.Passes == 0 {
		a.Passes = defaultPasses
	}
	if a.Lanes == 0 {
		a.Lanes = defaultLanes
	}
	return a
}

// check keeps one Verify from taking the whole machine, and argon2 from a panic.
func (a Argon2id) check() error {
	switch {
	case a.Lanes < 1 || a.Lanes > 16:
		return fmt.Errorf("p=%d: want a number from 1 to 16", a.Lanes)
	case a.MemoryKiB < 8*uint32(a.Lanes) || a.MemoryKiB > 1<<20:
		return fmt.Errorf("m=%d: want a number from %d to %d", a.MemoryKiB, 8*uint32(a.Lanes), 1<<20)
	case a.Passes < 1 || a.Passes > 64:
		return fmt.Errorf("t=%d: want a number from 1 to 64", a.Passes)
	}
	return nil
}

// An argon2idHash is a PHC string:
// https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md
type argon2idHash struct {
	cost      Argon2id
	salt, key []byte
}

func (*argon2idHash) prepares() {}

func parseArgon2id(text string) (form, error) {
	fields := strings.Split(text, "$")
	if len(fields) != 6 {
		return nil, errors.New("want $argon2id$v=19$m=,t=,p=$salt$hash")
	}
	if fields[2] != "v=19" {
		return nil, errors.New("unknown version: want v=19")
	}
	h := new(argon2idHash)
	cost := strings.Split(fields[3], ",")
	if len(cost) != 3 {
		return nil, errors.New("want the parameters m, t and p")
	}
	var lanes uint32
	for i, p := range []struct {
		name string
		to   *uint32
	}{{"m=", &h.cost.MemoryKiB}, {"t=", &h.cost.Passes}, {"p=", &lanes}} {
		digits, ok := strings.CutPrefix(cost[i], p.name)
		if n, valid := number(digits, 1<<20); ok && valid {
			*p.to = uint32(n)
		} else {
			return nil, fmt.Errorf("want %s and a number up to %d", p.name, 1<<20)
		}
	}
	h.cost.Lanes = uint8(min(lanes, 255))
	if err := h.cost.check(); err != nil {
		return nil, err
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.Strict().DecodeString(fields[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return nil, errors.New("salt: want 8 to 64 bytes of base64")
	}
	if h.key, err = base64.RawStdEncoding.Strict().DecodeString(fields[5]); err != nil || len(h.key) < 16 || len(h.key) > 64 {
		return nil, errors.New("hash: want 16 to 64 bytes of base64")
	}
	return h, nil
}

func (h *argon2idHash) text() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", h.cost.MemoryKiB, h.cost.Passes, h.cost.Lanes,
		b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

func (h *argon2idHash) derive(password string) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.cost.Passes, h.cost.MemoryKiB, h.cost.Lanes, uint32(len(h.key)))
}

func (h *argon2idHash) verify(password string) bool {
	return subtle.ConstantTimeCompare(h.derive(password), h.key) == 1
}

// number reads a decimal number as all our forms write it: no sign, no zero in
// front.
func number(digits string, most int) (n int, ok bool) {
	if digits == "" || len(digits) > 9 || digits[0] == '0' && digits != "0" {
		return 0, false
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, n <= most
}
