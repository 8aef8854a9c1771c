package h2

import (
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"

	"github.com/twistor-go/twistor/framing/http1"
)

// A Head is a request or a response without its body, as it came. It is valid
// during the event that brings it; a receiver may take the Header by swapping
// it for an empty one of its own.
type Head struct {
	// Of requests. Path is not decoded; of a CONNECT it is empty. Protocol is
	// that of an extended CONNECT (RFC 8441).
	Method, Scheme, Authority, Path, Protocol string
	Status                                    int   // of responses; below 200: one of more
	Length                                    int64 // Content-Length; -1: none
	Header                                    http1.Header
	// TooLarge says that the list exceeds Config.MaxHeaderBytes or MaxFields:
	// what came after that is missing, pseudo-header fields perhaps.
	TooLarge bool
}

// A reading is a list of fields that is being decoded, and the rules of
// https://www.rfc-editor.org/rfc/rfc9113#section-8.2 and 8.3.
type reading struct {
	head      *Head
	pool      *Pool
	response  bool
	connect   bool // we have offered extended CONNECT
	trailer   bool
	seen      uint8  // pseudo-header fields
	regular   bool   // a field that is none has come
	malformed string // the first fault; "": none
	crumbs    bool   // more than one Cookie
	cookie    string // the first
	bytes     int    // the measure of RFC 9113
	fields    int
}

const (
	seenMethod = 1 << iota
	seenScheme
	seenAuthority
	seenPath
	seenStatus
	seenProtocol
)

// take is given each field.
func (r *reading) take(name, value string) {
	if r.malformed != "" {
		return
	}
	if !validValue(value) {
		r.malformed = "a field's value has bytes or blanks that it may not have"
		return
	}
	if len(name) > 0 && name[0] == ':' {
		r.malformed = r.pseudo(name, value)
		return
	}
	r.regular = true
	if !validName(name) {
		r.malformed = "a field's name is not a token in lower case"
		return
	}
	if r.malformed = r.special(name, value); r.malformed != "" || name == "cookie" {
		return
	}
	if err := r.head.Header.Add(name, value); err != nil {
		r.malformed = "a field that cannot be kept"
	}
}

// pseudo takes a pseudo-header field.
func (r *reading) pseudo(name, value string) string {
	h := r.head
	var bit uint8
	var to *string
	switch name {
	case ":method":
		bit, to = seenMethod, &h.Method
	case ":scheme":
		bit, to = seenScheme, &h.Scheme
	case ":authority":
		bit, to = seenAuthority, &h.Authority
	case ":path":
		bit, to = seenPath, &h.Path
	case ":protocol":
		if r.connect {
			bit, to = seenProtocol, &h.Protocol
		}
	case ":status":
		bit = seenStatus
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil || len(value) != 3 || n < 100 {
			return ":status is not three digits"
		}
		h.Status = int(n)
	}
	switch {
	case bit == 0:
		return "an unknown pseudo-header field"
	case r.trailer:
		return "a pseudo-header field among trailers"
	case r.response != (bit == seenStatus):
		return "a pseudo-header field of the other direction"
	case r.regular:
		return "a pseudo-header field after others"
	case r.seen&bit != 0:
		return "a pseudo-header field came twice"
	}
	r.seen |= bit
	if to != nil {
		*to = value
	}
	return ""
}

// special looks at the fields that have rules of their own.
func (r *reading) special(name, value string) string {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		// "Any message containing connection-specific header fields MUST be
		// treated as malformed." https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2
		return "a field of HTTP/1 connections"
	case "te":
		if !strings.EqualFold(value, "trailers") {
			return "TE is not trailers"
		}
	case "content-length":
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || value[0] == '+' || r.head.Length >= 0 && r.head.Length != int64(n) || r.trailer {
			return "Content-Length is not one number"
		}
		r.head.Length = int64(n)
	case "cookie":
		// "If there are multiple Cookie header fields after decompression, these
		// MUST be concatenated into a single octet string."
		// https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3
		if r.cookie == "" && !r.crumbs {
			r.cookie = value
			return ""
		}
		if !r.crumbs {
			r.pool.cookies = append(r.pool.cookies[:0], r.cookie...)
			r.crumbs = true
		}
		r.pool.cookies = append(append(r.pool.cookies, "; "...), value...)
	}
	return ""
}

// finish looks at the list as a whole.
func (r *reading) finish() {
	h := r.head
	if r.malformed == "" {
		switch {
		case r.crumbs:
			h.Header.AddBytes([]byte("cookie"), r.pool.cookies)
		case r.cookie != "":
			h.Header.Add("cookie", r.cookie)
		}
	}
	switch {
	case r.malformed != "" || h.TooLarge || r.trailer:
	case r.response:
		if r.seen != seenStatus {
			r.malformed = ":status is missing"
		} else if h.Status == 101 {
			r.malformed = "101 does not exist in HTTP/2"
		}
	default:
		r.malformed = r.request()
	}
}

