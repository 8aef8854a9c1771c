package web

import (
	"crypto/tls"
	"net"
	"net/url"
	"strings"

	"github.com/twistor-go/twistor"
)

// A Request is what a client asks: on a server as it came, on a client as it is to
// go (NewRequest). One that a Handler gets is valid until its answer is
// complete. Loop-only.
type Request struct {
	// Method is GET, POST, ...: any token, and case counts.
	Method string
	// Header has the fields. A Handler may change them, for those that it calls.
	Header Header
	// Body is what the client sends: never nil on a server.
	Body *Body
	// Pattern is the one of the Mux that chose the Handler.
	Pattern string

	// Content is the body that a client is to send; nil: none.
	Content Content

	major, minor int
	scheme       string
	target       []byte // origin-form; "*"; or an authority, for CONNECT
	host         []byte
	upgrade      string // the protocol of an extended CONNECT (RFC 8441)
	path         string // decoded; set with pathSet
	rawQuery     string
	url          *url.URL
	query        url.Values
	pathSet      bool
	body         Body
	values       []value
	params       []param
	trim         int    // bytes of the target that Mounts have taken; -1: SetPath changed the path
	mounted      string // the patterns of those Mounts
	w            *ResponseWriter
}

type value struct{ key, value any }

type param struct{ name, value string }

// Target is the request target as it came, in origin-form ("/a%20b?c=d"), "*",
// or for CONNECT the authority. https://www.rfc-editor.org/rfc/rfc9112#section-3.2
func (r *Request) Target() string { return string(r.target) }

// TargetBytes is Target without an allocation; never change it.
func (r *Request) TargetBytes() []byte { return r.target }

// Path is the path, decoded, that is for this Handler: below what a Mount took. It
// begins with "/" and has no NUL, since such a target is not found; "." and ".." are still in it.
func (r *Request) Path() string {
	r.splitTarget()
	return r.path
}

// RawQuery is what stands behind the "?", as it came.
func (r *Request) RawQuery() string {
	r.splitTarget()
	return r.rawQuery
}

// Query has the parameters of the URL. Broken ones are left out; Form refuses
// them.
func (r *Request) Query() url.Values {
	if r.query == nil {
		r.query, _ = url.ParseQuery(r.RawQuery())
	}
	return r.query
}

// URL is the whole URL; never change it. On a server its scheme and host are what
// the client named: check Host before you trust them.
func (r *Request) URL() *url.URL {
	if r.url == nil {
		u, err := url.ParseRequestURI(string(r.target))
		if err != nil {
			u = &url.URL{Opaque: string(r.target)}
		}
		u.Host = string(r.host)
		u.Scheme = r.Scheme()
		r.url = u
	}
	return r.url
}

// Host is the host, and port if it was given, that the client asked: of an absolute target,
// else of the Host field. It is a valid host by its grammar, and nothing more.
func (r *Request) Host() string { return string(r.host) }

// HostBytes is Host without an allocation; never change it.
func (r *Request) HostBytes() []byte { return r.host }

// Scheme is "https" over TLS, else "http".
func (r *Request) Scheme() string {
	if r.scheme != "" {
		return r.scheme
	}
	if r.TLS() != nil {
		return "https"
	}
	return "http"
}

// Proto is the version of HTTP: 1 and 0 or 1, or 2 and 0.
func (r *Request) Proto() (major, minor int) { return r.major, r.minor }

// Loop is the loop on which all of it happens.
func (r *Request) Loop() twistor.Loop { return r.w.c.transport().Loop() }

// TLS is the state of TLS; nil: there is none.
func (r *Request) TLS() *tls.ConnectionState { return r.w.c.transport().TLS() }

// RemoteAddr is the other end of the connection: the client, or the proxy
// before us.
func (r *Request) RemoteAddr() net.Addr { return r.w.c.transport().RemoteAddr() }

// LocalAddr is our end.
func (r *Request) LocalAddr() net.Addr { return r.w.c.local() }

// UpgradeTo is the protocol that the client wants instead, in lower case: of the Upgrade field
// of HTTP/1.1, or of an extended CONNECT (RFC 8441); "": none.
func (r *Request) UpgradeTo() string { return r.upgrade }

// Param is the part of the path that {name} of the pattern matched; "": none.
func (r *Request) Param(name string) string {
	for _, p := range r.params {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// SetParam is for Handlers that choose others by the path.
func (r *Request) SetParam(name, text string) { r.params = append(r.params, param{name, text}) }

// Value is what SetValue kept for key; nil: nothing. Keys are of a type of
// one's own, so that packages do not meet.
func (r *Request) Value(key any) any {
	for _, v := range r.values {
		if v.key == key {
			return v.value
		}
	}
	return nil
}

// SetValue keeps something for the Handlers within, such as who logged in.
func (r *Request) SetValue(key, v any) {
	for i := range r.values {
		if r.values[i].key == key {
			r.values[i].value = v
			return
		}
	}
	r.values = append(r.values, value{key, v})
}

// SetPath gives the Handlers within another path, decoded: what rewrites and Mounts do.
func (r *Request) SetPath(path string) {
	r.splitTarget()
	r.path, r.trim = path, -1
}

// splitTarget makes path and rawQuery of the target.
func (r *Request) splitTarget() {
	if r.pathSet {
		return
	}
	r.pathSet = true
	path, query, _ := strings.Cut(string(r.target), "?")
	r.rawQuery = query
	if r.Method == "CONNECT" && r.upgrade == "" {
		r.path = ""
		return
	}
	if strings.IndexByte(path, '%') >= 0 {
		// The parser has refused what is no escape.
		if decoded, err := url.PathUnescape(path); err == nil {
			path = decoded
		}
	}
	r.path = path
}

// reset lets go of all that was of the last request, and keeps memory.
func (r *Request) reset() {
	r.Header.Reset()
	clear(r.values)
	clear(r.params)
	h, values, params, w := r.Header, r.values[:0], r.params[:0], r.w
	*r = Request{} // a literal with values would be made beside, and copied
	r.Header, r.values, r.params, r.w = h, values, params, w
	r.Body = &r.body
}
