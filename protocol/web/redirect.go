package web

import (
	"fmt"
	"html"
	"net/url"
	"strings"

	"github.com/twistor-go/twistor/deferred"
)

// Redirect sends the client to target, a URL or a reference such as "../x?y":
// by 301 or 308 for good, by 302, 303 or 307 for this time; by 307 and 308 with the same method and body,
// by 303 to GET. What a URL may not have is escaped; one with control
// characters, or that is none, and a status that is no redirect make the
// answer an error page.
//
// A target that the client chose leads where the client wants: see IsLocal.
func Redirect(w *ResponseWriter, r *Request, status int, target string) {
	location, err := encodeURL(target)
	if err == nil {
		switch status {
		case 301, 302, 303, 307, 308:
		default:
			err = fmt.Errorf("web: redirect by %d: want 301, 302, 303, 307 or 308", status)
		}
	}
	if err != nil {
		if w.broken == nil {
			w.broken = err
		}
		return
	}
	w.SetHeader("Location", location)
	if r.Method != "GET" && r.Method != "HEAD" {
		w.WriteHeader(status)
		return
	}
	w.SetHeader("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.WriteString("<!DOCTYPE html>\n<title>Moved</title>\n<p>It is <a href=\"" + html.EscapeString(location) + "\">here</a>.</p>\n")
}

// A Redirection is a Handler that sends all requests to one place.
type Redirection struct {
	// Target is the URL, or a reference.
	Target string
	// Status is that of Redirect; 0: 302.
	Status int
}

// Serve redirects.
func (d Redirection) Serve(w *ResponseWriter, r *Request) *deferred.Signal {
	status := d.Status
	if status == 0 {
		status = 302
	}
	Redirect(w, r, status, d.Target)
	return nil
}

// RedirectToParent is a Handler that sends to the directory of what was asked: from /a/b to
// /a/, from /a/ to /a/ itself, so put it at single paths only.
func RedirectToParent(w *ResponseWriter, r *Request) { Redirect(w, r, 302, "./") }

// IsLocal reports whether target stays on this site: an absolute path, that no
// browser reads as another host. Ask it before you redirect to where a
// parameter says.
func IsLocal(target string) bool {
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
		return false
	}
	// Browsers take "\" for "/", and drop tabs and line ends: "/\t/evil".
	// https://url.spec.whatwg.org/#concept-basic-url-parser
	return !strings.ContainsFunc(target, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\\' })
}

// encodeURL makes s a URI reference of nothing but what RFC 3986 allows.
// https://www.rfc-editor.org/rfc/rfc3986#section-2
func encodeURL(s string) (string, error) {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return "", fmt.Errorf("web: URL %.100q has a control character", s)
		}
	}
	if _, err := url.Parse(s); err != nil {
		return "", fmt.Errorf("web: URL %.100q: %w", s, err)
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c > ' ' && c < 0x7f && !strings.ContainsRune("\"<>\\^`{|}", rune(c)):
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String(), nil
}
