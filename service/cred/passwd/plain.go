package passwd

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
)

const plainPrefix = "{plain}"

// plain is the password itself: CRAM-MD5 and Digest cannot do with less.
type plain string

// Plain is the Record that keeps the password itself: for tests, for a user on
// the command line, and for those who need CRAM-MD5 or Digest.
func Plain(password string) Record { return Record{&kept{plainPrefix + password, plain(password)}} }

// Password is the password of a {plain} Record. It reports false of others.
func (r Record) Password() (password string, ok bool) {
	if r.kept == nil {
		return "", false
	}
	p, ok := r.kept.form.(plain)
	return string(p), ok
}

func (plain) prepares() {}

func parsePlain(text string) (form, error) {
	if text == plainPrefix {
		return nil, errors.New("empty password")
	}
	return plain(strings.TrimPrefix(text, plainPrefix)), nil
}

func (p plain) verify(password string) bool {
	prepared, _ := Prepare(string(p)) // if it cannot be, then password cannot either
	return equal(prepared, password)
}

// A sha1Hash is {SHA} and the base64 of an unsalted SHA-1, of htpasswd -s.
type sha1Hash [sha1.Size]byte

func parseSHA1(text string) (form, error) {
	sum, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(text, "{SHA}"))
	if err != nil || len(sum) != sha1.Size {
		return nil, errors.New("want 20 bytes of base64")
	}
	return sha1Hash(sum), nil
}

func (h sha1Hash) verify(password string) bool {
	sum := sha1.Sum([]byte(password))
	return subtle.ConstantTimeCompare(sum[:], h[:]) == 1
}
