package cred

import (
	"crypto/sha256"
	"crypto/subtle"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/service/cred/passwd"
)

// A Kind is a way to prove who one is. A package may add its own.
type Kind string

const (
	KindPassword  Kind = "password"
	KindAnonymous Kind = "anonymous"
	KindSSHKey    Kind = "ssh-key"
	KindCRAMMD5   Kind = "cram-md5"
	KindDigest    Kind = "digest"
	KindSCRAM     Kind = "scram-sha-256"
)

// Credentials are what a peer says to prove who it is: one of this package's
// types, or one's own. A Checker that says it takes their Kind knows the type.
type Credentials interface {
	Kind() Kind
	// Claim is the name of the user it claims to be; "": none.
	Claim() string
}

// A Matcher is Credentials that whoever has the password itself can check: what
// a Checker asks that keeps passwords in a place of its own.
type Matcher interface {
	Credentials
	// Matches takes as long for a wrong password as for the right one.
	Matches(password twistor.Secret) bool
}

// A Password is a name and a password as typed. Immutable after first use.
type Password struct {
	User   string
	Secret twistor.Secret
}

// Kind is KindPassword.
func (Password) Kind() Kind { return KindPassword }

// Claim is User.
func (p Password) Claim() string { return p.User }

// Matches compares what SASLprep makes of both.
func (p Password) Matches(password twistor.Secret) bool {
	got, gotErr := passwd.Prepare(p.Secret.Reveal())
	want, wantErr := passwd.Prepare(password.Reveal())
	return equal(got, want) && gotErr == nil && wantErr == nil
}

// Anonymous is who does not say who it is. Immutable after first use.
type Anonymous struct {
	// Trace is what it said instead, by custom a mail address: for the log.
	Trace string
}

// Kind is KindAnonymous.
func (Anonymous) Kind() Kind { return KindAnonymous }

// Claim is "".
func (Anonymous) Claim() string { return "" }

// equal compares secrets of any length in a time that says nothing of them.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
