package http1

// A Response is the head of a response, and what follows from it. Reason and
// Header are valid as long as the bytes that were parsed, or until the next use
// of the Response after Keep. Loop-only.
type Response struct {
	Minor   int    // of HTTP/1.x: 0, or 1 for everything above
	Status  int    // 100 to 999
	Reason  []byte // for people, may be empty
	Header  Header
	Framing Framing
	Length  int64 // of the body ByLength; -1: Chunked, UntilClose; 0: NoBody
	Close   bool  // the connection ends after this message
	Upgrade bool  // 101: from here on it is the protocol of the Upgrade field
}

// Keep copies what r holds of the parsed bytes into memory of its own.
func (r *Response) Keep() {
	h := &r.Header
	if !h.borrowed {
		return
	}
	was := h.block
	h.keep()
	r.Reason = moved(r.Reason, len("HTTP/1.1 200 "), was, h.block)
}

// Reset makes r empty; it keeps its Header's memory, as Header.Reset says.
func (r *Response) Reset() {
	r.Header.Reset()
	r.Minor, r.Status, r.Reason = 0, 0, nil
	r.Framing, r.Length = NoBody, 0
	r.Close, r.Upgrade = false, false
}

// fill makes r what the head says, as the answer to a request of that method.
func (r *Response) fill(head *section, method string) *Error {
	head.giveTo(&r.Header)
	first := &head.first
	r.Minor, r.Status = first.minor, first.status
	r.Reason = head.buf[first.target:first.targetEnd:first.targetEnd]
	c := controlOf(&r.Header)
	if err := r.setFraming(&c, method); err != nil {
		return &Error{502, err.Reason}
	}
	r.Upgrade = r.Status == 101 && c.upgrade && c.upgradeTo
	r.Close = c.close || r.Minor == 0 && !c.keepAlive || r.Framing == UntilClose
	return nil
}

// setFraming says how the body ends:
// https://www.rfc-editor.org/rfc/rfc9112#section-6.3
func (r *Response) setFraming(c *control, method string) (err *Error) {
	if method == "CONNECT" && r.Status/100 == 2 {
		// "A client MUST ignore any Content-Length or Transfer-Encoding header
		// fields received in such a message": what follows is the tunnel.
		r.Framing, r.Length = NoBody, 0
		return nil
	}
	if r.Framing, r.Length, err = c.framing(r.Minor, UntilClose); err != nil {
		return err
	}
	never := r.Status/100 == 1 || r.Status == 204
	if never && (c.codings > 0 || r.Length > 0) {
		// Forbidden to send, and others would wait for a body.
		return bad("1xx or 204 that announces a body: want none")
	}
	if never || r.Status == 304 || method == "HEAD" {
		r.Framing, r.Length = NoBody, 0
	}
	return nil
}

// ofStatus reads "HTTP-version SP status-code SP [ reason-phrase ]":
// https://www.rfc-editor.org/rfc/rfc9112#section-4
func (f *firstLine) ofStatus(line []byte) *Error {
	const reason = len("HTTP/1.1 200 ")
	if len(line) < reason || line[8] != ' ' || line[12] != ' ' {
		return &Error{502, "status line: want HTTP/1.1, a space, three digits, a space, a reason"}
	}
	minor, err := versionOf(line[:8])
	if err != nil {
		return &Error{502, err.Reason}
	}
	code := line[9:12]
	if !digit(code[0]) || !digit(code[1]) || !digit(code[2]) || code[0] == '0' {
		return &Error{502, "status: want a number from 100 to 999"}
	}
	if !validValue(line[reason:]) {
		return &Error{502, "reason: want no CR, NUL or other control"}
	}
	f.minor = minor
	f.status = int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
	f.target, f.targetEnd = reason, len(line)
	return nil
}