// request checks the pseudo-header fields of a request.
// https://www.rfc-editor.org/rfc/rfc9113#section-8.3.1
func (r *reading) request() string {
	h := r.head
	const usual = seenMethod | seenScheme | seenPath
	switch {
	case r.seen&seenMethod == 0 || !http1.ValidMethod(h.Method):
		return ":method is missing, or no token"
	case h.Method == "CONNECT" && r.seen&seenProtocol == 0:
		// https://www.rfc-editor.org/rfc/rfc9113#section-8.5
		if r.seen != seenMethod|seenAuthority || !http1.ValidTarget("CONNECT", h.Authority) {
			return "CONNECT wants :method and :authority, and nothing else"
		}
	case r.seen&usual != usual:
		return ":scheme or :path is missing"
	case r.seen&seenProtocol != 0 && (h.Method != "CONNECT" || r.seen&seenAuthority == 0 || !http1.ValidFieldName(h.Protocol)):
		return ":protocol wants CONNECT and :authority, and a token"
	case h.Scheme != "http" && h.Scheme != "https":
		return ":scheme is neither http nor https"
	case !validPath(h.Method, h.Path):
		return ":path is no target"
	}
	hosts := 0
	for i := range h.Header.Len() {
		name, value := h.Header.At(i)
		if !sameName(name, "host") {
			continue
		}
		// "A server SHOULD treat a request as malformed if it contains a Host
		// header field that identifies an entity that differs."
		if hosts++; hosts > 1 || r.seen&seenAuthority != 0 && !strings.EqualFold(view(value), h.Authority) {
			return "Host came twice, or differs from :authority"
		}
		if r.seen&seenAuthority == 0 {
			h.Authority = string(value)
		}
	}
	// "The authority MUST NOT include the deprecated userinfo subcomponent."
	if h.Authority == "" || !http1.ValidHost(h.Authority) {
		return ":authority or Host is missing, or no host"
	}
	return ""
}

// validName says whether a field's name is a token without capitals. "A field
// name MUST NOT contain characters in the ranges 0x00-0x20, 0x41-0x5a, or
// 0x7f-0xff." https://www.rfc-editor.org/rfc/rfc9113#section-8.2.1
func validName(name string) bool {
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return http1.ValidFieldName(name)
}

// validValue: "A field value MUST NOT start or end with an ASCII whitespace
// character." The rest is HTTP/1's, since a value may go there.
func validValue(v string) bool {
	if v == "" {
		return true
	}
	first, last := v[0], v[len(v)-1]
	return first != ' ' && first != '\t' && last != ' ' && last != '\t' && http1.ValidFieldValue(v)
}

// validPath: "This pseudo-header field MUST NOT be empty"; "*" is for OPTIONS;
// the rest is HTTP/1's, since a target may go there.
func validPath(method, path string) bool {
	if path == "*" {
		return method == "OPTIONS"
	}
	return path != "" && path[0] == '/' && http1.ValidTarget("GET", path)
}

// emit is called by hpack for each field.
func (c *Conn) emit(f hpack.HeaderField) {
	r := &c.pool.reading
	r.bytes += len(f.Name) + len(f.Value) + 32
	r.fields++
	if r.bytes > c.config.MaxHeaderBytes || r.fields > c.config.MaxFields {
		r.head.TooLarge = true
		c.decoder.SetEmitEnabled(false) // the table is kept, the rest is not even copied
		return
	}
	r.take(f.Name, f.Value)
}

// decode reads a header block. What is wrong with the list is said by the
// reading, which is valid until the next; an error is one of compression, and
// nothing after it on this connection can be read.
func (c *Conn) decode(block []byte, trailer bool) (*reading, error) {
	if c.decoder == nil {
		c.decoder = hpack.NewDecoder(maxTable, c.emit)
		c.decoder.SetMaxStringLength(c.config.MaxHeaderBytes)
	}
	r := &c.pool.reading
	*r = reading{head: c.pool.emptied(), pool: c.pool, response: c.role == Client, connect: c.config.Connect, trailer: trailer}
	c.decoder.SetEmitEnabled(true)
	_, err := c.decoder.Write(block)
	if err == nil {
		err = c.decoder.Close()
	}
	if err == hpack.ErrStringLength {
		return nil, fault(EnhanceYourCalm, "a field is larger than all of a header may be")
	}
	if err != nil {
		return nil, fault(CompressionError, err.Error())
	}
	r.finish()
	return r, nil
}
