package web

import (
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
)

// A Field is one field of a head.
type Field struct{ Name, Value string }

// AddFields is h, with fields added to each of its answers, error pages too. It panics
// if one is not valid.
func AddFields(h Handler, fields ...Field) Handler {
	for _, f := range fields {
		if !http1.ValidFieldName(f.Name) || !http1.ValidFieldValue(f.Value) {
			panic(fmt.Sprintf("web: field %.100q with value %.100q: want a token, and a line of text", f.Name, f.Value))
		}
	}
	add := func(_ int, h *Header) {
		for _, f := range fields {
			h.Add(f.Name, f.Value)
		}
	}
	return Later(func(w *ResponseWriter, r *Request) *deferred.Signal {
		w.Before(add)
		return h.Serve(w, r)
	})
}

// Shields are fields that tell browsers to be careful with this site. The zero
// is harmless to nearly all sites. What a Handler sets by itself stays; "-"
// leaves a field out. Wrap a Handler with them. Immutable after first use.
type Shields struct {
	// HSTS is for how long browsers are to use only https, in whole seconds. It is said over https
	// only. 0: it is not.
	HSTS time.Duration
	// Subdomains and Preload widen HSTS, the latter to lists in browsers.
	Subdomains, Preload bool
	// Policy is the Content-Security-Policy, such as
	// "default-src 'self'; script-src 'nonce-{nonce}'"; {nonce} becomes that of Nonce. "": none.
	Policy string
	// Frames is X-Frame-Options; "": SAMEORIGIN.
	Frames string
	// Referrer is Referrer-Policy; "": strict-origin-when-cross-origin.
	Referrer string
	// Opener is Cross-Origin-Opener-Policy; "": same-origin.
	Opener string
}

// Wrap is h, with these fields.
func (s *Shields) Wrap(h Handler) Handler {
	fields := []Field{
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", unless(s.Frames, "SAMEORIGIN")},
		{"Referrer-Policy", unless(s.Referrer, "strict-origin-when-cross-origin")},
		{"Cross-Origin-Opener-Policy", unless(s.Opener, "same-origin")},
	}
	hsts := "max-age=" + strconv.FormatInt(int64(s.HSTS/time.Second), 10)
	if s.Subdomains {
		hsts += "; includeSubDomains"
	}
	if s.Preload {
		hsts += "; preload"
	}
	for _, f := range append(fields, Field{"Content-Security-Policy", s.Policy}) {
		if f.Value != "" && !http1.ValidFieldValue(f.Value) {
			panic(fmt.Sprintf("web: %s %.100q: want a line of text", f.Name, f.Value))
		}
	}
	return Later(func(w *ResponseWriter, r *Request) *deferred.Signal {
		secure := s.HSTS > 0 && r.Scheme() == "https"
		w.Before(func(_ int, h *Header) {
			for _, f := range fields {
				if f.Value != "-" && !h.Has(f.Name) {
					h.Set(f.Name, f.Value)
				}
			}
			if secure && !h.Has("Strict-Transport-Security") {
				h.Set("Strict-Transport-Security", hsts)
			}
			if s.Policy != "" && !h.Has("Content-Security-Policy") {
				policy := s.Policy
				if strings.Contains(policy, "{nonce}") {
					policy = strings.ReplaceAll(policy, "{nonce}", Nonce(r))
				}
				h.Set("Content-Security-Policy", policy)
			}
		})
		return h.Serve(w, r)
	})
}

type nonceKey struct{}

// Nonce is 128 random bits in base64, the same during one request: for the nonce
// attributes of its page's scripts, which Shields.Policy names.
func Nonce(r *Request) string {
	if n, ok := r.Value(nonceKey{}).(string); ok {
		return n
	}
	var b [16]byte
	if _, err := io.ReadFull(r.Loop().Rand(), b[:]); err != nil {
		panic(fmt.Sprintf("web: no randomness: %v", err))
	}
	n := base64.RawStdEncoding.EncodeToString(b[:])
	r.SetValue(nonceKey{}, n)
	return n
}

// unless is s, or what holds when nothing was said.
func unless(s, whenEmpty string) string {
	if s == "" {
		return whenEmpty
	}
	return s
}
