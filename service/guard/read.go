package guard

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service/cred"
)

// maxFieldBytes is how long the field with the credentials may be.
const maxFieldBytes = 8 << 10

var (
	// errNone: the client has not said who it is.
	errNone = fmt.Errorf("guard: %w: nothing was sent", cred.ErrUnauthorized)
	// errBroken: it has sent something that no client sends by itself: 400.
	errBroken = errors.New("guard: broken credentials")
)

// field is the one that has the credentials.
func (g *Guard[A]) field() string {
	if g.Proxy {
		return "Proxy-Authorization"
	}
	return "Authorization"
}

// read reads what the client has sent.
//
// https://www.rfc-editor.org/rfc/rfc9110#section-11.4
func (g *Guard[A]) read(r *web.Request, from cred.Origin) (cred.Credentials, error) {
	fields := r.Header.Values(g.field())
	switch {
	case len(fields) == 0:
		return nil, errNone
	case len(fields) > 1:
		return nil, fmt.Errorf("%w: %s comes %d times", errBroken, g.field(), len(fields))
	case len(fields[0]) > maxFieldBytes:
		return nil, fmt.Errorf("%w: %d bytes: want at most %d", cred.ErrUnauthorized, len(fields[0]), maxFieldBytes)
	}
	scheme, rest, _ := strings.Cut(fields[0], " ")
	rest = strings.Trim(rest, " ")
	switch {
	case strings.EqualFold(scheme, "Basic") && g.takes(cred.KindPassword, from):
		return readBasic(rest)
	case strings.EqualFold(scheme, "Bearer") && g.takes(KindBearer, from):
		return readBearer(rest)
	case strings.EqualFold(scheme, "Digest") && g.takes(cred.KindDigest, from):
		d, err := g.Digester.Parse(r.Loop(), fields[0], cred.Request{Method: r.Method, URI: r.Target()}, from)
		if errors.Is(err, cred.ErrMalformed) {
			// "If a parameter or its value is improper, or required parameters
			// are missing, the proper response is a 4xx error code":
			// https://www.rfc-editor.org/rfc/rfc7616#section-3.4.
			return nil, fmt.Errorf("%w: %w", errBroken, err)
		}
		if err != nil {
			return nil, err
		}
		return d, nil
	}
	return nil, fmt.Errorf("guard: %w: by a scheme that was not offered", cred.ErrUnauthorized)
}

// readBasic reads a name and a password. What is broken is answered as what is
// wrong: https://www.rfc-editor.org/rfc/rfc7617#section-2.
func readBasic(s string) (cred.Credentials, error) {
	pair, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("guard: %w: basic: want base64", cred.ErrUnauthorized)
	}
	user, password, ok := strings.Cut(string(pair), ":")
	if !ok {
		return nil, fmt.Errorf("guard: %w: basic: want a colon", cred.ErrUnauthorized)
	}
	// "The user-id and password MUST NOT contain any control characters."
	if strings.ContainsFunc(string(pair), func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return nil, fmt.Errorf("guard: %w: basic: control characters", cred.ErrUnauthorized)
	}
	return cred.Password{User: user, Secret: twistor.Conceal(password)}, nil
}

// readBearer reads a token: https://www.rfc-editor.org/rfc/rfc6750#section-2.1.
func readBearer(s string) (cred.Credentials, error) {
	token := strings.TrimRight(s, "=")
	if token == "" || strings.ContainsFunc(token, notTokenByte) {
		return nil, fmt.Errorf("%w: bearer: want a token", errBroken)
	}
	return Bearer{twistor.Conceal(s)}, nil
}

func notTokenByte(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~+/", c)
}
