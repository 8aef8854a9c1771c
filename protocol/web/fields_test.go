package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/web"
)

// V46: browsers are told which sites may use this one.
func TestV46CORS(t *testing.T) {
	h := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if r.Path() == "/gone" {
			web.NotFound(w, r)
			return
		}
		if r.Path() == "/broken" {
			panic("broken")
		}
		w.WriteString(r.Method)
	})
	c := &web.CORS{Origins: []string{"https://a.example", "https://*.b.example:8443"}, Methods: []string{"GET", "PUT"}, Headers: []string{"X-One", "X-Two"},
		Expose: []string{"X-Out"}, Credentials: true, MaxAge: time.Hour}
	s := &web.Server{Handler: c.Wrap(h)}
	for origin, ok := range map[string]bool{
		"https://a.example": true, "HTTPS://A.example": true, "https://x.b.example:8443": true, "https://x.y.b.example:8443": true,
		"http://a.example": false, "https://a.example.evil": false, "https://b.example:8443": false, "https://.b.example:8443": false,
		"https://evil/.b.example:8443": false, "https://xa.example": false, "null": false,
	} {
		want := ""
		if ok {
			want = origin
		}
		for _, path := range []string{"/", "/gone"} {
			got := asked(t, s, "GET "+path, "Origin: "+origin)
			if got.Header.Get("Access-Control-Allow-Origin") != want || got.Header.Get("Vary") != "Origin" || got.Body == "" ||
				ok && (got.Header.Get("Access-Control-Allow-Credentials") != "true" || got.Header.Get("Access-Control-Expose-Headers") != "X-Out") {
				t.Errorf("%s from %s: got %v, want origin %q", path, origin, got.Header, want)
			}
		}
	}
	if got := askedQuietly(t, s, "GET /broken", "Origin: https://a.example"); got.Status != 500 || got.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("an error page: got %v, want the permission", got.Header)
	}
	pre := asked(t, s, "OPTIONS /", "Origin: https://a.example", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-one")
	if pre.Status != 204 || pre.Header.Get("Access-Control-Allow-Methods") != "GET, PUT" || pre.Header.Get("Access-Control-Allow-Headers") != "X-One, X-Two" ||
		pre.Header.Get("Access-Control-Max-Age") != "3600" || pre.Body != "" {
		t.Errorf("preflight: got %q", pre.Wire)
	}
	if no := asked(t, s, "OPTIONS /", "Origin: https://evil", "Access-Control-Request-Method: PUT"); strings.Contains(no.Wire, "Access-Control") {
		t.Errorf("preflight of a stranger: got %q, want no permission", no.Wire)
	}
	if got := asked(t, s, "OPTIONS /", "Origin: https://a.example"); got.Body != "OPTIONS" {
		t.Errorf("OPTIONS that is no preflight: got %q", got.Wire)
	}
	s.Handler = (&web.CORS{Origins: []string{"*"}, Headers: []string{"*"}}).Wrap(h)
	if got := asked(t, s, "GET /", "Origin: https://any"); got.Header.Get("Access-Control-Allow-Origin") != "*" || got.Header.Get("Vary") != "" {
		t.Errorf("any: got %v", got.Header)
	}
	if got := asked(t, s, "OPTIONS /", "Origin: https://any", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: x-y"); got.Header.Get("Access-Control-Allow-Headers") != "x-y" {
		t.Errorf("any header: got %v", got.Header)
	}
	for _, bad := range []*web.CORS{{Origins: []string{"*"}, Credentials: true}, {Origins: []string{"a.example"}}, {Origins: []string{"https://a/"}}} {
		if refusal(func() { bad.Wrap(h) }) == "" {
			t.Errorf("%+v: got no panic", bad)
		}
	}
}

// G01: fields are added to every answer, the pages of errors too.
func TestAddFields(t *testing.T) {
	s := &web.Server{Handler: web.AddFields(web.HandlerFunc(web.NotFound), web.Field{Name: "X-A", Value: "1"}, web.Field{Name: "X-A", Value: "2"})}
	if got := asked(t, s, "GET /"); got.Status != 404 || len(got.Header.Values("X-A")) != 2 {
		t.Errorf("got %v, want both fields", got.Header)
	}
	for _, f := range []web.Field{{"X A", "1"}, {"X-A", "1\r\nX-B: 2"}, {"", ""}} {
		if refusal(func() { web.AddFields(says(""), f) }) == "" {
			t.Errorf("%q: got no panic", f)
		}
	}
}

// The fields for careful browsers are there unless the Handler or the program
// says otherwise, and HSTS over https only.
func TestShields(t *testing.T) {
	h := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		w.SetHeader("Referrer-Policy", "no-referrer")
		w.WriteString(web.Nonce(r))
	})
	proxies := &web.Proxies{Trusted: trustAll}
	s := &web.Server{Handler: proxies.Wrap((&web.Shields{HSTS: 2 * time.Hour, Subdomains: true, Policy: "script-src 'nonce-{nonce}'", Opener: "-"}).Wrap(h))}
	got := asked(t, s, "GET /", "X-Forwarded-Proto: https")
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "",
		"Strict-Transport-Security": "max-age=7200; includeSubDomains", "Content-Security-Policy": "script-src 'nonce-" + got.Body + "'",
	} {
		if got := got.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if len(got.Body) != 22 {
		t.Errorf("nonce: got %q, want 128 bits", got.Body)
	}
	if again := asked(t, s, "GET /"); again.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("over http: got HSTS")
	}
}
