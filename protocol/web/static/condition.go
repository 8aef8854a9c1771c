package static

import (
	"time"

	"github.com/twistor-go/twistor/framing/http1"
)

// condition evaluates the conditions of a GET or HEAD, in the order that the RFC
// gives them: 200 they hold, 304 the client has it, 412 they do not.
// https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2
func condition(h *http1.Header, c *content, now time.Time) int {
	if h.Has("If-Match") {
		if !matches(h, "If-Match", c.etag, false) {
			return 412
		}
	} else if v := h.Value("If-Unmodified-Since"); v != nil && c.date != "" {
		if t, err := http1.ParseDate(string(v), now); err == nil && c.seconds() > t.Unix() {
			return 412
		}
	}
	if h.Has("If-None-Match") {
		// "A recipient MUST ignore If-Modified-Since if the request contains
		// an If-None-Match".
		// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.3
		if matches(h, "If-None-Match", c.etag, true) {
			return 304
		}
	} else if v := h.Value("If-Modified-Since"); v != nil && c.date != "" {
		if string(v) == c.date {
			return 304
		}
		if t, err := http1.ParseDate(string(v), now); err == nil && c.seconds() <= t.Unix() {
			return 304
		}
	}
	return 200
}

// fresh says whether a range is wanted of this very file: If-Range.
// https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
func fresh(h *http1.Header, c *content, now time.Time) bool {
	v := h.Value("If-Range")
	if v == nil {
		return true
	}
	if len(v) > 0 && (v[0] == '"' || v[0] == 'W') {
		return string(v) == c.etag // a weak one never is: ours are strong
	}
	// "... exactly matches the Last-Modified date", and is a strong validator:
	// the file is older than the answer by more than the clock's second.
	t, err := http1.ParseDate(string(v), now)
	return err == nil && c.date != "" && t.Unix() == c.seconds() && c.seconds()+1 < now.Unix()
}

// seconds is what Last-Modified can say of the time.
func (c *content) seconds() int64 { return c.modified.Unix() }

// matches says whether the list of entity tags of that name has tag, or is "*". weak: W/
// makes no difference; else a weak one never matches.
// https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3.2
func matches(h *http1.Header, name, tag string, weak bool) bool {
	for i := range h.Len() {
		n, v := h.At(i)
		if len(n) != len(name) || !sameFold(n, name) {
			continue
		}
		if len(v) == 1 && v[0] == '*' {
			return true
		}
		if tag != "" && listed(v, tag, weak) {
			return true
		}
	}
	return false
}

// listed reads a list of entity tags; what is none ends it.
func listed(list []byte, tag string, weak bool) bool {
	for i := 0; i < len(list); {
		if b := list[i]; b == ' ' || b == '\t' || b == ',' {
			i++
			continue
		}
		isWeak := false
		if i+1 < len(list) && list[i] == 'W' && list[i+1] == '/' {
			isWeak = true
			i += 2
		}
		if i >= len(list) || list[i] != '"' {
			return false
		}
		end := i + 1
		for end < len(list) && list[end] != '"' {
			end++
		}
		if end == len(list) {
			return false
		}
		if string(list[i:end+1]) == tag && (weak || !isWeak) {
			return true
		}
		i = end + 1
	}
	return false
}

// sameFold compares two names of the same length without the case of ASCII.
func sameFold(a []byte, b string) bool {
	for i := range a {
		x, y := a[i], b[i]
		if x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}
