package passwd

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// crypt's base 64 has its own alphabet, and its own order: little groups of
// three bytes, lowest six bits first.
const cryptDigits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// cryptText writes the bytes of sum in an order of threes; -1 is no byte.
func cryptText(sum []byte, order [][3]int) string {
	var b strings.Builder
	for _, three := range order {
		var bits uint32
		n := 0
		for _, i := range three {
			bits <<= 8
			if i >= 0 {
				bits |= uint32(sum[i])
				n++
			}
		}
		for range n + 1 {
			b.WriteByte(cryptDigits[bits&63])
			bits >>= 6
		}
	}
	return b.String()
}

// A cryptHash is $id$[rounds=N$]salt$hash of the C library's crypt.
type cryptHash struct {
	salt   string
	rounds int // of SHA-crypt
	hash   string
	make   func(password, salt string, rounds int) string
}

func (h *cryptHash) verify(password string) bool {
	return subtle.ConstantTimeCompare([]byte(h.make(password, h.salt, h.rounds)), []byte(h.hash)) == 1
}

// split cuts what follows $id$; want is the length of the hash.
func (h *cryptHash) split(rest string, maxSalt, want int) error {
	var ok bool
	if h.salt, h.hash, ok = strings.Cut(rest, "$"); !ok || len(h.salt) > maxSalt {
		return fmt.Errorf("want a salt of at most %d characters, $ and the hash", maxSalt)
	}
	if len(h.hash) != want {
		return fmt.Errorf("hash: want %d characters", want)
	}
	for _, c := range []byte(h.hash) {
		if !isCryptDigit(c) {
			return errors.New("hash: want letters, digits, . and /")
		}
	}
	return nil
}

const (
	defaultRounds = 5000
	minRounds     = 1000
	maxRounds     = 1_000_000 // the specification allows a thousand times more
)

// parseSHACrypt reads what https://www.akkadia.org/drepper/SHA-crypt.txt
// specifies.
func parseSHACrypt(text string) (form, error) {
	h := &cryptHash{rounds: defaultRounds}
	rest := text[len("$5$"):]
	if rounds, more, found := strings.Cut(rest, "$"); found && strings.HasPrefix(rounds, "rounds=") {
		n, ok := number(strings.TrimPrefix(rounds, "rounds="), maxRounds)
		if !ok || n < minRounds {
			return nil, fmt.Errorf("rounds: want %d to %d", minRounds, maxRounds)
		}
		h.rounds, rest = n, more
	}
	if strings.HasPrefix(text, "$5$") {
		h.make = sha256Crypt
		return h, h.split(rest, 16, 43)
	}
	h.make = sha512Crypt
	return h, h.split(rest, 16, 86)
}

func sha256Crypt(password, salt string, rounds int) string {
	return cryptText(shaCrypt(sha256.New, password, salt, rounds), sha256Order)
}

func sha512Crypt(password, salt string, rounds int) string {
	return cryptText(shaCrypt(sha512.New, password, salt, rounds), sha512Order)
}

// shaCrypt is the algorithm of the specification; the numbers are its steps.
func shaCrypt(newHash func() hash.Hash, password, salt string, rounds int) []byte {
	key := []byte(password)
	sumOf := func(write func(h hash.Hash)) []byte {
		h := newHash()
		write(h)
		return h.Sum(nil)
	}
	// cycle repeats sum up to n bytes: steps 9 and 10, 16, 20.
	cycle := func(sum []byte, n int) (out []byte) {
		for len(out) < n {
			out = append(out, sum[:min(len(sum), n-len(out))]...)
		}
		return out
	}
	b := sumOf(func(h hash.Hash) { h.Write(key); h.Write([]byte(salt)); h.Write(key) }) // 4 to 8
	a := sumOf(func(h hash.Hash) {                                                      // 1 to 3, 9 to 12
		h.Write(key)
		h.Write([]byte(salt))
		h.Write(cycle(b, len(key)))
		for n := len(key); n > 0; n >>= 1 {
			if n&1 == 1 {
				h.Write(b)
			} else {
				h.Write(key)
			}
		}
	})
	p := cycle(sumOf(func(h hash.Hash) { // 13 to 16
		for range key {
			h.Write(key)
		}
	}), len(key))
	s := cycle(sumOf(func(h hash.Hash) { // 17 to 20
		for range 16 + int(a[0]) {
			h.Write([]byte(salt))
		}
	}), len(salt))
	h := newHash()
	for i := range rounds { // 21
		h.Reset()
		if i&1 == 1 {
			h.Write(p)
		} else {
			h.Write(a)
		}
		if i%3 != 0 {
			h.Write(s)
		}
		if i%7 != 0 {
			h.Write(p)
		}
		if i&1 == 1 {
			h.Write(a)
		} else {
			h.Write(p)
		}
		a = h.Sum(a[:0])
	}
	return a
}

// The orders of step 22: three places, each moved on by the same for each group.
var (
	sha256Order = append(cryptOrder([3]int{0, 10, 20}, [3]int{21, 1, 11}, 30), [3]int{-1, 31, 30})
	sha512Order = append(cryptOrder([3]int{0, 21, 42}, [3]int{22, 43, 1}, 63), [3]int{-1, -1, 63})
)

// cryptOrder goes on from its first two groups until n bytes are placed.
func cryptOrder(first, second [3]int, n int) (order [][3]int) {
	at := first
	for len(order) < n/3 {
		order = append(order, at)
		for i := range at {
			at[i] = (at[i] + second[i] - first[i] + n) % n
		}
	}
	return order
}

// parseMD5Crypt reads $1$ of old systems, and $apr1$, which is the same with
// another name in it.
func parseMD5Crypt(text string) (form, error) {
	magic := "$1$"
	if strings.HasPrefix(text, "$apr1$") {
		magic = "$apr1$"
	}
	h := &cryptHash{make: func(password, salt string, _ int) string { return md5Crypt(magic, password, salt) }}
	return h, h.split(text[len(magic):], 8, 22)
}

// md5Crypt is Poul-Henning Kamp's algorithm of 1994:
// https://httpd.apache.org/docs/2.4/misc/password_encryptions.html
func md5Crypt(magic, password, salt string) string {
	key := []byte(password)
	b := md5.Sum([]byte(password + salt + password))
	h := md5.New()
	h.Write([]byte(password + magic + salt))
	for n := len(key); n > 0; n -= len(b) {
		h.Write(b[:min(n, len(b))])
	}
	for n := len(key); n > 0; n >>= 1 {
		if n&1 == 1 {
			h.Write([]byte{0})
		} else {
			h.Write(key[:1])
		}
	}
	a := h.Sum(nil)
	for i := range 1000 {
		h.Reset()
		if i&1 == 1 {
			h.Write(key)
		} else {
			h.Write(a)
		}
		if i%3 != 0 {
			h.Write([]byte(salt))
		}
		if i%7 != 0 {
			h.Write(key)
		}
		if i&1 == 1 {
			h.Write(a)
		} else {
			h.Write(key)
		}
		a = h.Sum(a[:0])
	}
	return cryptText(a, [][3]int{{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}, {-1, -1, 11}})
}
