package web

import (
	"bytes"
	"net/url"
)

// A route is a pattern and who serves it.
type route struct {
	*pattern
	to    Handler
	mount bool // what the multi at the end matched is all that the Handler sees
}

// A site has the patterns of one host, by method; "" is that of all others.
type site map[string]*node

// A node is a place in the tree of the patterns of one site and method.
type node struct {
	literals map[string]*node
	single   *node
	multi    *route // all that is below
	here     *route // the path ends here
}

// add puts r where its parts lead.
func (n *node) add(r *route) {
	for _, p := range r.parts {
		switch p.kind {
		case multi:
			n.multi = r
			return
		case single:
			if n.single == nil {
				n.single = &node{}
			}
			n = n.single
		case literal:
			if n.literals == nil {
				n.literals = map[string]*node{}
			}
			next := n.literals[p.text]
			if next == nil {
				next = &node{}
				n.literals[p.text] = next
			}
			n = next
		}
	}
	n.here = r
}

// A match is what find found: the route, and where in the path its wildcards
// lie.
type match struct {
	route *route
	from  [maxWildcards]int
	to    [maxWildcards]int
	n     int
}

// find looks for the most specific route of path from at on, where a segment
// begins; beyond the end of path there is none left. raw: path is as it came,
// with escapes. Since no two patterns conflict, a literal goes before a
// wildcard, and that before all the rest.
func (n *node) find(path []byte, at int, raw bool, m *match) bool {
	if at > len(path) {
		m.route = n.here
		return n.here != nil
	}
	end := len(path)
	if i := bytes.IndexByte(path[at:], '/'); i >= 0 {
		end = at + i
	}
	segment := path[at:end]
	if raw && bytes.IndexByte(segment, '%') >= 0 {
		segment = []byte(unescaped(segment))
	}
	if next := n.literals[string(segment)]; next != nil && next.find(path, end+1, raw, m) {
		return true
	}
	if n.single != nil && len(segment) > 0 {
		was := m.n
		m.from[m.n], m.to[m.n] = at, end
		m.n++
		if n.single.find(path, end+1, raw, m) {
			return true
		}
		m.n = was
	}
	if n.multi != nil {
		m.from[m.n], m.to[m.n] = at, len(path)
		m.n++
		m.route = n.multi
		return true
	}
	return false
}

// find looks for a route of the method, or else of any; HEAD is served as GET is.
func (s site) find(method string, path []byte, raw bool, m *match) bool {
	if n := s[method]; n != nil && n.find(path, 1, raw, m) {
		return true
	}
	if method == "HEAD" {
		if n := s["GET"]; n != nil && n.find(path, 1, raw, m) {
			return true
		}
	}
	n := s[""]
	return n != nil && n.find(path, 1, raw, m)
}

// exact reports whether m did not need the multi of its route: the path is not
// below the one that the pattern names, it is that.
func (m *match) exact(path []byte) bool {
	r := m.route
	if r.parts[len(r.parts)-1].kind != multi {
		return true
	}
	return len(path) > 0 && path[len(path)-1] == '/' && bytes.Count(path, []byte("/")) == len(r.parts)
}

// unescaped decodes the escapes in v; broken ones, which the parser refuses, stay.
func unescaped(v []byte) string {
	if decoded, err := url.PathUnescape(string(v)); err == nil {
		return decoded
	}
	return string(v)
}
