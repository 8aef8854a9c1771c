package web

import (
	"bytes"
	"net/url"
	"path"
)

// RawPath is Path as it came, with its escapes: what a proxy passes on. After
// SetPath it is that path, escaped.
func (r *Request) RawPath() string {
	p, raw := r.below()
	if raw {
		return string(p)
	}
	return (&url.URL{Path: string(p)}).EscapedPath()
}

// below is the path that this Handler is to serve; raw: with its escapes.
func (r *Request) below() (p []byte, raw bool) {
	if r.trim < 0 {
		return []byte(r.path), false
	}
	if r.Method == "CONNECT" && r.upgrade == "" {
		return nil, true
	}
	p = r.target[r.trim:]
	if i := bytes.IndexByte(p, '?'); i >= 0 {
		p = p[:i]
	}
	return p, true
}

// descend takes the first n bytes off the path p, which is what below returned.
func (r *Request) descend(n int, p []byte, raw bool) {
	if !raw {
		r.path = string(p[n:])
		return
	}
	r.splitTarget()
	r.path = unescaped(p[n:])
	r.trim += n
}

// redirectRaw sends the client to the same place by another path, which has
// its escapes; what Mounts took and the query are put back.
func redirectRaw(w *ResponseWriter, r *Request, p []byte) {
	location := append([]byte(nil), r.target[:r.trim]...)
	location = append(location, p...)
	if i := bytes.IndexByte(r.target, '?'); i >= 0 {
		location = append(location, r.target[i:]...)
	}
	Redirect(w, r, 307, string(location))
}

// clean reports whether a path has no empty segment but the last, no "." and no "..",
// escaped or not.
func clean(p []byte) bool {
	for i := 0; i < len(p); i++ {
		if p[i] != '/' {
			continue
		}
		rest := p[i+1:]
		if len(rest) == 0 {
			break
		}
		switch rest[0] {
		case '/':
			return false
		case '.', '%':
			end := bytes.IndexByte(rest, '/')
			if end < 0 {
				end = len(rest)
			}
			if dots(rest[:end]) > 0 {
				return false
			}
		}
	}
	return true
}

// dots is how many dots a segment is, if it is one or two and nothing else. "%2e" is
// a dot: "URIs that differ in the replacement of an unreserved character with its
// corresponding percent-encoded US-ASCII octet are equivalent".
// https://www.rfc-editor.org/rfc/rfc3986#section-2.3
func dots(segment []byte) (n int) {
	for len(segment) > 0 {
		switch {
		case segment[0] == '.':
			segment = segment[1:]
		case len(segment) >= 3 && segment[0] == '%' && segment[1] == '2' && segment[2]|0x20 == 'e':
			segment = segment[3:]
		default:
			return 0
		}
		n++
	}
	if n > 2 {
		return 0
	}
	return n
}

// cleaned is what an unclean path means.
func cleaned(p []byte) []byte {
	segments := bytes.Split(p, []byte("/"))
	for i, s := range segments {
		if n := dots(s); n > 0 {
			segments[i] = []byte("..")[:n]
		}
	}
	slash := p[len(p)-1] == '/' || dots(segments[len(segments)-1]) > 0
	p = []byte(path.Clean("/" + string(bytes.Join(segments, []byte("/")))))
	if slash && len(p) > 1 {
		p = append(p, '/')
	}
	return p
}

// nul reports whether p has a zero byte, which no path has and some files'
// names end at.
func nul(p []byte, raw bool) bool {
	return bytes.IndexByte(p, 0) >= 0 || raw && bytes.Contains(p, []byte("%00"))
}

// hostKey is a host without its port, in lower case and without the dot at the
// end, appended to dst; host itself if it is so.
func hostKey(dst, host []byte) []byte {
	end := len(host)
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		end = i
	}
	if end > 0 && host[end-1] == '.' {
		end--
	}
	for i, c := range host[:end] {
		if 'A' <= c && c <= 'Z' {
			dst = append(dst, host[:end]...)
			for ; i < end; i++ {
				if c := dst[i]; 'A' <= c && c <= 'Z' {
					dst[i] = c | 0x20
				}
			}
			return dst
		}
	}
	return host[:end]
}
