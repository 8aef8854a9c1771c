package web_test

import (
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/web"
)

// V46: the client's wishes decide, then our order.
func TestV46Negotiation(t *testing.T) {
	var offers []string
	language := false
	s := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if language {
			w.WriteString(r.PreferLanguage(offers...))
		} else {
			w.WriteString(r.Prefer(offers...))
		}
	})}
	for _, c := range []struct{ field, offers, want string }{
		{"", "text/html application/json", "text/html"},
		{"Accept: application/json", "text/html application/json", "application/json"},
		{"Accept: text/html;q=0.5, application/json;q=0.9", "text/html application/json", "application/json"},
		{"Accept: */*", "a/b c/d", "a/b"},
		{"Accept: */*;q=0.1, c/*", "a/b c/d", "c/d"},
		{"Accept: c/*;q=0.1, c/d;q=0", "a/b c/d c/e", "c/e"},
		{"Accept: c/d;q=0, */*", "c/d", ""},
		{"Accept: TEXT/html;level=1;Q=0.3", "text/html", "text/html"},
		{"Accept: x/y", "a/b", ""},
		{"Accept: a/b;q=2, c/d;q=NaN, e/f;q=x", "a/b c/d e/f", ""},
		{"Accept: a/b;q=0.5\r\nAccept: c/d", "a/b c/d", "c/d"},
		{"Accept: " + strings.Repeat("x/y,", 100) + "a/b", "a/b", ""},
		{"Accept-Language: de-AT, en;q=0.8", "en de", "de"},
		{"Accept-Language: de", "en de-CH", "de-CH"},
		{"Accept-Language: fr, *;q=0.1", "en de", "en"},
		{"Accept-Language: en;q=0, *", "en de", "de"},
		{"Accept-Language: e", "en", ""},
	} {
		offers, language = strings.Fields(c.offers), strings.HasPrefix(c.field, "Accept-L")
		lines := []string{"GET /"}
		if c.field != "" {
			lines = append(lines, c.field)
		}
		if got := asked(t, s, lines...); got.Body != c.want {
			t.Errorf("%.60s: got %q, want %q", c.field, got.Body, c.want)
		}
	}
}
