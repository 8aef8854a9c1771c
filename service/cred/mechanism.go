package cred

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A mechanism is a SASL mechanism, best first in the table that Mechanisms
// makes. Its run is a straight line: it asks the client, and logs in.
type mechanism[A any] struct {
	name   string
	kind   Kind
	secret bool // the password travels as it is
	bind   bool // needs a TLS connection that can be bound to
	run    func(*Exchange[A], *deferred.Co, []byte) (*Session[A], error)
}

func mechanisms[A any]() []mechanism[A] {
	return []mechanism[A]{
		{"SCRAM-SHA-256-PLUS", KindSCRAM, false, true, (*Exchange[A]).scram},
		{"SCRAM-SHA-256", KindSCRAM, false, false, (*Exchange[A]).scram},
		{"PLAIN", KindPassword, true, false, (*Exchange[A]).plain},
		{"LOGIN", KindPassword, true, false, (*Exchange[A]).asked},
		{"CRAM-MD5", KindCRAMMD5, false, false, (*Exchange[A]).cram},
		{"ANONYMOUS", KindAnonymous, false, false, (*Exchange[A]).anonymous},
	}
}

// Mechanisms are the SASL mechanisms to offer to a peer, best first: those for
// which there is a Checker, and, where others can listen in, none that sends
// the password.
func (p *Portal[A]) Mechanisms(from Origin) (names []string) {
	for _, m := range p.offered(from) {
		names = append(names, m.name)
	}
	return names
}

func (p *Portal[A]) offered(from Origin) []mechanism[A] {
	kinds := p.Kinds()
	bound := bindingOf(from.TLS).IsSupported()
	return slices.DeleteFunc(mechanisms[A](), func(m mechanism[A]) bool {
		return !slices.Contains(kinds, m.kind) || m.secret && !from.Secure || m.bind && !bound
	})
}

// Exchange begins a login by a SASL mechanism. The error is ErrUnhandled if it
// is none of Mechanisms.
func (p *Portal[A]) Exchange(l twistor.Loop, name string, from Origin) (*Exchange[A], error) {
	for _, m := range p.offered(from) {
		if strings.EqualFold(m.name, name) {
			return &Exchange[A]{portal: p, loop: l, from: from, run: m.run, bind: m.bind}, nil
		}
	}
	return nil, fmt.Errorf("%w: mechanism %.40q", ErrUnhandled, name)
}

// errActingAs: nobody may log in as one user and act as another.
var errActingAs = fmt.Errorf("%w: acting as another user", ErrDenied)

// plain is https://www.rfc-editor.org/rfc/rfc4616#section-2.
func (x *Exchange[A]) plain(co *deferred.Co, response []byte) (*Session[A], error) {
	response, err := x.initial(co, response)
	if err != nil {
		return nil, err
	}
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 || !utf8.Valid(response) || len(parts[1]) == 0 || len(parts[2]) == 0 {
		return nil, malformed("PLAIN: want [authzid] NUL authcid NUL passwd")
	}
	as, user := string(parts[0]), string(parts[1])
	if as != "" && as != user {
		return nil, errActingAs
	}
	return x.login(co, Password{user, twistor.Conceal(string(parts[2]))})
}

// asked is LOGIN, which was never specified and which many clients speak:
// https://datatracker.ietf.org/doc/html/draft-murchison-sasl-login-00
func (x *Exchange[A]) asked(co *deferred.Co, user []byte) (*Session[A], error) {
	var err error
	if user == nil {
		if user, err = x.ask(co, []byte("Username:")); err != nil {
			return nil, err
		}
	}
	password, err := x.ask(co, []byte("Password:"))
	if err != nil {
		return nil, err
	}
	return x.login(co, Password{string(user), twistor.Conceal(string(password))})
}

// anonymous is https://www.rfc-editor.org/rfc/rfc4505#section-2.
func (x *Exchange[A]) anonymous(co *deferred.Co, trace []byte) (*Session[A], error) {
	trace, err := x.initial(co, trace)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(trace) || len(trace) > maxUserBytes {
		return nil, malformed("ANONYMOUS: want at most %d bytes of UTF-8", maxUserBytes)
	}
	return x.login(co, Anonymous{Trace: string(trace)})
}

func (x *Exchange[A]) cram(co *deferred.Co, response []byte) (*Session[A], error) {
	if len(response) > 0 {
		return nil, malformed("CRAM-MD5: want no initial response")
	}
	var random [16]byte
	if _, err := io.ReadFull(x.loop.Rand(), random[:]); err != nil {
		return nil, unavailable(err)
	}
	name := x.portal.Name
	if name == "" {
		name = "localhost"
	}
	challenge := fmt.Sprintf("<%s.%d@%s>", hex.EncodeToString(random[:]), x.loop.Now().Unix(), name)
	response, err := x.ask(co, []byte(challenge))
	if err != nil {
		return nil, err
	}
	c, err := ParseCRAMMD5(challenge, response)
	if err != nil {
		return nil, err
	}
	return x.login(co, c)
}

func (x *Exchange[A]) scram(co *deferred.Co, response []byte) (*Session[A], error) {
	response, err := x.initial(co, response)
	if err != nil {
		return nil, err
	}
	var random [18]byte
	if _, err := io.ReadFull(x.loop.Rand(), random[:]); err != nil {
		return nil, unavailable(err)
	}
	binding := bindingOf(x.from.TLS)
	s, err := newSCRAM(response, base64.StdEncoding.EncodeToString(random[:]), binding, x.bind)
	if err != nil {
		return nil, err
	}
	s.converse = x.ask
	session, err := x.login(co, s)
	if err != nil {
		return nil, err
	}
	// The server's proof is a challenge of its own, answered by nothing, because
	// not every protocol has a place for it in its success.
	// https://www.rfc-editor.org/rfc/rfc4422#section-3.6
	response, err = x.ask(co, []byte(s.final))
	if err == nil && len(response) > 0 {
		err = malformed("SCRAM: want an empty response to the server's proof")
	}
	if err != nil {
		session.Logout()
		return nil, err
	}
	return session, nil
}
