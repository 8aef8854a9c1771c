package web

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/twistor-go/twistor/framing/http1"
)

// A RequestError is why a question to a server has no answer.
type RequestError struct {
	Method string
	URL    string // without user, password and query, which may be secrets
	Op     string // what failed: "parse", "connect", "send", "head", "body", "redirect"
	Err    error
}

func (e *RequestError) Error() string {
	return "web: " + e.Method + " " + e.URL + ": " + e.Op + ": " + e.Err.Error()
}

// Unwrap is Err.
func (e *RequestError) Unwrap() error { return e.Err }

var (
	// ErrBusy: more questions wait for one origin than Client.MaxWaiting.
	ErrBusy = errors.New("web: too many requests wait for this server")
	// ErrClientClosed: the Client was closed.
	ErrClientClosed = errors.New("web: the client is closed")
	// ErrNoRedirect, from Client.Redirect, makes the redirect itself the answer.
	ErrNoRedirect = errors.New("web: do not follow this redirect")
	// ErrAnswer: what the server sent is no answer that HTTP knows.
	ErrAnswer = errors.New("web: the server broke the protocol")
	// ErrUsed: a Content that can be sent only once was to be sent again.
	ErrUsed = errors.New("web: the content was sent already and cannot be sent again")
)

// maxURLBytes is how long a URL may be, in a request or a redirect.
const maxURLBytes = 8 << 10

// NewRequest makes a request for a Client. url is a whole one of http or https, escaped: white
// space, controls and other letters than ASCII are refused, so nothing that stands in a URL becomes
// a line of its own. A user and password in it become an Authorization field.
func NewRequest(method, url string) (*Request, error) {
	u, err := parseURL(url)
	if err == nil && !http1.ValidMethod(method) {
		err = fmt.Errorf("method %q: want letters, such as GET", shortened(method))
	}
	if err != nil {
		return nil, &RequestError{Method: strconv.Quote(shortened(method)), URL: describe(url, u), Op: "parse", Err: err}
	}
	r := &Request{Method: method, major: 1, minor: 1}
	if user := u.User; user != nil {
		password, _ := user.Password()
		r.SetBasicAuth(user.Username(), password)
		u.User = nil
	}
	r.setURL(u)
	if !http1.ValidTarget(method, string(r.target)) {
		return nil, &RequestError{Method: method, URL: describe(url, u), Op: "parse", Err: errors.New("path: want it escaped")}
	}
	return r, nil
}

// parseURL parses and checks a URL.
func parseURL(text string) (*url.URL, error) {
	if len(text) > maxURLBytes {
		return nil, errors.New("URL: want 8,192 bytes at most")
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f {
			return nil, fmt.Errorf("URL: byte %#02x: want it escaped", text[i])
		}
	}
	u, err := url.Parse(text)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err // its text has the whole URL, which may have secrets
		}
		return nil, err
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if u.Scheme != "http" && u.Scheme != "https" {
		return u, fmt.Errorf("scheme %q: want http or https", shortened(u.Scheme))
	}
	if u.Opaque != "" || u.Hostname() == "" || !http1.ValidHost(u.Host) {
		return u, fmt.Errorf("host %q: want a name of ASCII or an address", shortened(u.Host))
	}
	return u, nil
}

// setURL has r ask u.
func (r *Request) setURL(u *url.URL) {
	v := *u
	v.Fragment, v.RawFragment = "", ""
	u = &v
	r.url, r.scheme = u, u.Scheme
	host := u.Host
	if p := u.Port(); p == "" || p == defaultPort(u.Scheme) {
		host = u.Hostname()
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
	}
	r.host = []byte(host)
	switch {
	case r.Method == "CONNECT":
		r.target = []byte(hostport(u))
	case r.Method == "OPTIONS" && u.Path == "" && u.RawQuery == "":
		r.target = []byte("*")
	default:
		r.target = []byte(u.RequestURI())
	}
	r.pathSet, r.query = false, nil
}

// Clone is another request of a Client for the same, which shares nothing with r but Content.
func (r *Request) Clone() *Request {
	c := &Request{
		Method: r.Method, Content: r.Content, major: r.major, minor: r.minor,
		scheme: r.scheme, target: r.target, host: r.host, url: r.url, // these are replaced, never changed
	}
	c.Header.CopyFrom(&r.Header)
	return c
}

// SetTarget has a client send target, byte for byte, in place of what the URL says: a path and
// query. It is for proxies.
func (r *Request) SetTarget(target string) error {
	if !http1.ValidTarget(r.Method, target) || target == "" || target[0] != '/' && target != "*" {
		return fmt.Errorf("web: target %q: want a path, escaped", shortened(target))
	}
	r.target = []byte(target)
	r.pathSet, r.query = false, nil
	return nil
}

// SetHost has a client send another Host than the URL's.
func (r *Request) SetHost(host string) error {
	if host == "" || !http1.ValidHost(host) {
		return fmt.Errorf("web: host %q: want a name or an address, with or without a port", shortened(host))
	}
	r.host = []byte(host)
	return nil
}

// SetBasicAuth sets the Authorization field for a user and password
// (https://www.rfc-editor.org/rfc/rfc7617). They are sent as they are: use https.
func (r *Request) SetBasicAuth(user, password string) {
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// SetBearer sets the Authorization field for a token
// (https://www.rfc-editor.org/rfc/rfc6750#section-2.1).
func (r *Request) SetBearer(token string) error {
	return r.Header.Set("Authorization", "Bearer "+token)
}

// hostport is where to connect to for u.
func hostport(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = defaultPort(u.Scheme)
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// describe is the URL for errors and logs: what may be secret is left out.
func describe(text string, u *url.URL) string {
	if u == nil {
		text, _, _ = strings.Cut(text, "?")
		if i := strings.LastIndexByte(text, '@'); i >= 0 {
			text = text[i+1:]
		}
		return fmt.Sprintf("%q", shortened(text))
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// shortened is the beginning of s, for errors.
func shortened(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
