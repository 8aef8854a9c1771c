package http1

import (
	"bytes"
	"net/netip"
)

// ValidMethod says whether method is one: a token
// (https://www.rfc-editor.org/rfc/rfc9110#section-9.1).
func ValidMethod(method string) bool { return all(method, tokenByte) }

// ValidTarget says whether a request of that method may name target: a path
// with or without a query, "*" for OPTIONS, "host:port" for CONNECT, or a whole
// URI with a host (https://www.rfc-editor.org/rfc/rfc9112#section-3.2).
func ValidTarget(method, target string) bool {
	_, _, ok := checkTarget(method, target)
	return ok
}

// ValidHost says whether host may be a Host field: a name of DNS or an IP
// address, IPv6 in brackets, with or without a port. RFC 3986 would let a name
// hold quotes, commas and percent signs too; no name of DNS does, and whoever
// makes a file name, a list or a page of a Host is safer without them
// (https://www.rfc-editor.org/rfc/rfc9112#section-3.2).
func ValidHost(host string) bool { return validHost(host) }

// checkTarget says whether target is one for the method, and where in it the
// authority lies, from start to end, if it has one.
func checkTarget[T text](method string, target T) (start, end int, ok bool) {
	switch {
	case len(target) == 0:
		return 0, 0, false
	case method == "CONNECT":
		// "a client MUST send only the host and port of the tunnel destination",
		// https://www.rfc-editor.org/rfc/rfc9112#section-3.2.3
		_, port := cutPort(target)
		return 0, len(target), validHost(target) && len(port) > 0
	case target[0] == '/':
		return 0, 0, validPath(target)
	case len(target) == 1 && target[0] == '*':
		return 0, 0, method == "OPTIONS"
	}
	return checkAbsolute(target)
}

// checkAbsolute is checkTarget for "scheme://authority/path?query". Without a
// host, or with user information, it is none
// (https://www.rfc-editor.org/rfc/rfc9110#section-4.2).
func checkAbsolute[T text](target T) (start, end int, ok bool) {
	start = schemeEnd(target)
	if start < 0 {
		return 0, 0, false
	}
	end = start
	for end < len(target) && target[end] != '/' && target[end] != '?' {
		end++
	}
	return start, end, validHost(target[start:end]) && (end == len(target) || validPath(target[end:]))
}

// schemeEnd is the index after "scheme://", or -1.
func schemeEnd[T text](target T) int {
	for i := range len(target) {
		c := target[i]
		switch {
		case 'a' <= lower(c) && lower(c) <= 'z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':' && i+2 < len(target) && target[i+1] == '/' && target[i+2] == '/':
			return i + 3
		default:
			return -1
		}
	}
	return -1
}

// validPath says whether target is a path and a query. A path's percent signs
// must be whole; in a query browsers send lone ones, and forms judge them.
func validPath[T text](target T) bool {
	i := 0
	for i < len(target) && class[target[i]]&pathByte != 0 {
		if target[i] == '%' {
			if len(target)-i < 3 || !all(target[i+1:i+3], hexByte) {
				return false
			}
			i += 2
		}
		i++
	}
	if i == len(target) {
		return true
	}
	query := target[i+1:]
	return target[i] == '?' && (len(query) == 0 || all(query, queryByte))
}

// validHost is ValidHost.
func validHost[T text](v T) bool {
	host, port := cutPort(v)
	if len(port) > 0 && !validPort(port) || len(host) == 0 {
		return false
	}
	if host[0] == '[' {
		if host[len(host)-1] != ']' || len(host) > len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]") {
			return false
		}
		ip, err := netip.ParseAddr(string(host[1 : len(host)-1]))
		return err == nil && ip.Is6() && ip.Zone() == ""
	}
	// A dot at the start, or two in a row, is no name, but may be a directory.
	dot := true
	for i := range len(host) {
		if class[host[i]]&hostByte == 0 || dot && host[i] == '.' {
			return false
		}
		dot = host[i] == '.'
	}
	return len(host) <= 255
}

// cutPort splits "host:port", where port is digits or nothing; an IPv6 address
// stays in its brackets. What follows the brackets and is no port stays with the
// host, which is then none.
func cutPort[T text](v T) (host, port T) {
	for i := len(v) - 1; i >= 0; i-- {
		switch {
		case v[i] == ':':
			return v[:i], v[i+1:]
		case v[i] < '0' || v[i] > '9':
			return v, port
		}
	}
	return v, port
}

// validPort says whether port, which is digits, is a number up to 65535.
func validPort[T text](port T) bool {
	n := 0
	for i := range len(port) {
		n = n*10 + int(port[i]-'0')
	}
	return len(port) <= len("65535") && n <= 65535
}

// Origin returns the path and query of the target, also where the target is a
// whole URI: "/" if it has no path, but "*" for OPTIONS then, as for "*" itself
// (https://www.rfc-editor.org/rfc/rfc9112#section-3.2.4). nil: CONNECT. It is
// valid as long as Target.
func (r *Request) Origin() []byte {
	t := r.Target
	if r.Method == "CONNECT" {
		return nil
	}
	start := schemeEnd(t)
	if start < 0 {
		return t
	}
	i := bytes.IndexAny(t[start:], "/?")
	switch {
	case i < 0 && r.Method == "OPTIONS":
		return []byte("*")
	case i < 0:
		return []byte("/")
	case t[start+i] == '?':
		return append([]byte("/"), t[start+i:]...)
	}
	return t[start+i:]
}
