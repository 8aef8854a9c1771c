package cred

import (
	"container/list"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
)

// ErrStale says that a Digest was made with a nonce that is too old, or used
// before. The client is to be challenged again, with stale set, and need not
// ask its user. It wraps ErrUnauthorized.
var ErrStale = fmt.Errorf("%w: stale nonce", ErrUnauthorized)

// A Digester challenges clients of HTTP, and of what borrowed its scheme, and
// reads their answers. Its nonces are signed, and good for one host and 15
// minutes; a nonce and its count are good once. Nothing is kept of nonces until
// they are used, so that strangers cannot fill memory. Set the fields before
// first use. Loop-only.
//
// https://www.rfc-editor.org/rfc/rfc7616
type Digester struct {
	// Realm is the name of what is protected, shown to people.
	Realm string
	// Algorithms are offered in this order; nil: SHA-256, then MD5 for clients
	// that know no better. With -sess they are offered only if named here.
	Algorithms []string
	// QOP are the qualities of protection offered; nil: auth. A Request must
	// have its body if auth-int is. A client that uses none is refused: its
	// answer could be used for other requests.
	QOP []string
	// MaxAge is how long a nonce is good; 0: 15 minutes; negative: it never is.
	MaxAge time.Duration

	key  []byte
	used map[string]*list.Element
	last list.List // of *usedNonce, the longest unused first
	// floor is when the youngest nonce was made of those that are forgotten:
	// what is not younger may have been used.
	floor time.Time
}

// Challenges are the values of WWW-Authenticate fields, one for each algorithm.
// stale says that the client's last answer was ErrStale.
func (d *Digester) Challenges(l twistor.Loop, from Origin, stale bool) ([]string, error) {
	nonce, err := d.nonce(l, from)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, a := range d.algorithms() {
		text := fmt.Sprintf(`Digest realm=%s, qop="%s", algorithm=%s, nonce="%s", charset=UTF-8`,
			quote(d.Realm), strings.Join(d.qop(), ","), a, nonce)
		if stale {
			text += ", stale=true"
		}
		all = append(all, text)
	}
	return all, nil
}

// Parse reads the value of an Authorization field, and checks all but the
// password: that it answers a challenge of ours, of this realm, given to this
// host, not too long ago and not used before, and is for this request. What it
// returns is for Portal.Login. The error is ErrMalformed, ErrUnauthorized or
// ErrStale.
//
// "The server SHOULD only set stale to true if it receives a request for which
// the nonce is invalid": https://www.rfc-editor.org/rfc/rfc7616#section-3.3.
func (d *Digester) Parse(l twistor.Loop, header string, r Request, from Origin) (*Digest, error) {
	c, err := parseDigest(header)
	if err != nil {
		return nil, err
	}
	c.Method, c.Body = r.Method, r.Body
	switch {
	case c.Realm != d.Realm, !slices.Contains(d.algorithms(), c.Algorithm), !slices.Contains(d.qop(), c.QOP):
		return nil, fmt.Errorf("%w: digest: realm, algorithm or qop was not offered", ErrUnauthorized)
	case c.URI != r.URI:
		return nil, malformed("digest: uri: want the request's")
	}
	if err := d.checkNonce(l, c, from); err != nil {
		return nil, err
	}
	return c, nil
}

func (d *Digester) algorithms() []string {
	if d.Algorithms == nil {
		return []string{"SHA-256", "MD5"}
	}
	return d.Algorithms
}

func (d *Digester) qop() []string {
	if d.QOP == nil {
		return []string{"auth"}
	}
	return d.QOP
}

func (d *Digester) maxAge() time.Duration {
	if d.MaxAge == 0 {
		return defaultMaxAge
	}
	return d.MaxAge
}

// A nonce is 8 bytes of time, 8 of chance, and a signature of both and of the
// host: "H(timestamp ":" ETag ":" secret-data)" is what the specification
// suggests, https://www.rfc-editor.org/rfc/rfc7616#section-3.3.
const (
	nonceTextBytes = 16
	nonceBytes     = nonceTextBytes + sha256.Size
)

func (d *Digester) nonce(l twistor.Loop, from Origin) (string, error) {
	if d.key == nil {
		key := make([]byte, 32)
		if _, err := io.ReadFull(l.Rand(), key); err != nil {
			return "", unavailable(err)
		}
		d.key = key
	}
	text := make([]byte, nonceTextBytes, nonceBytes)
	binary.BigEndian.PutUint64(text, uint64(l.Now().UnixNano()))
	if _, err := io.ReadFull(l.Rand(), text[8:]); err != nil {
		return "", unavailable(err)
	}
	return base64.RawURLEncoding.EncodeToString(append(text, d.sign(text, from)...)), nil
}

func (d *Digester) sign(text []byte, from Origin) []byte {
	h := hmac.New(sha256.New, d.key)
	h.Write(text)
	io.WriteString(h, from.host().String())
	return h.Sum(nil)
}

var errForeignNonce = errors.New("digest: the nonce is none of ours, or another host's")

func (d *Digester) checkNonce(l twistor.Loop, c *Digest, from Origin) error {
	nonce, err := base64.RawURLEncoding.Strict().DecodeString(c.Nonce)
	if err != nil || len(nonce) != nonceBytes || d.key == nil ||
		!hmac.Equal(nonce[nonceTextBytes:], d.sign(nonce[:nonceTextBytes], from)) {
		// After a restart we have another key: that is no fault of the client's.
		return fmt.Errorf("%w: %w", ErrStale, errForeignNonce)
	}
	issued := time.Unix(0, int64(binary.BigEndian.Uint64(nonce)))
	age := l.Now().Sub(issued)
	if age < 0 || age > d.maxAge() {
		return ErrStale
	}
	count, err := strconv.ParseUint(c.Count, 16, 32)
	if err != nil || count == 0 || !d.use(c.Nonce, uint32(count), issued, l.Now()) {
		return ErrStale
	}
	return nil
}

// A usedNonce remembers which counts of a nonce were used: the highest, and
// which of the 64 up to it. Clients that have several connections use them out
// of order.
type usedNonce struct {
	nonce   string
	highest uint32
	window  uint64 // bit i: highest-i was used
	issued  time.Time
	at      time.Time
}

// use notes a count, and reports whether it was unused.
func (d *Digester) use(nonce string, count uint32, issued, now time.Time) bool {
	for e := d.last.Front(); e != nil; e = d.last.Front() {
		u := e.Value.(*usedNonce)
		if len(d.used) < maxNonces && now.Sub(u.at) <= d.maxAge() {
			break
		}
		d.last.Remove(e)
		delete(d.used, u.nonce)
		d.floor = later(d.floor, u.issued)
	}
	e := d.used[nonce]
	if e == nil {
		if !issued.After(d.floor) {
			return false // it may be one that was forgotten
		}
		if d.used == nil {
			d.used = map[string]*list.Element{}
		}
		d.used[nonce] = d.last.PushBack(&usedNonce{nonce, count, 1, issued, now})
		return true
	}
	u := e.Value.(*usedNonce)
	u.at = now
	d.last.MoveToBack(e)
	switch {
	case count > u.highest:
		u.window = u.window<<(count-u.highest) | 1
		u.highest = count
		return true
	case u.highest-count >= 64 || u.window>>(u.highest-count)&1 == 1:
		return false
	}
	u.window |= 1 << (u.highest - count)
	return true
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
