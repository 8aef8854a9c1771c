package http1

// A Framing says how a message's body ends
// (https://www.rfc-editor.org/rfc/rfc9112#section-6.3). Immutable after first use.
type Framing uint8

const (
	NoBody     Framing = iota // there is none
	ByLength                  // after as many bytes as Content-Length says
	Chunked                   // with the last chunk
	UntilClose                // with the connection: responses only
)

var framings = [...]string{"no body", "by length", "chunked", "until close"}

func (f Framing) String() string {
	if int(f) < len(framings) {
		return framings[f]
	}
	return "unknown framing"
}

// control is what the fields say about the message as such.
type control struct {
	hosts, lengths, codings, expects int
	host                             int // index of the field
	length, coding, expect           []byte

	close, keepAlive, upgrade, upgradeTo bool
}

// controlOf reads the fields that matter to framing and connection.
func controlOf(h *Header) (c control) {
	for i := range h.fields {
		f := h.fields[i]
		name := h.block[f.name:f.nameEnd]
		value := h.block[f.value:f.valueEnd]
		switch len(name) {
		case len("host"):
			if same(name, "host") {
				c.hosts++
				c.host = i
			}
		case len("expect"):
			if same(name, "expect") {
				c.expects++
				c.expect = value
			}
		case len("upgrade"):
			if same(name, "upgrade") {
				c.upgradeTo = true
			}
		case len("connection"):
			if same(name, "connection") {
				c.connection(value)
			}
		case len("content-length"):
			if same(name, "content-length") {
				c.lengths++
				c.length = value
			}
		case len("transfer-encoding"):
			if same(name, "transfer-encoding") {
				c.codings++
				c.coding = value
			}
		}
	}
	return c
}

// connection reads a Connection field; other options name fields of one hop
// (https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1).
func (c *control) connection(list []byte) {
	for len(list) > 0 {
		var option []byte
		option, list = cutElement(list)
		switch len(option) {
		case len("close"):
			c.close = c.close || same(option, "close")
		case len("upgrade"):
			c.upgrade = c.upgrade || same(option, "upgrade")
		case len("keep-alive"):
			c.keepAlive = c.keepAlive || same(option, "keep-alive")
		}
	}
}

// framing says how the body ends, if the fields are all that says it; absent is
// the framing when they say nothing. Whatever two readers could read in two
// ways is refused: https://www.rfc-editor.org/rfc/rfc9112#section-6.3
func (c *control) framing(minor int, absent Framing) (f Framing, length int64, err *Error) {
	switch {
	case c.codings > 0 && minor == 0:
		// "MUST treat the message as if the framing is faulty"
		return 0, 0, bad("Transfer-Encoding in HTTP/1.0: want Content-Length")
	case c.codings > 0 && c.lengths > 0:
		return 0, 0, bad("Transfer-Encoding and Content-Length: want one of them")
	case c.codings > 1:
		return 0, 0, bad("several Transfer-Encoding fields: want one")
	case c.codings > 0:
		return Chunked, -1, checkCoding(c.coding)
	case c.lengths > 1:
		return 0, 0, bad("several Content-Length fields: want one")
	case c.lengths > 0:
		length, err = parseLength(c.length)
		return ByLength, length, err
	case absent == NoBody:
		return NoBody, 0, nil
	}
	return absent, -1, nil
}

// checkCoding refuses every Transfer-Encoding but "chunked": 501 for codings
// that we do not have, 400 where the end could not be known.
func checkCoding(list []byte) *Error {
	if same(list, "chunked") {
		return nil
	}
	chunked, last := 0, false
	for rest := list; ; {
		var coding []byte
		coding, rest = cutElement(rest)
		if !all(coding, tokenByte) {
			return bad("Transfer-Encoding: want chunked")
		}
		if last = same(coding, "chunked"); last {
			chunked++
		}
		if rest == nil {
			break
		}
	}
	if chunked > 1 || chunked == 1 && !last {
		return bad("Transfer-Encoding: want chunked once, and last")
	}
	return &Error{501, "Transfer-Encoding: want chunked alone"}
}

// parseLength reads a Content-Length: digits only, and not more than an int64
// holds (https://www.rfc-editor.org/rfc/rfc9110#section-8.6).
func parseLength(digits []byte) (n int64, err *Error) {
	const most = 1<<63 - 1
	if len(digits) == 0 {
		return 0, bad("Content-Length is empty: want a number")
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, bad("Content-Length: want digits only")
		}
		d := int64(c - '0')
		if n > (most-d)/10 {
			return 0, bad("Content-Length: want a number below 2^63")
		}
		n = n*10 + d
	}
	return n, nil
}
