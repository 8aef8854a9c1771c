package web

import (
	"fmt"
	"go/token"
	"net/url"
	"strings"

	"github.com/twistor-go/twistor/framing/http1"
)

// A pattern is what a Mux is told by "METHOD HOST/PATH".
type pattern struct {
	text   string // as it was given
	at     string // the place in the source that gave it
	method string // "": any
	host   string // "": any; lower case
	parts  []part // never empty
}

// A part is one segment of a pattern's path. A path that ends in "/" has an empty
// last segment, as "/" by itself has.
type part struct {
	kind partKind
	text string // of a literal, decoded; else the name, "" for what has none
}

type partKind uint8

const (
	literal partKind = iota // that text; the empty text is {$}, the end after a slash
	single                  // any segment that is not empty
	multi                   // all that is left, of no segment, one or more; the last part
)

// maxWildcards is how many wildcards a pattern may have: what a match captures
// lies on the stack.
const maxWildcards = 16

// parsePattern reads "GET example.com/a/{b}/{c...}".
func parsePattern(text string) (*pattern, error) {
	p := &pattern{text: text}
	rest := text
	if i := strings.IndexAny(rest, " \t"); i >= 0 {
		p.method, rest = rest[:i], strings.TrimLeft(rest[i:], " \t")
		if !http1.ValidMethod(p.method) {
			return nil, fmt.Errorf("method %q: want a token such as GET", p.method)
		}
	}
	i := strings.IndexByte(rest, '/')
	if i < 0 {
		return nil, fmt.Errorf("path missing: want one that begins with a slash")
	}
	p.host, rest = strings.ToLower(rest[:i]), rest[i:]
	if p.host != "" && (!http1.ValidHost(p.host) || string(hostKey(nil, []byte(p.host))) != p.host) {
		return nil, fmt.Errorf("host %q: want a name or an address, without a port", p.host)
	}
	return p, p.parsePath(rest)
}

func (p *pattern) parsePath(path string) error {
	names := map[string]bool{}
	segments := strings.Split(path[1:], "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch open := strings.IndexByte(s, '{'); {
		case s == "" && last:
			p.parts = append(p.parts, part{kind: multi})
		case s == "" || s == "." || s == "..":
			return fmt.Errorf("path %q is not clean: no request has a segment %q", path, s)
		case open < 0:
			decoded, err := url.PathUnescape(s)
			if err != nil || strings.Contains(decoded, "\x00") {
				return fmt.Errorf("segment %q: want a valid one", s)
			}
			p.parts = append(p.parts, part{literal, decoded})
		case open > 0 || s[len(s)-1] != '}':
			return fmt.Errorf("segment %q: want a wildcard to be a segment of its own", s)
		case s == "{$}":
			if !last {
				return fmt.Errorf("{$} is not at the end of the path")
			}
			p.parts = append(p.parts, part{kind: literal})
		default:
			name, rest := strings.CutSuffix(s[1:len(s)-1], "...")
			if rest && !last {
				return fmt.Errorf("segment %q is not the last of the path", s)
			}
			if !token.IsIdentifier(name) && !token.IsKeyword(name) {
				return fmt.Errorf("wildcard %q: want a name of letters and digits", s)
			}
			if names[name] {
				return fmt.Errorf("two wildcards are named %q", name)
			}
			names[name] = true
			kind := single
			if rest {
				kind = multi
			}
			p.parts = append(p.parts, part{kind, name})
		}
	}
	if len(names) > maxWildcards {
		return fmt.Errorf("%d wildcards: want at most %d", len(names), maxWildcards)
	}
	return nil
}

// A relation says how the requests that two patterns match lie to each other.
type relation uint8

const (
	equal    relation = 0
	wider    relation = 1 // the first matches all that the second does, and more
	narrower relation = 2
	crossing relation = 3 // each matches some that the other does not: wider|narrower
	disjoint relation = 4
)

// and joins the relations of two aspects of the same patterns.
func (r relation) and(o relation) relation {
	if r == disjoint || o == disjoint {
		return disjoint
	}
	return r | o
}

// conflicts reports whether some request would be matched by p and by q, and neither
// is the more specific.
func (p *pattern) conflicts(q *pattern) bool {
	if p.host != q.host {
		return false // one with a host goes before one without
	}
	r := p.methods(q).and(p.paths(q))
	return r == equal || r == crossing
}

func (p *pattern) methods(q *pattern) relation {
	switch {
	case p.method == q.method:
		return equal
	case p.method == "", p.method == "GET" && q.method == "HEAD":
		return wider
	case q.method == "", q.method == "GET" && p.method == "HEAD":
		return narrower
	}
	return disjoint
}

func (p *pattern) paths(q *pattern) relation {
	r := equal
	for i := 0; ; i++ {
		switch inP, inQ := i < len(p.parts), i < len(q.parts); {
		case !inP && !inQ:
			return r
		case !inP || !inQ:
			return disjoint
		}
		a, b := p.parts[i], q.parts[i]
		switch {
		case a.kind == multi && b.kind == multi:
			return r
		case a.kind == multi:
			return r | wider
		case b.kind == multi:
			return r | narrower
		case a.kind == single && b.kind == single:
		case a.kind == single && b.text != "":
			r |= wider
		case b.kind == single && a.text != "":
			r |= narrower
		case a.kind != b.kind || a.text != b.text:
			return disjoint
		}
	}
}

// sample is a path that both p and q match, for the message about their conflict.
func (p *pattern) sample(q *pattern) string {
	var b strings.Builder
	for i := range max(len(p.parts), len(q.parts)) {
		text := ""
		for _, o := range []*pattern{p, q} {
			if i < len(o.parts) {
				switch part := o.parts[i]; {
				case part.kind == literal:
					text = part.text
				case part.kind == single && text == "":
					text = part.text
				}
			}
		}
		b.WriteByte('/')
		b.WriteString(text)
	}
	return b.String()
}
