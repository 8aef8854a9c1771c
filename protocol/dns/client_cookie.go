package dns

import (
	"container/list"
	"encoding/hex"
	"io"

	"github.com/miekg/dns"
)

const (
	clientCookieBytes = 8
	minServerCookie   = 8
	maxServerCookie   = 32
	// maxCookies is how many servers' cookies a Client keeps; those of who was
	// asked longest ago are forgotten.
	maxCookies = 1_000
)

// A cookie is what we and one server know each other by: who answers with it
// has seen our query.
//
// See https://www.rfc-editor.org/rfc/rfc7873#section-5.
type cookie struct {
	server string
	// bytes are ours, and the server's once it has given us one.
	bytes []byte
}

// hasServers reports whether the server takes part.
func (k *cookie) hasServers() bool { return len(k.bytes) > clientCookieBytes }

// A cookieJar keeps the cookies of the servers that were asked last.
type cookieJar struct {
	at   map[string]*list.Element
	used list.List // *cookie, that of the latest query first
}

// of is the cookie for a server: "The Client Cookie SHOULD be ... different for
// each server", and "random".
func (j *cookieJar) of(server string, rand io.Reader) (*cookie, error) {
	if e := j.at[server]; e != nil {
		j.used.MoveToFront(e)
		return e.Value.(*cookie), nil
	}
	k := &cookie{server, make([]byte, clientCookieBytes)}
	if _, err := io.ReadFull(rand, k.bytes); err != nil {
		return nil, err
	}
	if j.at == nil {
		j.at = map[string]*list.Element{}
	}
	if j.used.Len() >= maxCookies {
		last := j.used.Remove(j.used.Back()).(*cookie)
		delete(j.at, last.server)
	}
	j.at[server] = j.used.PushFront(k)
	return k, nil
}

// accept looks for the cookie in an answer, and keeps the server's. It reports
// whether the answer may be believed: one with another cookie may not, nor one
// without any of a server that used to send them.
func (k *cookie) accept(m *Message) bool {
	var got []byte
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if o, ok := o.(*dns.EDNS0_COOKIE); ok {
				got, _ = hex.DecodeString(o.Cookie)
				break
			}
		}
	}
	if got == nil {
		return !k.hasServers()
	}
	if n := len(got) - clientCookieBytes; n < minServerCookie || n > maxServerCookie {
		return false
	}
	if string(got[:clientCookieBytes]) != string(k.bytes[:clientCookieBytes]) {
		return false
	}
	k.bytes = got
	return true
}
