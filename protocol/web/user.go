package web

import (
	"encoding/base64"
	"strings"

	"github.com/twistor-go/twistor"
)

type userKey struct{}

// User is who asks, as a Handler outside of this one found and said by SetUser;
// "": nobody knows. Access logs have it.
func (r *Request) User() string {
	name, _ := r.Value(userKey{}).(string)
	return name
}

// SetUser says who asks, for User.
func (r *Request) SetUser(name string) { r.SetValue(userKey{}, name) }

// BasicAuth is the user and password that the client gave by the scheme Basic.
// Nothing is checked: see package service/guard. ok is false if there are none,
// or they are broken, or longer than 4 KiB. https://www.rfc-editor.org/rfc/rfc7617
func (r *Request) BasicAuth() (user string, password twistor.Secret, ok bool) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	rest = strings.Trim(rest, " ")
	if !strings.EqualFold(scheme, "Basic") || len(rest) > 4<<10 {
		return "", password, false
	}
	pair, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		return "", password, false
	}
	user, text, ok := strings.Cut(string(pair), ":")
	if !ok || strings.ContainsFunc(string(pair), func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return "", password, false
	}
	return user, twistor.Conceal(text), true
}

// Hostname is Host without the port, and without the brackets of an address of
// IPv6.
func (r *Request) Hostname() string {
	host := r.host
	name := string(hostKey(nil, host))
	return strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
}
