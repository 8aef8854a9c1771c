package weblog

import (
	"bytes"
	"time"
)

// A Record is one line of an access log taken apart. Its fields are slices of
// the line, escaped as the web server wrote them, and live as long as the line
// does: taking a line apart allocates nothing. Loop-only.
type Record struct {
	Host, Ident, User      []byte
	Time                   time.Time // an instant, in UTC
	Method, Path, Protocol []byte    // see Hit
	Status                 int
	Bytes                  int64
	Referrer, Agent        []byte
}

// Parse takes line, which has no newline, apart. It knows the Common and the
// Combined Log Format, which are the defaults of Apache and nginx; a virtual
// host before them (Apache's vhost_combined) and fields after them (nginx's
// "main") are passed over. The error is a *SyntaxError; r is then undefined.
//
//	host ident user [02/Jan/2006:15:04:05 -0700] "request" status bytes
//	host ident user [02/Jan/2006:15:04:05 -0700] "request" status bytes "referrer" "agent"
//
// See https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#examples and
// https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format.
func (r *Record) Parse(line []byte) error {
	*r = Record{}
	rest := bytes.TrimSuffix(line, []byte("\r"))

	at, when := findTime(rest)
	if at < 0 {
		return &SyntaxError{`[day/month/year:hour:minute:second zone] and "`, quote(line)}
	}
	r.Time = when
	if !r.parseClient(rest[:at]) {
		return &SyntaxError{"host, ident and user before the time", quote(line)}
	}
	rest = rest[at+len(" [")+len(timeLayout)+len("] "):]

	request, rest, closed := quoted(rest)
	if !closed {
		return &SyntaxError{"a quote after the request", quote(line)}
	}
	r.parseRequest(request)

	status, rest := word(rest)
	n, ok := number(status, 3)
	if !ok {
		return &SyntaxError{"a status of three digits", quote(line)}
	}
	r.Status = int(n)
	size, rest := word(rest)
	if r.Bytes, ok = number(size, 18); !ok {
		return &SyntaxError{"a number of bytes, or -", quote(line)}
	}

	// A last field without its closing quote was cut off, by a full disk or by
	// the limit on lines: what is there is worth having.
	r.Referrer, rest, _ = quoted(bytes.TrimPrefix(rest, space))
	r.Agent, _, _ = quoted(bytes.TrimPrefix(rest, space))
	r.Referrer, r.Agent = present(r.Referrer), present(r.Agent)
	return nil
}

var space = []byte(" ")

// parseClient takes "host ident user" apart. A user may have spaces.
func (r *Record) parseClient(b []byte) bool {
	host, rest := word(b)
	if isVirtualHost(host) && bytes.Count(rest, space) >= 3 {
		host, rest = word(rest[1:])
	}
	ident, rest := word(bytes.TrimPrefix(rest, space))
	user := bytes.TrimPrefix(rest, space)
	r.Host, r.Ident, r.User = host, ident, user
	return len(host) > 0 && len(ident) > 0 && len(user) > 0
}

// isVirtualHost tells Apache's "%v:%p" from the address of a client: an IPv6
// address has more than one colon, a name or an IPv4 address none.
func isVirtualHost(b []byte) bool {
	colon := bytes.LastIndexByte(b, ':')
	if colon < 0 || colon == len(b)-1 || b[0] != '[' && bytes.IndexByte(b, ':') != colon {
		return false
	}
	_, ok := number(b[colon+1:], 5)
	return ok && b[colon+1] != '-'
}

// parseRequest takes "METHOD PATH PROTOCOL" apart. The path may have spaces:
// a web server logs what it was sent. Anything else is all path.
func (r *Record) parseRequest(b []byte) {
	first, last := bytes.IndexByte(b, ' '), bytes.LastIndexByte(b, ' ')
	if first <= 0 || last <= first+1 || !bytes.HasPrefix(b[last+1:], []byte("HTTP/")) {
		r.Path = present(b)
		return
	}
	r.Method, r.Path, r.Protocol = b[:first], b[first+1:last], b[last+1:]
}

// present makes nothing of "-", which stands for it in a log.
func present(b []byte) []byte {
	if len(b) == 1 && b[0] == '-' {
		return nil
	}
	return b
}

// word cuts b before its first space.
func word(b []byte) (word, rest []byte) {
	b = bytes.TrimPrefix(b, space)
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

// number reads up to max digits; "-" is 0.
func number(b []byte, max int) (n int64, ok bool) {
	if len(b) == 0 || len(b) > max {
		return 0, false
	}
	if len(b) == 1 && b[0] == '-' {
		return 0, true
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// quoted takes the field in quotes with which b begins, still escaped. A quote
// inside that nobody escaped is told from the last one by what follows it: a
// space or the end. closed is false if there is no last one; field is then the
// rest of b.
func quoted(b []byte) (field, rest []byte, closed bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, b, false
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			if i+1 == len(b) || b[i+1] == ' ' {
				return b[1:i], b[i+1:], true
			}
		}
	}
	return b[1:], nil, false
}
