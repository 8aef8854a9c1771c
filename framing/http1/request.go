package http1

// A Request is the head of a request, and what follows from it. Fill it again
// and again: it keeps its memory. Target, Host and Header are valid as long as
// the bytes that were parsed, or until the next use of the Request after Keep.
// Loop-only.
type Request struct {
	Method string // as sent: methods have case
	// Target is what stands after the method, as sent, and is well formed:
	// ValidTarget. Origin has the path and query of it.
	Target []byte
	Minor  int // of HTTP/1.x: 0, or 1 for everything above
	Header Header
	// Host is the authority that is asked: of the target if it has one, which
	// then rules, else of the Host field. It is a ValidHost. nil: none, which
	// only HTTP/1.0 may.
	Host    []byte
	Framing Framing // NoBody, ByLength or Chunked
	Length  int64   // of the body ByLength; -1: Chunked; 0: NoBody
	Close   bool    // the connection ends after the answer
	Upgrade bool    // the client offers another protocol: the Upgrade field
	Expect  bool    // the client waits for 100 (Continue) before it sends the body

	targetAt, hostAt int // where Target and Host lie in Header's block
}

// Keep copies what r holds of the parsed bytes into memory of its own.
func (r *Request) Keep() {
	h := &r.Header
	if !h.borrowed {
		return
	}
	was := h.block
	h.keep()
	r.Target = moved(r.Target, r.targetAt, was, h.block)
	r.Host = moved(r.Host, r.hostAt, was, h.block)
}

// moved is v, which lay at index at of was, in now; or v itself if somebody has
// put it there who had it elsewhere.
func moved(v []byte, at int, was, now []byte) []byte {
	if len(v) == 0 || at+len(v) > len(was) || &v[0] != &was[at] {
		return v
	}
	return now[at : at+len(v) : at+len(v)]
}

// Reset makes r empty; it keeps its Header's memory, as Header.Reset says.
func (r *Request) Reset() {
	r.Header.Reset()
	r.Method, r.Target, r.Host = "", nil, nil
	r.Minor, r.Framing, r.Length = 0, NoBody, 0
	r.Close, r.Upgrade, r.Expect = false, false, false
}

// fill makes r what the head says.
func (r *Request) fill(head *section) *Error {
	head.giveTo(&r.Header)
	first := &head.first
	r.Method, r.Minor = first.method, first.minor
	r.Target, r.targetAt = head.buf[first.target:first.targetEnd:first.targetEnd], first.target
	c := controlOf(&r.Header)
	if err := r.setHost(first, &c); err != nil {
		return err
	}
	var err *Error
	if r.Framing, r.Length, err = c.framing(r.Minor, NoBody); err != nil {
		return err
	}
	if c.expects > 0 && (c.expects > 1 || !same(c.expect, "100-continue")) {
		return &Error{417, "Expect: want 100-continue"}
	}
	modern := r.Minor > 0
	// "A server that receives a 100-continue expectation in an HTTP/1.0 request
	// MUST ignore that expectation"; without a body nobody waits
	// (https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1).
	r.Expect = modern && c.expects > 0 && r.Length != 0
	r.Close = c.close || !modern && !c.keepAlive
	// "A server MUST ignore an Upgrade header field that is received in an
	// HTTP/1.0 request", https://www.rfc-editor.org/rfc/rfc9110#section-7.8
	r.Upgrade = modern && c.upgrade && c.upgradeTo
	return nil
}

// setHost finds the authority: "A server MUST respond with a 400 to any HTTP/1.1
// request message that lacks a Host header field and to any request message that
// contains more than one Host header field line or a Host header field with an
// invalid field value", https://www.rfc-editor.org/rfc/rfc9112#section-3.2
func (r *Request) setHost(first *firstLine, c *control) *Error {
	r.Host, r.hostAt = nil, 0
	switch {
	case c.hosts > 1:
		return bad("several Host fields: want one")
	case c.hosts == 0 && r.Minor > 0:
		return bad("no Host field: HTTP/1.1 wants one")
	case c.hosts == 1:
		_, host := r.Header.At(c.host)
		if !validHost(host) {
			return bad("Host: want a name or an address, with or without a port")
		}
		r.Host, r.hostAt = host, int(r.Header.fields[c.host].value)
	}
	if first.hostEnd > first.host {
		// "an origin server MUST ignore the received Host header field (if any)
		// and instead use the host information of the request-target"
		r.Host, r.hostAt = r.Header.block[first.host:first.hostEnd:first.hostEnd], first.host
	}
	return nil
}

// ofRequest reads "method SP request-target SP HTTP-version", with single
// spaces: https://www.rfc-editor.org/rfc/rfc9112#section-3
func (f *firstLine) ofRequest(line []byte) *Error {
	i := 0
	for i < len(line) && class[line[i]]&tokenByte != 0 {
		i++
	}
	if i == 0 || i == len(line) || line[i] != ' ' {
		return bad("request line: want a method, a space, a target, a space, HTTP/1.1")
	}
	f.method = internMethod(line[:i])
	f.target = i + 1
	const version = len(" HTTP/1.1")
	f.targetEnd = len(line) - version
	if f.targetEnd <= f.target {
		return bad("request line: want a method, a space, a target, a space, HTTP/1.1")
	}
	minor, err := versionOf(line[f.targetEnd+1:])
	if line[f.targetEnd] != ' ' {
		err = bad("request line: want a method, a space, a target, a space, HTTP/1.1")
	}
	if err != nil {
		return err
	}
	f.minor = minor
	target := line[f.target:f.targetEnd]
	start, end, ok := checkTarget(f.method, target)
	if !ok {
		return bad("target: want a path, a URI with a host, host:port for CONNECT, or * for OPTIONS")
	}
	f.host, f.hostEnd = f.target+start, f.target+end
	return nil
}

// versionOf reads "HTTP/1.x". What is above 1.1 is read as 1.1: "A recipient
// that receives a message with a major version number that it implements and a
// minor version number higher than what it implements SHOULD process the message
// as if it was in the highest minor version", RFC 9110, section 2.5.
func versionOf(v []byte) (minor int, err *Error) {
	if len(v) != len("HTTP/1.1") || string(v[:5]) != "HTTP/" || v[6] != '.' || !digit(v[5]) || !digit(v[7]) {
		return 0, bad("version: want HTTP/1.1 or HTTP/1.0")
	}
	if v[5] != '1' {
		return 0, &Error{505, "version: want HTTP/1.1 or HTTP/1.0"}
	}
	return min(int(v[7]-'0'), 1), nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// internMethod is the method as a string, without memory for the known ones.
func internMethod(b []byte) string {
	switch string(b) {
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	case "HEAD":
		return "HEAD"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "OPTIONS":
		return "OPTIONS"
	case "PATCH":
		return "PATCH"
	case "CONNECT":
		return "CONNECT"
	case "TRACE":
		return "TRACE"
	case "PROPFIND":
		return "PROPFIND"
	}
	return string(b)
}
