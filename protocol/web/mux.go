package web

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/twistor-go/twistor/deferred"
)

// A Mux chooses a Handler by what is asked. Its zero has no pattern and answers
// 404. Register all patterns before it serves; immutable then, so that the
// Servers of several loops can share it if they can share its Handlers.
//
// A pattern is "METHOD HOST/PATH", of which method and host may be left out;
// the language is that of net/http.ServeMux:
//
//	/              all
//	/about         that path
//	/static/       all below
//	/static/{$}    that path, and nothing below
//	GET /          GET and HEAD
//	/users/{id}    one segment, which Request.Param("id") has
//	/files/{p...}  all that is left, slashes too
//	example.com/   that host, whatever the port
//
// The most specific pattern wins, one with a host before one without. Two that
// match the same request, neither more specific than the other, are an error
// of the program: the second registration panics and names both places.
//
// A path that another method serves is answered 405 with Allow, a method that
// nobody knows 501, OPTIONS by what there is. A path with "//", "." or ".." is redirected to what it
// means, one without the slash at its end to that with it, if only that is
// registered: by 307, so that POST stays POST.
//
// An extended CONNECT of HTTP/2 (RFC 8441), which asks for WebSocket, is served
// as GET is. Escapes are decoded after the path is cut: "/a%2Fb" is one segment.
type Mux struct {
	// NotFound answers when no pattern matches. Nil: the 404 page.
	NotFound Handler

	hosts   map[string]site
	any     site
	methods map[string]bool
	near    map[string][]*route // by host and first segment: with whom a pattern may conflict
}

// Handle registers h for pattern. It panics if pattern is none or conflicts with
// another.
func (m *Mux) Handle(pattern string, h Handler) { m.register(pattern, h, false) }

// HandleFunc registers f for pattern, as Handle does.
func (m *Mux) HandleFunc(pattern string, f func(w *ResponseWriter, r *Request)) {
	m.register(pattern, HandlerFunc(f), false)
}

// Mount registers h for all below prefix, as Handle(prefix+"/", h) does, and
// takes prefix off the paths that h sees: they begin with the slash after it.
// Prefix may have a host and wildcards. What stands outside of the Mux sees
// the shorter path too once h has begun: it has Target for the whole.
func (m *Mux) Mount(prefix string, h Handler) {
	m.register(strings.TrimSuffix(prefix, "/")+"/", h, true)
}

func (m *Mux) register(text string, h Handler, mount bool) {
	p, err := parsePattern(text)
	if err != nil {
		panic(fmt.Sprintf("web: pattern %q: %v", text, err))
	}
	if h == nil {
		panic(fmt.Sprintf("web: pattern %q has no Handler", text))
	}
	if _, file, line, ok := runtime.Caller(2); ok {
		p.at = fmt.Sprintf("%s:%d", file, line)
	}
	r := &route{pattern: p, to: h, mount: mount}
	m.refuseConflict(r)
	s := m.site(p.host)
	if s[p.method] == nil {
		s[p.method] = &node{}
	}
	s[p.method].add(r)
	m.methods[p.method] = true
}

// site returns the site of host, which it may make.
func (m *Mux) site(host string) site {
	if m.any == nil {
		m.any, m.hosts, m.methods = site{}, map[string]site{}, map[string]bool{}
	}
	if host == "" {
		return m.any
	}
	if m.hosts[host] == nil {
		m.hosts[host] = site{}
	}
	return m.hosts[host]
}

// refuseConflict panics if r conflicts with what is registered, and else
// remembers it. Patterns of other hosts, and those that begin with another
// literal, cannot.
func (m *Mux) refuseConflict(r *route) {
	if m.near == nil {
		m.near = map[string][]*route{}
	}
	all, wild := r.host+"/*", r.host+"/?"
	mine := wild
	near := all
	if first := r.parts[0]; first.kind == literal {
		mine = r.host + "/=" + first.text
		near = mine
	}
	for _, key := range []string{near, wild} {
		for _, o := range m.near[key] {
			if o.conflicts(r.pattern) {
				panic(fmt.Sprintf("web: pattern %q at %s conflicts with %q at %s: both match %q, and neither is more specific",
					r.text, r.at, o.text, o.at, r.host+r.sample(o.pattern)))
			}
		}
	}
	m.near[mine] = append(m.near[mine], r)
	m.near[all] = append(m.near[all], r)
}

// Serve has the Handler serve whose pattern matches best.
func (m *Mux) Serve(w *ResponseWriter, r *Request) *deferred.Signal {
	path, raw := r.below()
	if len(path) == 0 || path[0] != '/' || nul(path, raw) {
		return m.notFound(w, r, nil, path, raw)
	}
	tidied := !clean(path)
	if tidied {
		path = cleaned(path)
	}
	var room [64]byte
	var s site
	if len(m.hosts) > 0 {
		s = m.hosts[string(hostKey(room[:0], r.host))]
	}
	var found match
	method := routed(r)
	if (!m.find(s, method, path, raw, &found) || !found.exact(path)) && raw && m.redirects(s, method, path) {
		path, tidied = append(slices.Clip(path), '/'), true
	}
	if tidied && raw {
		redirectRaw(w, r, path)
		return nil
	}
	if found.route == nil {
		return m.notFound(w, r, s, path, raw)
	}
	return found.serve(w, r, path, raw)
}

