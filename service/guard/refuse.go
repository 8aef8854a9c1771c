package guard

import (
	"errors"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service/cred"
)

// refuse answers somebody who is not let in. What it returns is a failure of
// ours, or that the client has left.
func (g *Guard[A]) refuse(co *deferred.Co, w *web.ResponseWriter, r *web.Request, from cred.Origin, err error) error {
	if co.Err() != nil {
		return err
	}
	g.answer(w, r, from, err)
	return nil
}

// answer is the page of an error. It says nothing but its status: who is
// nobody, and who has the wrong password, cannot be told apart.
func (g *Guard[A]) answer(w *web.ResponseWriter, r *web.Request, from cred.Origin, err error) {
	switch {
	case errors.Is(err, errBroken):
		if g.takes(KindBearer, from) {
			// "invalid_request: The request is missing a required parameter
			// [...] or is otherwise malformed": 400.
			// https://www.rfc-editor.org/rfc/rfc6750#section-3.1
			g.challenge(w, "Bearer realm="+quote(g.Name)+`, error="invalid_request"`)
		}
		web.WriteError(w, r, 400, "", "")
	case errors.Is(err, cred.ErrDenied):
		web.WriteError(w, r, 403, "", "")
	case errors.Is(err, cred.ErrUnauthorized), errors.Is(err, cred.ErrUnhandled), errors.Is(err, cred.ErrMalformed):
		g.ask(w, r, from, err)
	default:
		// ErrUnavailable, or what a Realm came across.
		r.Loop().Log().Warn("guard: nobody can say who may", "peer", from.Peer, "err", err)
		w.SetHeader("Retry-After", "30")
		web.WriteError(w, r, 503, "", "")
	}
}

// ask is 401, with what the client could send: "A server generating a 401
// (Unauthorized) response MUST send a WWW-Authenticate header field containing
// at least one challenge": https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1.
func (g *Guard[A]) ask(w *web.ResponseWriter, r *web.Request, from cred.Origin, err error) {
	offered := false
	if g.takes(cred.KindDigest, from) {
		all, failure := g.Digester.Challenges(r.Loop(), from, errors.Is(err, cred.ErrStale))
		if failure != nil {
			g.answer(w, r, from, failure)
			return
		}
		for _, text := range all {
			g.challenge(w, text)
			offered = true
		}
	}
	if g.takes(cred.KindPassword, from) {
		// "The only allowed value is 'UTF-8'":
		// https://www.rfc-editor.org/rfc/rfc7617#section-2.1.
		g.challenge(w, "Basic realm="+quote(g.Name)+`, charset="UTF-8"`)
		offered = true
	}
	if g.takes(KindBearer, from) {
		text := "Bearer realm=" + quote(g.Name)
		if scheme, _, _ := strings.Cut(r.Header.Get(g.field()), " "); strings.EqualFold(scheme, "Bearer") {
			// "If the request lacks any authentication information [...] the
			// resource server SHOULD NOT include an error code".
			text += `, error="invalid_token"`
		}
		g.challenge(w, text)
		offered = true
	}
	switch {
	case !offered:
		web.WriteError(w, r, 403, "Passwords are taken over https only.", "")
	case g.Proxy:
		web.WriteError(w, r, 407, "", "")
	default:
		web.WriteError(w, r, 401, "", "")
	}
}

// challenge adds one challenge, in a field of its own: there are clients that
// read but the first of a field.
func (g *Guard[A]) challenge(w *web.ResponseWriter, text string) {
	name := "WWW-Authenticate"
	if g.Proxy {
		name = "Proxy-Authenticate"
	}
	w.Header().Add(name, text) // Handler has seen that Name is valid
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
