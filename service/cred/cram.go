package cred

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"strings"

	"github.com/twistor-go/twistor"
)

// A CRAMMD5 is a response to a challenge, keyed with the password. It needs a
// Checker that has the password itself; SCRAM does not, and is better in every
// other way. Immutable after first use.
//
// https://www.rfc-editor.org/rfc/rfc2195#section-2
type CRAMMD5 struct {
	User      string
	Challenge string // as sent, with its < and >
	Digest    []byte // 16 bytes, what the client made of it
}

// ParseCRAMMD5 reads a client's response to a challenge: "a string consisting of
// the user name, a space, and a 'digest'".
func ParseCRAMMD5(challenge string, response []byte) (CRAMMD5, error) {
	text := string(response)
	space := strings.LastIndexByte(text, ' ')
	if space < 1 {
		return CRAMMD5{}, malformed("CRAM-MD5: want a user, a space and a digest")
	}
	digest, err := hex.DecodeString(text[space+1:])
	if err != nil || len(digest) != md5.Size {
		return CRAMMD5{}, malformed("CRAM-MD5: want a digest of %d hexadecimal digits", 2*md5.Size)
	}
	return CRAMMD5{text[:space], challenge, digest}, nil
}

// Kind is KindCRAMMD5.
func (CRAMMD5) Kind() Kind { return KindCRAMMD5 }

// Claim is User.
func (c CRAMMD5) Claim() string { return c.User }

// Matches compares the digest with that of the password.
func (c CRAMMD5) Matches(password twistor.Secret) bool {
	h := hmac.New(md5.New, []byte(password.Reveal()))
	h.Write([]byte(c.Challenge))
	return subtle.ConstantTimeCompare(h.Sum(nil), c.Digest) == 1
}
