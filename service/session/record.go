package session

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"time"
)

// A Record is a session as it is kept. Immutable after first use.
type Record struct {
	// Key is the hash of the id, in base64url. The id itself is with the visitor
	// alone.
	Key string
	// Value is the session's value.
	Value json.RawMessage
	// Token is what Tokens are made of.
	Token []byte
	// Begun is when the session did, Used its last request: by up to a tenth
	// of Idle less, because not each is kept.
	Begun, Used time.Time
	// Rotated says that it had another id before.
	Rotated bool
}

// String names it, for logs: by the first of its Key, which lets nobody in.
func (r Record) String() string { return "session " + r.Key[:min(8, len(r.Key))] }

// LogValue is String.
func (r Record) LogValue() slog.Value { return slog.StringValue(r.String()) }

// idBytes are those of an id, and of what Tokens are made of: twice of what
// nobody can guess.
const idBytes = 32

// idText is how long an id is in a cookie.
var idText = base64.RawURLEncoding.EncodedLen(idBytes)

// newID makes an id.
func newID(rand io.Reader) (string, error) {
	p, err := random(rand)
	return base64.RawURLEncoding.EncodeToString(p), err
}

// random is idBytes of chance.
func random(rand io.Reader) ([]byte, error) {
	p := make([]byte, idBytes)
	_, err := io.ReadFull(rand, p)
	return p, err
}

// keyOf is the Key of an id; "": it is none of ours, by its looks. A hash needs
// no constant time: who does not know the id cannot choose what it begins with.
func keyOf(id string) string {
	if len(id) != idText {
		return ""
	}
	p, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(p)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
