package guard

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred"
)

// KindBearer is that of a Bearer.
const KindBearer cred.Kind = "bearer"

// A Bearer is a token: whoever has it may. Immutable after first use.
//
// https://www.rfc-editor.org/rfc/rfc6750
type Bearer struct{ Token twistor.Secret }

// Kind is KindBearer.
func (Bearer) Kind() cred.Kind { return KindBearer }

// Claim is "": a token says who it is by what it is.
func (Bearer) Claim() string { return "" }

// Tokens is a Checker of tokens. It has hashes of them only, so that whoever
// reads them is not let in. Loop-only.
type Tokens struct {
	// Users are the names of those who have tokens, by Hash. They may be added
	// and removed at any time; what was right is so for as long as the Guard
	// remembers.
	Users map[string]string
}

// Kinds is KindBearer.
func (*Tokens) Kinds() []cred.Kind { return []cred.Kind{KindBearer} }

// Check looks the token up. A hash needs no constant time: who does not know
// the token cannot choose what it begins with.
func (t *Tokens) Check(_ *deferred.Co, a *cred.Attempt) (cred.Identity, error) {
	b, ok := a.Credentials.(Bearer)
	if !ok {
		return cred.Identity{}, fmt.Errorf("%w: want a token", cred.ErrUnauthorized)
	}
	user, ok := t.Users[Hash(b.Token)]
	if !ok {
		return cred.Identity{}, cred.ErrUnauthorized
	}
	return cred.Identity{User: user}, nil
}

// Hash is what Tokens keeps of a token: SHA-256, in hexadecimal. That is enough
// for what NewToken makes, and would not be for what people think up.
func Hash(token twistor.Secret) string {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return hex.EncodeToString(sum[:])
}

// NewToken makes a token of 256 bits of rand, a Loop's Rand: show it to whom it
// is for, and keep its Hash.
func NewToken(rand io.Reader) (twistor.Secret, error) {
	p := make([]byte, 32)
	if _, err := io.ReadFull(rand, p); err != nil {
		return twistor.Secret{}, err
	}
	return twistor.Conceal(base64.RawURLEncoding.EncodeToString(p)), nil
}
