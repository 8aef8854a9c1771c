package dns

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/twistor-go/twistor"
)

const (
	serverCookieBytes = 16
	maxCookieBytes    = clientCookieBytes + 32

	// A cookie is good for an hour, and renewed after half of it; a clock
	// ahead of ours by five minutes does no harm.
	//
	// See https://www.rfc-editor.org/rfc/rfc9018#section-4.3.
	cookieSeconds      = 3600
	cookieRenewSeconds = 1800
	cookieAheadSeconds = 300
	// cookieEpochSeconds is how long a secret made of a random one is in use.
	cookieEpochSeconds = 86_400
)

// Cookies are the secrets of server cookies. Immutable after first use, and so
// shared by the Servers of all loops.
//
// See https://www.rfc-editor.org/rfc/rfc9018.
type Cookies struct {
	random []byte     // nil: fixed
	fixed  [][16]byte // the first makes cookies, all are taken
}

// NewCookies makes secrets from random, a loop's Rand: another one each day.
func NewCookies(random io.Reader) (*Cookies, error) {
	c := &Cookies{random: make([]byte, 32)}
	_, err := io.ReadFull(random, c.random)
	return c, err
}

// FixedCookies makes cookies with the first secret, and takes those of the
// others too. Several servers behind one address share them, also those of
// others: each has 32 hexadecimal digits, as in BIND's, NSD's and Knot's
// configuration.
func FixedCookies(secrets ...twistor.Secret) (*Cookies, error) {
	if len(secrets) == 0 || len(secrets) > 8 {
		return nil, fmt.Errorf("dns: %d cookie secrets: want 1 to 8", len(secrets))
	}
	c := new(Cookies)
	for _, s := range secrets {
		raw, err := hex.DecodeString(s.Reveal())
		if err != nil || len(raw) != 16 {
			return nil, errors.New("dns: cookie secret: want 32 hexadecimal digits")
		}
		c.fixed = append(c.fixed, [16]byte(raw))
	}
	return c, nil
}

// secret is the secret of a day.
func (c *Cookies) secret(epoch uint32) (key [16]byte) {
	h := hmac.New(sha256.New, c.random)
	h.Write(binary.BigEndian.AppendUint32([]byte("cookies of day "), epoch))
	copy(key[:], h.Sum(nil))
	return key
}

// A jar is a Server's Cookies, and the secrets of two days at hand.
type jar struct {
	cookies *Cookies
	days    [2]struct {
		epoch uint32
		key   [16]byte
		known bool
	}
}

// secret is the secret for a cookie made at seconds.
func (j *jar) secret(seconds uint32) *[16]byte {
	if j.cookies.random == nil {
		return &j.cookies.fixed[0]
	}
	epoch := seconds / cookieEpochSeconds
	d := &j.days[epoch%2]
	if !d.known || d.epoch != epoch {
		d.epoch, d.key, d.known = epoch, j.cookies.secret(epoch), true
	}
	return &d.key
}

// appendCookie appends the server cookie of a client.
//
// See https://www.rfc-editor.org/rfc/rfc9018#section-4.
func appendCookie(b, client []byte, from netip.Addr, seconds uint32, key *[16]byte) []byte {
	var head [8]byte // a version, three bytes that are reserved, and the time
	head[0] = 1
	binary.BigEndian.PutUint32(head[4:], seconds)
	b = append(b, head[:]...)
	return binary.LittleEndian.AppendUint64(b, cookieHash(client, head[:], from, key))
}

// cookieHash is what only we can know of a cookie.
func cookieHash(client, head []byte, from netip.Addr, key *[16]byte) uint64 {
	var in [clientCookieBytes + 8 + 16]byte
	n := copy(in[:], client)
	n += copy(in[n:], head)
	if from = from.Unmap(); from.Is4() {
		a := from.As4()
		n += copy(in[n:], a[:])
	} else {
		a := from.As16()
		n += copy(in[n:], a[:])
	}
	return sipHash(key, in[:n])
}

// good reports whether cookie is one that we gave that client, and whether it
// may go on to be used.
//
// See https://www.rfc-editor.org/rfc/rfc9018#section-4.3.
func (j *jar) good(client, cookie []byte, from netip.Addr, now uint32) (good, fresh bool) {
	if len(cookie) != serverCookieBytes || cookie[0] != 1 {
		return false, false
	}
	head, made := cookie[:8], binary.BigEndian.Uint32(cookie[4:])
	age := int32(now - made) // RFC 1982: the clock may wrap
	if age > cookieSeconds || age < -cookieAheadSeconds {
		return false, false
	}
	hash := binary.LittleEndian.Uint64(cookie[8:])
	ok := hash == cookieHash(client, head, from, j.secret(made))
	first := ok
	for i := 1; i < len(j.cookies.fixed); i++ {
		ok = hash == cookieHash(client, head, from, &j.cookies.fixed[i]) || ok
	}
	return ok, first && age < cookieRenewSeconds && age >= 0
}

// cookie reads the cookies of a client and gives it one. It reports whether
// they could be read.
//
// See https://www.rfc-editor.org/rfc/rfc7873#section-5.2.
func (s *Server) cookie(x *exchange, data []byte) bool {
	if n := len(data); n != clientCookieBytes && (n < clientCookieBytes+8 || n > maxCookieBytes) {
		return false
	}
	if s.jar.cookies == nil {
		if s.jar.cookies = s.Cookies; s.jar.cookies == nil {
			c, err := NewCookies(s.loop.Rand())
			if err != nil { // no randomness: no cookies
				return true
			}
			s.jar.cookies = c
		}
	}
	client, server := data[:clientCookieBytes], data[clientCookieBytes:]
	from, now := x.q.From.Addr.Addr(), uint32(s.loop.Now().Unix())
	good, fresh := s.jar.good(client, server, from, now)
	x.proven = x.proven || good
	if good {
		s.stats.GoodCookies++
	}
	var both [clientCookieBytes + serverCookieBytes]byte
	b := append(both[:0], client...)
	if fresh {
		b = append(b, server...)
	} else {
		b = appendCookie(b, client, from, now, s.jar.secret(now))
	}
	x.w.addOption(optionCookie, b, "")
	return true
}
