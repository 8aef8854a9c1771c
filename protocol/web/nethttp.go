package web

import (
	"context"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// A hosted is what a request for net/http's Handlers points to, in one piece.
type hosted struct {
	url    url.URL
	values [12]string
}

// blank is what WithContext copies: only that can set a context.
var blank http.Request

// host makes a *http.Request of r, of copies only.
func host(ctx context.Context, r *Request, body io.ReadCloser) *http.Request {
	n := r.Header.Len()
	h := new(hosted)
	values := h.values[:0]
	if n > len(h.values) {
		values = make([]string, 0, n)
	}
	q := blank.WithContext(ctx)
	q.Method = r.Method
	q.RequestURI = string(r.target)
	q.URL = &h.url
	if !parseTarget(&h.url, q.RequestURI, r) {
		if u, err := url.ParseRequestURI(q.RequestURI); err == nil {
			h.url = *u
		} else {
			h.url = url.URL{Path: q.RequestURI, Host: q.RequestURI}
		}
	}
	if r.trim != 0 { // a Mount or a rewrite: as http.StripPrefix has it
		h.url.Path, h.url.RawPath = r.Path(), r.RawPath()
	}
	q.Pattern = r.Pattern
	for _, p := range r.params {
		q.SetPathValue(p.name, p.value)
	}
	q.Proto, q.ProtoMajor, q.ProtoMinor = protoName(r.major, r.minor), r.major, r.minor
	q.Header = make(http.Header, n)
	for i := range n {
		name, value := r.Header.At(i)
		key := canonical(name)
		if key == "Host" {
			continue
		}
		text := string(value)
		if old, ok := q.Header[key]; ok {
			if key == "Cookie" { // HTTP/2 may send it in crumbs
				old[0] += "; " + text
				continue
			}
			q.Header[key] = append(old, text)
			continue
		}
		values = append(values, text)
		k := len(values)
		q.Header[key] = values[k-1 : k : k]
	}
	q.Host = string(r.host)
	q.ContentLength = r.Body.Length()
	if q.ContentLength < 0 {
		q.TransferEncoding = chunkedEncoding
		if r.major == 2 {
			q.TransferEncoding = nil
		}
	}
	q.Body = body
	if t, ok := r.Header.Value("Trailer"), true; ok && t != nil {
		q.Trailer = make(http.Header)
		for name := range strings.SplitSeq(string(t), ",") {
			q.Trailer[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))] = nil
		}
		q.Header.Del("Trailer")
	}
	q.RemoteAddr = r.w.c.remote()
	q.TLS = r.TLS()
	return q
}

var chunkedEncoding = []string{"chunked"}

// parseTarget does without url.Parse for the targets that most are.
func parseTarget(u *url.URL, target string, r *Request) bool {
	if target == "" || target[0] != '/' || strings.IndexByte(target, '%') >= 0 || strings.HasPrefix(target, "//") {
		return false
	}
	u.Path, u.RawQuery, _ = strings.Cut(target, "?")
	u.ForceQuery = u.RawQuery == "" && len(u.Path) < len(target)
	return true
}

// canonical is the canonical form of a field's name, for the usual ones without an
// allocation.
func canonical(name []byte) string {
	if s, ok := usualNames[string(name)]; ok {
		return s
	}
	return textproto.CanonicalMIMEHeaderKey(string(name))
}

var usualNames = func() map[string]string {
	m := map[string]string{}
	for _, s := range []string{"Host", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control",
		"Connection", "Content-Length", "Content-Type", "Cookie", "Referer", "Authorization", "If-None-Match",
		"If-Modified-Since", "Origin", "Range", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Upgrade-Insecure-Requests", "X-Forwarded-For", "X-Forwarded-Proto", "X-Requested-With", "Expect", "Pragma",
		"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User", "Dnt"} {
		m[s] = s
		m[strings.ToLower(s)] = s
	}
	return m
}()

func protoName(major, minor int) string {
	switch {
	case major == 2:
		return "HTTP/2.0"
	case minor == 0:
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// An outline is the head of an answer as net/http's Handlers make it.
type outline struct {
	status int
	header http.Header // theirs
}

// apply gives the head to w. first is the beginning of the body, for its type.
func (o *outline) apply(w *ResponseWriter, h http.Header, first []byte) {
	if err := addFields(&w.header, h); err != nil && w.broken == nil {
		w.broken = err
	}
	if len(first) > 0 && allowsBody(o.status) {
		if _, typed := h["Content-Type"]; !typed && h["Content-Encoding"] == nil {
			w.header.Set("Content-Type", http.DetectContentType(first))
		}
	}
	w.WriteHeader(o.status)
}

// keys appends the names of h to room, sorted: what is sent must not depend on
// the order of a map.
func keys(room []string, h http.Header) []string {
	for name := range h {
		room = append(room, name)
	}
	slices.Sort(room)
	return room
}

// addFields adds what stands in h, but for trailers, to dst. The error is the
// first of a field that cannot be.
func addFields(dst *Header, h http.Header) (err error) {
	var room [16]string
	for _, name := range keys(room[:0], h) {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		for _, v := range h[name] {
			if wrong := dst.Add(name, cleanValue(v)); wrong != nil && err == nil {
				err = wrong
			}
		}
	}
	return err
}

// trailers gives what h has for after the body to w.
func trailers(w *ResponseWriter, h http.Header) {
	var room [16]string
	for _, name := range keys(room[:0], h) {
		if key, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			for _, v := range h[name] {
				w.trailer.Add(key, cleanValue(v))
			}
		}
	}
	for _, list := range h["Trailer"] {
		for name := range strings.SplitSeq(list, ",") {
			key := textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
			for _, v := range h[key] {
				w.trailer.Add(key, cleanValue(v))
			}
		}
	}
}

// cleanValue is what net/http makes of a value: no line of its own.
func cleanValue(v string) string {
	if strings.ContainsAny(v, "\r\n\x00") {
		return strings.TrimSpace(strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(v))
	}
	return v
}

// fill copies trailers of a request to where a net/http Handler looks for them.
func fill(q *http.Request, t *Header) {
	if t == nil {
		return
	}
	if q.Trailer == nil {
		q.Trailer = make(http.Header)
	}
	for name, value := range t.All() {
		q.Trailer.Add(name, value)
	}
}
