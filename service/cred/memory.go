package cred

import (
	"context"
	"maps"
	"slices"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred/passwd"
)

// A Memory is a Checker of users that the program itself has: for tests, and
// for a few. It takes every kind of credentials that a password proves; those
// for which a record of that form is no use, such as CRAM-MD5 for a hash, are
// refused. Loop-only.
type Memory struct {
	// Users are the names and what is kept of their passwords: passwd.Plain
	// where the password itself must be known. Users may be added and removed
	// at any time.
	Users map[string]passwd.Record
	// Hashing is what a hash should cost; a cheaper one is made anew when its
	// user logs in. Zero: 19 MiB, two passes; see passwd.Argon2id.Outdated for
	// what is left as it is.
	Hashing passwd.Argon2id
	// Rehashed, if not nil, is told of records that were made anew.
	Rehashed func(user string, r passwd.Record)

	names []string
}

// Kinds are those that a password proves.
func (m *Memory) Kinds() []Kind { return recordKinds }

// Check looks into Users.
func (m *Memory) Check(co *deferred.Co, a *Attempt) (Identity, error) {
	name := a.Credentials.Claim()
	if len(m.names) != len(m.Users) {
		m.names = slices.Sorted(maps.Keys(m.Users))
	}
	r, known := (&accounts{m.Users, m.names}).find(name)
	if r.IsZero() {
		r = nobody // the decoy has been removed since
	}
	v, err := prove(co, a, m.Hashing, func(context.Context) (passwd.Record, bool, error) { return r, known, nil })
	if err != nil || !v.ok {
		return Identity{}, orUnauthorized(err)
	}
	if !v.newer.IsZero() && m.Users[name] == r {
		m.Users[name] = v.newer
		if m.Rehashed != nil {
			m.Rehashed(name, v.newer)
		}
	}
	return Identity{User: name}, nil
}

func orUnauthorized(err error) error {
	if err == nil {
		return ErrUnauthorized
	}
	return err
}
