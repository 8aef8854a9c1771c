package passwd

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
)

// A yescryptHash is $y$, the flavour and two numbers, $, salt, $, hash: what
// Debian and Fedora make for new passwords. Only the default flavour is read.
//
// https://www.openwall.com/yescrypt/ and, for the text,
// https://man7.org/linux/man-pages/man5/crypt.5.html
type yescryptHash struct {
	n, r       int // blocks, and their size in 128 bytes
	salt, hash []byte
}

// maxYescryptBytes is the memory of one Verify; the default takes 16 MiB.
const maxYescryptBytes = 256 << 20

func parseYescrypt(text string) (form, error) {
	fields := strings.Split(text, "$")
	if len(fields) != 5 {
		return nil, errors.New("want $y$parameters$salt$hash")
	}
	h := new(yescryptHash)
	rest, ok := strings.CutPrefix(fields[2], "j")
	logN, rest, okN := yescryptNumber(rest)
	r, rest, okR := yescryptNumber(rest)
	if !ok || !okN || !okR || rest != "" {
		return nil, errors.New("parameters: want j and two numbers, and no others")
	}
	h.n, h.r = 1<<min(logN, 30), r
	if logN < 2 || logN > 30 || r > maxYescryptBytes/128 || h.n > maxYescryptBytes/128/r {
		return nil, fmt.Errorf("parameters: want at least 4 blocks, and at most %d MiB", maxYescryptBytes>>20)
	}
	if h.salt, ok = yescryptBytes(fields[3]); !ok || len(h.salt) > 64 {
		return nil, errors.New("salt: want at most 64 bytes")
	}
	if h.hash, ok = yescryptBytes(fields[4]); !ok || len(h.hash) != sha256.Size {
		return nil, fmt.Errorf("hash: want %d bytes", sha256.Size)
	}
	return h, nil
}

// yescryptNumber reads a number from 1: small ones are one digit, and the first
// digit of others says how many follow.
func yescryptNumber(s string) (n int, rest string, ok bool) {
	if s == "" {
		return 0, "", false
	}
	c := strings.IndexByte(cryptDigits, s[0])
	start, end, more := 0, 47, 0
	for n = 1; c > end; more++ {
		n += (end + 1 - start) << (6 * more)
		start = end + 1
		end = start + (62-end)/2
	}
	if c < 0 || more > 4 || len(s) < 1+more {
		return 0, "", false
	}
	n += (c - start) << (6 * more)
	for i := range more {
		c := strings.IndexByte(cryptDigits, s[1+i])
		if c < 0 {
			return 0, "", false
		}
		n += c << (6 * (more - 1 - i))
	}
	return n, s[1+more:], true
}

// yescryptBytes decodes groups of four digits, lowest bits first.
func yescryptBytes(s string) (out []byte, ok bool) {
	for len(s) > 0 {
		group := s[:min(4, len(s))]
		s = s[len(group):]
		var bits uint32
		for i := range len(group) {
			c := strings.IndexByte(cryptDigits, group[i])
			if c < 0 {
				return nil, false
			}
			bits |= uint32(c) << (6 * i)
		}
		n := len(group) * 6 / 8
		if n == 0 || bits>>(8*n) != 0 {
			return nil, false
		}
		for range n {
			out = append(out, byte(bits))
			bits >>= 8
		}
	}
	return out, true
}

func (h *yescryptHash) verify(password string) bool {
	return subtle.ConstantTimeCompare(yescrypt([]byte(password), h.salt, h.n, h.r), h.hash) == 1
}

// yescrypt is the key derivation of the default flavour, and its last step,
// which is SCRAM's StoredKey.
func yescrypt(password, salt []byte, n, r int) []byte {
	if n >= 0x100 && n*r >= 0x20000 {
		// Cheap enough to be done by a client before it sends the password.
		password = yescryptBody("yescrypt-prehash", password, salt, n>>6, r)
	}
	key := yescryptBody("yescrypt", password, salt, n, r)
	stored := sha256.Sum256(mac(key, "Client Key"))
	return stored[:]
}

func yescryptBody(label string, password, salt []byte, n, r int) []byte {
	password = mac([]byte(label), string(password))
	b := pbkdf2Once(password, salt, 128*r)
	copy(password, b) // which is replaced by what the mixing makes of it
	password = yescryptMix(b, n, r, password)
	return pbkdf2Once(password, b, sha256.Size)
}

func pbkdf2Once(password, salt []byte, n int) []byte {
	key, err := pbkdf2.Key(sha256.New, string(password), salt, 1, n)
	if err != nil {
		panic("passwd: internal error: " + err.Error()) // only for lengths that FIPS 140 forbids
	}
	return key
}
