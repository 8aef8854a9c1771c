package session

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web"
)

const (
	// TokenHeader is the field in which a script sends a Token.
	TokenHeader = "X-CSRF-Token"
	// TokenField is what a form calls it.
	TokenField = "csrf_token"
)

// Token returns a text that shows to Protect that a request comes from a page
// of this site: put it into each form, as TokenField, or into the page, for
// scripts. It is good as long as the session is and is not rotated. If there is
// none, one begins, so the head of the answer must not have left.
func (s *Session[T]) Token() (string, error) {
	if !s.Exists() {
		// Nobody waits: the page with the token leaves after the question to the
		// service's loop, and what it causes comes later.
		log, begun := s.r.Loop().Log(), s.Save()
		if o, ok := begun.Result(); ok && o.Err != nil {
			return "", o.Err
		}
		begun.Done(func(_ struct{}, err error) {
			if err != nil {
				log.Error("a session is not kept", "err", err)
			}
		})
	}
	mask, err := random(s.r.Loop().Rand())
	if err != nil {
		return "", err
	}
	s.personal()
	return maskToken(s.kept.Token, mask), nil
}

// maskToken hides a secret behind chance, so that it is another text each time:
// what is compressed together with it tells nothing (BREACH).
func maskToken(secret, mask []byte) string {
	p := make([]byte, 2*idBytes)
	copy(p, mask)
	subtle.XORBytes(p[idBytes:], secret, mask)
	return base64.RawURLEncoding.EncodeToString(p)
}

// Verify reports whether a text is a Token of s, in a time that tells nothing
// else.
func (s *Session[T]) Verify(token string) bool {
	p, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(p) != 2*idBytes || !s.Exists() || len(s.kept.Token) != idBytes {
		return false
	}
	subtle.XORBytes(p[idBytes:], p[idBytes:], p[:idBytes])
	return subtle.ConstantTimeCompare(p[idBytes:], s.kept.Token) == 1
}

// errForged is the answer to a request that may not be the visitor's own.
func errForged(why string) error {
	return &web.Error{
		Status: 403,
		Public: "This request did not come from a page of this site, or the page was too old. Go back, reload it and try again.",
		Err:    errors.New("session: forged: " + why),
	}
}

// safe are methods that change nothing, and that any site may cause.
// https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1
var safe = []string{"GET", "HEAD", "OPTIONS", "TRACE"}

// cross says why a request is another site's, by what browsers say of it; "":
// it is not, or they do not say.
//
// https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header and
// https://www.rfc-editor.org/rfc/rfc6454#section-7
func (p *Sessions[T]) cross(r *web.Request) string {
	origins := r.Header.Values("Origin")
	if len(origins) > 1 {
		return "several origins"
	}
	trusted := false
	if len(origins) == 1 {
		origin, err := parseOrigin(origins[0])
		if err != nil {
			return "origin " + strings.ToValidUTF8(origins[0], "?") // null is one
		}
		trusted = slices.ContainsFunc(p.Origins, func(o string) bool {
			allowed, err := parseOrigin(o)
			return err == nil && allowed == origin
		})
		if !trusted && origin != p.own(r) {
			return "origin " + origin
		}
	}
	sites := r.Header.Values("Sec-Fetch-Site")
	if len(sites) > 0 && !trusted && !slices.Equal(sites, []string{"same-origin"}) && !slices.Equal(sites, []string{"none"}) {
		return "Sec-Fetch-Site " + strings.Join(sites, ", ")
	}
	return ""
}

// own is this site's origin, as the visitor sees it.
func (p *Sessions[T]) own(r *web.Request) string {
	scheme := "http://"
	if p.secure(r) {
		scheme = "https://"
	}
	origin, err := parseOrigin(scheme + r.Host())
	if err != nil {
		return ""
	}
	return origin
}

// parseOrigin is an origin in the one way in which it is compared: in lower
// case, without the port that is the scheme's own.
func parseOrigin(s string) (string, error) {
	scheme, host, ok := strings.Cut(strings.ToLower(s), "://")
	if !ok || scheme != "http" && scheme != "https" || host == "" || !http1.ValidHost(host) {
		return "", errors.New("want http:// or https://, a host, and perhaps a port")
	}
	if scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	} else {
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host, nil
}

// Protect serves next only what no other site has caused: requests that change
// nothing, and those with a Token of their session which browsers do not say to
// be another site's. Others are answered 403. It stands within Handler.
//
// The Token is the field X-CSRF-Token of the request; without it Protect reads
// the form that the body is, and takes the Token from there. So a Handler
// within asks for a form by Form.
func (p *Sessions[T]) Protect(next web.Handler) web.Handler {
	return web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		if slices.Contains(safe, r.Method) {
			return next.Serve(w, r)
		}
		if why := p.cross(r); why != "" {
			return deferred.Failed[struct{}](r.Loop(), errForged(why))
		}
		s := Of[T](r)
		if tokens := r.Header.Values(TokenHeader); len(tokens) > 0 {
			if len(tokens) != 1 || !s.Verify(tokens[0]) {
				return deferred.Failed[struct{}](r.Loop(), errForged("token is wrong"))
			}
			return next.Serve(w, r)
		}
		// Who has no session has no token, and nothing of its body is read.
		if !s.Exists() || !isForm(r) {
			return deferred.Failed[struct{}](r.Loop(), errForged("no token"))
		}
		return deferred.Inline(r.Loop(), func(co *deferred.Co) (none struct{}, err error) {
			form, err := r.Form(p.Forms).Await(co)
			if err != nil {
				return none, err
			}
			if tokens := form.Values[TokenField]; len(tokens) != 1 || !s.Verify(tokens[0]) {
				return none, errForged("token of the form is wrong, or missing")
			}
			r.SetValue(formKey{}, form)
			if answered := next.Serve(w, r); answered != nil {
				return answered.Await(co)
			}
			return none, nil
		})
	})
}

// isForm reports whether the body may have a Token.
func isForm(r *web.Request) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "application/x-www-form-urlencoded" || kind == "multipart/form-data"
}

// formKey is where a Request has the form that Protect has read.
type formKey struct{}

// Form is the form of a request: the one that Protect has read, or else
// Request.Form with these limits.
func Form(r *web.Request, limits web.FormLimits) *deferred.Deferred[*web.Submission] {
	if form, ok := r.Value(formKey{}).(*web.Submission); ok {
		return deferred.Succeeded(form)
	}
	return r.Form(limits)
}
