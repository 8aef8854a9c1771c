package cred

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred/passwd"
)

// accounts are users and what is kept of their passwords. Immutable, so that
// jobs on the pool may look into them.
type accounts struct {
	records map[string]passwd.Record
	names   []string // the keys, sorted
}

// recordKinds are what a passwd.Record of some form can check.
var recordKinds = []Kind{KindPassword, KindSCRAM, KindCRAMMD5, KindDigest}

// nobody is whose record is looked at where there are no users at all. Its
// password is not known, and would not help.
var nobody = must(passwd.Parse("$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))

func must(r passwd.Record, err error) passwd.Record {
	if err != nil {
		panic(err)
	}
	return r
}

// find returns the record of a user, or a decoy: the record of somebody else,
// always the same one for a name. So a stranger's password costs what that of
// some user does, also where users have different forms, and names that exist
// cannot be told by the time it takes.
func (a *accounts) find(name string) (r passwd.Record, known bool) {
	if r, known = a.records[name]; known {
		return r, true
	}
	if len(a.names) == 0 {
		return nobody, false
	}
	return a.records[a.names[choose(name, len(a.names))]], false
}

// choose is a number below n, always the same one for a name.
func choose(name string, n int) int {
	sum := sha256.Sum256([]byte(name))
	return int(binary.BigEndian.Uint64(sum[:]) % uint64(n))
}

// A verdict is what a job found.
type verdict struct {
	ok    bool
	newer passwd.Record // made because the old one costs too little to try; zero: none
}

// verify checks a password, and makes a new record if it is right and the old
// one is outdated. It is for the pool. A stranger's verify is wrong after the
// same work.
func verify(password string, r passwd.Record, known bool, cost passwd.Argon2id, salt []byte) (v verdict) {
	v.ok = r.Verify(password) && known
	if v.ok && cost.Outdated(r) {
		v.newer, _ = cost.Hash(password, bytes.NewReader(salt)) // fails only for passwords that SASLprep refuses: they keep what they have
	}
	return v
}

// prove checks any kind of credentials against a record. find is called on the
// pool if it has to be waited for anyway.
func prove(co *deferred.Co, a *Attempt, cost passwd.Argon2id, find func(context.Context) (passwd.Record, bool, error)) (verdict, error) {
	salt := make([]byte, 16)
	if _, err := io.ReadFull(a.Loop.Rand(), salt); err != nil {
		return verdict{}, err
	}
	switch c := a.Credentials.(type) {
	case Password:
		return Work(co, a, func(ctx context.Context) (verdict, error) {
			r, known, err := find(ctx)
			if err != nil {
				return verdict{}, err
			}
			return verify(c.Secret.Reveal(), r, known, cost, salt), nil
		})
	case *SCRAM:
		type found struct {
			keys passwd.SCRAM
			ok   bool
		}
		f, err := Work(co, a, func(ctx context.Context) (found, error) {
			r, known, err := find(ctx)
			if err != nil {
				return found{}, err
			}
			keys, ok := scramOf(r, c.Claim(), known)
			return found{keys, ok}, nil
		})
		if err != nil {
			return verdict{}, err
		}
		if !f.ok {
			if c.Decoy.Iterations == 0 {
				c.Decoy = f.keys
			}
			return verdict{}, nil
		}
		return verdict{ok: true}, c.Prove(co, f.keys)
	case Matcher:
		return Work(co, a, func(ctx context.Context) (verdict, error) {
			r, known, err := find(ctx)
			if err != nil {
				return verdict{}, err
			}
			password, plain := r.Password()
			return verdict{ok: c.Matches(twistor.Conceal(password)) && plain && known}, nil
		})
	}
	return verdict{}, nil
}

// scramOf is what r has for SCRAM. If it has nothing, or is a decoy, what is
// returned looks as if it were the user's, and took as long to make. The salt
// depends on the name and on r, which is secret: so it is the same one at the
// next try, as a real one would be.
func scramOf(r passwd.Record, name string, known bool) (keys passwd.SCRAM, ok bool) {
	salt := keyed(r.Text(), "salt", name)[:16]
	keys, has := r.SCRAM(salt)
	if has && known {
		return keys, true
	}
	if !has {
		keys.Iterations = passwd.DefaultIterations
	}
	return passwd.SCRAM{
		Iterations: keys.Iterations,
		Salt:       salt,
		StoredKey:  keyed(r.Text(), "stored", name),
		ServerKey:  keyed(r.Text(), "server", name),
	}, false
}

func keyed(key, what, name string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	io.WriteString(h, what+" "+name)
	return h.Sum(nil)
}
