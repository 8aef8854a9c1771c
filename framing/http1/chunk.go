package http1

// A bodyState is where in a chunked body the next byte is
// (https://www.rfc-editor.org/rfc/rfc9112#section-7.1).
type bodyState uint8

const (
	inSize        bodyState = iota // the digits of a chunk's size
	inExtension                    // after the ";"
	afterChunkCR                   // LF is due, then data
	inData                         //
	afterData                      // CR is due
	afterDataCR                    // LF is due, then a size
	beforeTrailer                  // CR, or the first field of the trailer section
	afterLastCR                    // LF is due, then nothing
	inTrailer                      //
)

// maxChunkDigits is what an int64 can need; more would be zeros without end.
const maxChunkDigits = 16

// skip consumes what is not data: up to data, the end of the body, or of p.
func (b *BodyReader) skip(p []byte) (n int, err *Error) {
	for n < len(p) && b.state != inData && !b.done {
		c := p[n]
		switch b.state {
		case inSize:
			err = b.size(c)
		case inExtension:
			err = b.extension(c)
		case afterData:
			if c != '\r' {
				return n, bad("chunk data: want CRLF where its size says it ends")
			}
			b.state = afterDataCR
		case beforeTrailer:
			if c != '\r' {
				b.trailer = &trailer{section: section{role: ofTrailer, begun: true, owns: true}}
				b.state = inTrailer
				continue
			}
			b.state = afterLastCR
		case inTrailer:
			done, m, err := b.trailer.more(p[n:], b.limits)
			n += m
			if b.done = done; done {
				b.trailer.giveTo(&b.trailer.header)
			}
			if err != nil || !done {
				return n, err
			}
			return n, nil
		default:
			if c != '\n' {
				return n, bad("chunk line: want CRLF")
			}
			b.lineEnded()
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// lineEnded goes on after the LF that was due.
func (b *BodyReader) lineEnded() {
	switch {
	case b.state == afterLastCR:
		b.done = true
	case b.state == afterDataCR:
		b.state, b.digits, b.line = inSize, 0, 0
	case b.left == 0:
		b.state = beforeTrailer
	default:
		b.state = inData
	}
}

// size takes a byte of a chunk's size, or the one after it: hexadecimal digits,
// no sign, no prefix, no white space, no more than an int64 holds.
func (b *BodyReader) size(c byte) *Error {
	d := hexValue(c)
	switch {
	case d >= 0 && b.digits == maxChunkDigits:
		return bad("chunk size: want 16 digits at most")
	case d >= 0:
		if b.left > (1<<63-1)>>4 {
			return bad("chunk size: want a number below 2^63")
		}
		b.left = b.left<<4 | d
		b.digits++
		return b.lineGrew()
	case b.digits > 0 && c == '\r':
		b.state = afterChunkCR
		return nil
	case b.digits > 0 && c == ';':
		b.state = inExtension
		return b.extended()
	}
	return bad("chunk size: want hexadecimal digits, then CRLF or an extension")
}

// extension takes a byte of the chunk extensions. We know none and read past
// them; but bytes that another reader could take for a line's end, or that
// escape others, are refused.
func (b *BodyReader) extension(c byte) *Error {
	if c == '\r' {
		b.state = afterChunkCR
		return nil
	}
	if class[c]&extByte == 0 {
		return bad("chunk extension: want no control, no backslash, ASCII only")
	}
	return b.extended()
}

// extended counts a byte of an extension.
func (b *BodyReader) extended() *Error {
	b.extensions++
	if limit := b.limits.maxExtensions(); int(b.extensions) > limit {
		return tooLarge(400, "chunk extensions of a body", limit)
	}
	return b.lineGrew()
}

// lineGrew counts a byte of a chunk line.
func (b *BodyReader) lineGrew() *Error {
	b.line++
	if limit := b.limits.maxChunkLine(); int(b.line) > limit {
		return tooLarge(400, "chunk line", limit)
	}
	return nil
}

// forbiddenInTrailer says whether a field may not be in a trailer section: those
// that frame, route, authenticate, or say how the content is to be read
// (https://www.rfc-editor.org/rfc/rfc9110#section-6.5.1).
func forbiddenInTrailer(name []byte) bool {
	for _, forbidden := range headOnly {
		if same(name, forbidden) {
			return true
		}
	}
	return false
}

// headOnly are the fields that mean something only in a head.
var headOnly = [...]string{
	"accept", "accept-charset", "accept-encoding", "accept-language", "accept-ranges", "age",
	"allow", "authentication-info", "authorization", "cache-control", "connection", "content-encoding", "content-length",
	"content-range", "content-type", "cookie", "cookie2", "date", "expect", "expires", "forwarded",
	"host", "http2-settings", "if-match", "if-modified-since", "if-none-match", "if-range",
	"if-unmodified-since", "keep-alive", "location", "max-forwards", "pragma",
	"proxy-authenticate", "proxy-authorization", "proxy-connection", "range", "retry-after",
	"set-cookie", "set-cookie2", "te", "trailer", "transfer-encoding", "upgrade", "vary", "via",
	"warning", "www-authenticate", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
}
