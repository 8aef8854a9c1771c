package cgi

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/twistor-go/twistor/protocol/web"
)

// environ is the request as variables.
// https://www.rfc-editor.org/rfc/rfc3875#section-4.1
func environ(rules *Rules, r *web.Request, at place, length int64) []string {
	env := make([]string, 0, 24+r.Header.Len()+len(rules.Env))
	set := func(name, value string) {
		if strings.IndexByte(value, 0) < 0 { // a decoded path may have one
			env = append(env, name+"="+value)
		}
	}
	set("PATH", defaultPath)
	set("GATEWAY_INTERFACE", "CGI/1.1")
	set("SERVER_SOFTWARE", "Twistor")
	set("SERVER_PROTOCOL", protocol(r))
	set("SERVER_NAME", r.Hostname())
	set("SERVER_PORT", serverPort(r))
	set("REQUEST_METHOD", r.Method)
	set("REQUEST_URI", r.Target())
	set("SCRIPT_NAME", at.name)
	set("SCRIPT_FILENAME", at.file)
	set("PATH_INFO", at.info)
	set("QUERY_STRING", r.RawQuery())
	if a := r.Client(); a.IsValid() {
		set("REMOTE_ADDR", a.String())
		set("REMOTE_HOST", a.String())
	}
	if user := r.User(); user != "" {
		scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		set("AUTH_TYPE", scheme)
		set("REMOTE_USER", user)
	}
	if r.Scheme() == "https" {
		set("HTTPS", "on")
	}
	if kind := r.Header.Get("Content-Type"); kind != "" {
		set("CONTENT_TYPE", kind)
	}
	if length > 0 || r.Header.Has("Content-Length") {
		set("CONTENT_LENGTH", strconv.FormatInt(length, 10))
	}
	env = appendFields(env, &r.Header)
	return append(env, rules.Env...)
}

// appendFields appends the other fields as HTTP_NAME. One that came twice is
// joined, as it may be by anybody on its way.
func appendFields(env []string, h *web.Header) []string {
	first := len(env)
next:
	for name, value := range h.All() {
		variable, ok := variableOf(name)
		if !ok {
			continue
		}
		for i := first; i < len(env); i++ {
			if rest, same := strings.CutPrefix(env[i], variable+"="); same {
				separator := ", "
				if variable == "HTTP_COOKIE" {
					separator = "; "
				}
				env[i] = variable + "=" + rest + separator + value
				continue next
			}
		}
		env = append(env, variable+"="+value)
	}
	return env
}

// variableOf is the variable of a field; ok is false if it has none.
func variableOf(name string) (variable string, ok bool) {
	switch strings.ToLower(name) {
	case "content-type", "content-length": // have variables of their own
		return "", false
	case "proxy": // HTTP_PROXY is where programs look for their own proxy: https://httpoxy.org
		return "", false
	case "authorization", "proxy-authorization": // "the server SHOULD NOT" tell: section 9.2
		return "", false
	case "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade": // are about our connection
		return "", false
	}
	b := []byte("HTTP_" + name)
	for i, c := range b[5:] {
		switch {
		case 'a' <= c && c <= 'z':
			b[5+i] = c - 0x20
		case c == '-':
			b[5+i] = '_'
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		default: // "_" too: X_A would be X-A
			return "", false
		}
	}
	return string(b), true
}

func protocol(r *web.Request) string {
	major, minor := r.Proto()
	return "HTTP/" + strconv.Itoa(major) + "." + strconv.Itoa(minor)
}

// serverPort is the port that the client asked, or else ours.
func serverPort(r *web.Request) string {
	if _, port, err := net.SplitHostPort(r.Host()); err == nil && port != "" {
		return port
	}
	if r.Host() != "" {
		return map[string]string{"http": "80", "https": "443"}[r.Scheme()]
	}
	if _, port, err := net.SplitHostPort(r.LocalAddr().String()); err == nil {
		return port
	}
	return "80"
}

// decoded is an escaped path without its escapes; the server has refused broken ones.
func decoded(path string) string {
	if p, err := url.PathUnescape(path); err == nil {
		return p
	}
	return path
}
