package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/twistor-go/twistor/framing/http1"
)

// NotModified says what is served, by its entity tag (`"v2"`, or W/"v2" if
// it only means the same; "": none) and by when it was last changed (zero:
// nobody knows), and answers for the Handler if the client asked on a condition:
// 304 if it has that already, 412 if it wanted another. The Handler is done then:
//
//	if w.NotModified(tag, changed) {
//		return
//	}
//
// Call it before the body and, where something is changed by the request,
// before that.
func (w *ResponseWriter) NotModified(etag string, modified time.Time) bool {
	if etag != "" {
		if rest, ok := cutTag(etag); !ok || rest != "" {
			if w.broken == nil {
				w.broken = fmt.Errorf("web: entity tag %.100q: want it in quotes", etag)
			}
			return true
		}
		w.SetHeader("ETag", etag)
	}
	if !modified.IsZero() {
		w.SetHeader("Last-Modified", string(http1.AppendDate(nil, modified)))
	}
	status := w.x.req.precondition(etag, modified)
	switch status {
	case 0:
		return false
	case 304:
		w.WriteHeader(304)
	default:
		Refuse(w, &w.x.req, status, "")
	}
	return true
}

// precondition evaluates the conditions of r, in their order of precedence; 0: go
// on. https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2
func (r *Request) precondition(etag string, modified time.Time) int {
	safe := r.Method == "GET" || r.Method == "HEAD"
	now := r.Loop().Now()
	if r.Header.Has("If-Match") {
		if !matches(r.Header.Values("If-Match"), etag, false) {
			return 412
		}
	} else if since, ok := r.date("If-Unmodified-Since", now); ok && !modified.IsZero() && modified.Truncate(time.Second).After(since) {
		return 412
	}
	if r.Header.Has("If-None-Match") {
		if matches(r.Header.Values("If-None-Match"), etag, true) {
			if safe {
				return 304
			}
			return 412
		}
	} else if since, ok := r.date("If-Modified-Since", now); ok && safe && !modified.IsZero() && !modified.Truncate(time.Second).After(since) {
		return 304
	}
	return 0
}

// date is that of the field; "A recipient MUST ignore the [...] header field if
// the received field value is not a valid HTTP-date".
// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.3
func (r *Request) date(field string, now time.Time) (time.Time, bool) {
	v := r.Header.Get(field)
	if v == "" {
		return time.Time{}, false
	}
	at, err := http1.ParseDate(v, now)
	return at, err == nil
}

// matches reports whether the lists name etag; "*" names all. Weak: by the weak
// comparison. https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3.2
func matches(lists []string, etag string, weak bool) bool {
	for _, list := range lists {
		for list = strings.TrimLeft(list, " \t,"); list != ""; list = strings.TrimLeft(list, " \t,") {
			if list[0] == '*' {
				return true
			}
			rest, ok := cutTag(list)
			if !ok {
				break
			}
			tag := list[:len(list)-len(rest)]
			list = rest
			if weak {
				if etag != "" && strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
					return true
				}
			} else if tag == etag && !strings.HasPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}

// cutTag splits an entity tag off the beginning of s.
// https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3
func cutTag(s string) (rest string, ok bool) {
	s = strings.TrimPrefix(s, "W/")
	if s == "" || s[0] != '"' {
		return "", false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[i+1:], true
		case c <= ' ' || c == 0x7f:
			return "", false
		}
	}
	return "", false
}
