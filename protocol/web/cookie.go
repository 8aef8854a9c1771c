package web

import (
	"bytes"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor/framing/http1"
)

const (
	// maxCookies is how many cookies of a request are looked at: browsers keep a few
	// dozen for a site.
	maxCookies = 1000
	// maxCookieBytes is how long a Set-Cookie may be: browsers ignore longer ones.
	// https://www.rfc-editor.org/rfc/rfc6265#section-6.1
	maxCookieBytes = 4096
)

// A Cookie is what a client is asked to send again. All but Name and Value is for
// SetCookie; its zero is the safe choice.
type Cookie struct {
	Name, Value string
	// Path is where it is sent, and below. "": "/", the whole site.
	Path string
	// Domain is the host to which it is sent, and to all hosts below that. "": only
	// this host, and none below.
	Domain string
	// MaxAge is how long it is kept, in whole seconds. 0: until the browser is
	// closed; negative: it is deleted.
	MaxAge time.Duration
	// SameSite is whether it is sent when another site links here, or asks.
	SameSite SameSite
	// Secure keeps it off plain HTTP. False: it is Secure if the request came
	// by https.
	Secure bool
	// Scripts lets scripts of the page read it. False: HttpOnly.
	Scripts bool
	// Partitioned keeps it apart for each site that embeds this one.
	Partitioned bool
}

// A SameSite is how a Cookie meets requests that another site causes.
type SameSite uint8

const (
	SameSiteLax    SameSite = iota // sent when a link leads here
	SameSiteStrict                 // never sent
	SameSiteNone                   // always sent; wants Secure
)

// Cookie returns the value of the first cookie of that name.
func (r *Request) Cookie(name string) (value string, ok bool) {
	for i := range r.Header.Len() {
		field, list := r.Header.At(i)
		if len(field) != 6 || !foldEqual(field, "cookie") {
			continue
		}
		for len(list) > 0 {
			var n, v []byte
			if n, v, list, ok = cutCookie(list); ok && string(n) == name {
				return string(v), true
			}
		}
	}
	return "", false
}

// Cookies yields the names and values of all cookies, in order. What is no cookie
// is left out; after 1,000 comes an *Error of 400, and no more.
func (r *Request) Cookies() iter.Seq2[Cookie, error] {
	return func(yield func(Cookie, error) bool) {
		n := 0
		for _, list := range r.Header.Values("Cookie") {
			rest := []byte(list)
			for len(rest) > 0 {
				name, value, after, ok := cutCookie(rest)
				rest = after
				if !ok {
					continue
				}
				if n++; n > maxCookies {
					yield(Cookie{}, &Error{Status: 400, Public: "too many cookies"})
					return
				}
				if !yield(Cookie{Name: string(name), Value: string(value)}, nil) {
					return
				}
			}
		}
	}
}

// cutCookie splits the first pair off a list; ok is false if it is none.
// https://www.rfc-editor.org/rfc/rfc6265#section-4.2.1
func cutCookie(list []byte) (name, value, rest []byte, ok bool) {
	pair := list
	if i := bytes.IndexByte(list, ';'); i >= 0 {
		pair, rest = list[:i], list[i+1:]
	}
	name, value, ok = bytes.Cut(bytes.Trim(pair, " \t"), []byte("="))
	name, value = bytes.TrimRight(name, " \t"), bytes.TrimLeft(value, " \t")
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	return name, value, rest, ok && len(name) > 0
}

// SetCookie adds a Set-Cookie field. A name or value that no cookie can have,
// and a promise that the attributes break, make the answer an error page.
func (w *ResponseWriter) SetCookie(c Cookie) {
	if !c.Secure && w.x.req.Scheme() == "https" {
		c.Secure = true
	}
	text, err := c.text(w.x.req.Loop().Now())
	if err == nil {
		err = w.header.Add("Set-Cookie", text)
	}
	if err != nil && w.broken == nil {
		w.broken = err
	}
}

// text is c as the value of a Set-Cookie field.
// https://www.rfc-editor.org/rfc/rfc6265#section-4.1.1
func (c *Cookie) text(now time.Time) (string, error) {
	if !http1.ValidFieldName(c.Name) {
		return "", fmt.Errorf("web: cookie name %.100q: want a token", c.Name)
	}
	if i := strings.IndexFunc(c.Value, notCookieOctet); i >= 0 {
		return "", fmt.Errorf("web: cookie %s: value has %q: want ASCII without space, quote, comma, semicolon and backslash", c.Name, c.Value[i])
	}
	path := c.Path
	if path == "" {
		path = "/"
	}
	if path[0] != '/' || strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r >= 0x7f || r == ';' }) {
		return "", fmt.Errorf("web: cookie %s: path %.100q: want one that begins with a slash, without semicolon", c.Name, path)
	}
	domain := strings.TrimPrefix(c.Domain, ".")
	if domain != "" && (!http1.ValidHost(domain) || strings.ContainsAny(domain, ":;")) {
		return "", fmt.Errorf("web: cookie %s: domain %.100q: want the name of a host", c.Name, domain)
	}
	switch {
	case c.SameSite > SameSiteNone:
		return "", fmt.Errorf("web: cookie %s: SameSite %d: want SameSiteLax, SameSiteStrict or SameSiteNone", c.Name, c.SameSite)
	case !c.Secure && (c.SameSite == SameSiteNone || c.Partitioned || strings.HasPrefix(c.Name, "__Secure-") || strings.HasPrefix(c.Name, "__Host-")):
		return "", fmt.Errorf("web: cookie %s: want it Secure", c.Name)
	case strings.HasPrefix(c.Name, "__Host-") && (domain != "" || path != "/"):
		return "", fmt.Errorf("web: cookie %s: want the path / and no domain", c.Name)
	}
	b := append(make([]byte, 0, 128), c.Name...)
	b = append(append(b, '='), c.Value...)
	b = append(append(b, "; Path="...), path...)
	if domain != "" {
		b = append(append(b, "; Domain="...), domain...)
	}
	switch {
	case c.MaxAge < 0:
		b = append(b, "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"...)
	case c.MaxAge > 0:
		b = http1.AppendDate(append(b, "; Expires="...), now.Add(c.MaxAge))
		b = strconv.AppendInt(append(b, "; Max-Age="...), int64((c.MaxAge+time.Second-1)/time.Second), 10)
	}
	b = append(append(b, "; SameSite="...), [...]string{"Lax", "Strict", "None"}[c.SameSite]...)
	if c.Secure {
		b = append(b, "; Secure"...)
	}
	if !c.Scripts {
		b = append(b, "; HttpOnly"...)
	}
	if c.Partitioned {
		b = append(b, "; Partitioned"...)
	}
	if len(b) > maxCookieBytes {
		return "", fmt.Errorf("web: cookie %s has %d bytes: want at most %d", c.Name, len(b), maxCookieBytes)
	}
	return string(b), nil
}

func notCookieOctet(r rune) bool {
	return r <= ' ' || r >= 0x7f || r == '"' || r == ',' || r == ';' || r == '\\'
}