// routed is the method by which a Handler is chosen. What asks for WebSocket by
// GET in HTTP/1.1 does it by CONNECT in HTTP/2: one pattern serves both.
// https://www.rfc-editor.org/rfc/rfc8441#section-4
func routed(r *Request) string {
	if r.Method == "CONNECT" && r.upgrade != "" {
		return "GET"
	}
	return r.Method
}

func (m *Mux) find(s site, method string, path []byte, raw bool, found *match) bool {
	if s != nil && s.find(method, path, raw, found) {
		return true
	}
	*found = match{}
	return m.any.find(method, path, raw, found)
}

// redirects reports whether path is meant to end in a slash.
func (m *Mux) redirects(s site, method string, path []byte) bool {
	if path[len(path)-1] == '/' {
		return false
	}
	var room [256]byte
	slashed := append(append(room[:0], path...), '/')
	var found match
	return m.find(s, method, slashed, true, &found) && found.exact(slashed)
}

// serve gives r to the Handler of the route.
func (m *match) serve(w *ResponseWriter, r *Request, path []byte, raw bool) *deferred.Signal {
	i := 0
	for _, p := range m.route.parts {
		if p.kind == literal {
			continue
		}
		if p.text != "" {
			v := path[m.from[i]:m.to[i]]
			if raw {
				r.SetParam(p.text, unescaped(v))
			} else {
				r.SetParam(p.text, string(v))
			}
		}
		i++
	}
	if outer := r.mounted; outer != "" {
		r.Pattern = outer + m.route.text[strings.IndexByte(m.route.text, '/'):]
	} else {
		r.Pattern = m.route.text
	}
	if m.route.mount {
		r.mounted = strings.TrimSuffix(r.Pattern, "/")
		r.descend(m.from[m.n-1]-1, path, raw)
	}
	return m.route.to.Serve(w, r)
}

// notFound says that there is nothing, or nothing for that method.
func (m *Mux) notFound(w *ResponseWriter, r *Request, s site, path []byte, raw bool) *deferred.Signal {
	if r.Method == "OPTIONS" && string(r.target) == "*" {
		w.WriteHeader(204)
		return nil
	}
	if allowed := m.allowed(s, path, raw); len(allowed) > 0 {
		refuseMethod(w, r, allowed, m.methods[r.Method])
		return nil
	}
	if m.NotFound != nil {
		return m.NotFound.Serve(w, r)
	}
	NotFound(w, r)
	return nil
}

// allowed are the methods that path has, or would have with a slash.
func (m *Mux) allowed(s site, path []byte, raw bool) (methods []string) {
	if len(path) == 0 || path[0] != '/' || nul(path, raw) {
		return nil
	}
	slashed := append(slices.Clip(path), '/')
	for _, s := range []site{s, m.any} {
		for method, n := range s { //sim:unordered sorted below
			var found match
			if n.find(path, 1, raw, &found) || n.find(slashed, 1, raw, &found) {
				methods = append(methods, method)
			}
		}
	}
	slices.Sort(methods)
	return methods
}

// Methods is a Handler that chooses another by the method: 405 and 501 for
// those that it has not, HEAD by GET, OPTIONS by itself.
type Methods map[string]Handler

// Serve has the Handler of the method serve.
func (m Methods) Serve(w *ResponseWriter, r *Request) *deferred.Signal {
	method := routed(r)
	h := m[method]
	if h == nil && method == "HEAD" {
		h = m["GET"]
	}
	if h != nil {
		return h.Serve(w, r)
	}
	var allowed []string
	for method := range m { //sim:unordered sorted before they are shown
		allowed = append(allowed, method)
	}
	refuseMethod(w, r, allowed, false)
	return nil
}

// refuseMethod answers a method that is not among those allowed; of known ones
// 405, of others 501: "when the server does not recognize the request method".
// https://www.rfc-editor.org/rfc/rfc9110#section-15.6.2
func refuseMethod(w *ResponseWriter, r *Request, allowed []string, known bool) {
	if slices.Contains(allowed, "GET") {
		allowed = append(allowed, "HEAD")
	}
	allowed = append(allowed, "OPTIONS")
	slices.Sort(allowed)
	w.SetHeader("Allow", strings.Join(slices.Compact(allowed), ", "))
	if r.Method == "OPTIONS" {
		w.WriteHeader(204)
		return
	}
	switch r.Method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "CONNECT", "TRACE":
		known = true
	}
	status := 501
	if known {
		status = 405
	}
	Refuse(w, r, status, "")
}
