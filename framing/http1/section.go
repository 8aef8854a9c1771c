package http1

import (
	"bytes"
	"fmt"
)

// A role says what a section of lines is, and so who is to blame for a bad one.
type role uint8

const (
	ofRequest role = iota
	ofResponse
	ofTrailer
)

// A section is what has come of a head or a trailer section, line by line. Each
// line is judged when its last byte is here, and its length as soon as it is too
// long, so what is found does not depend on how the bytes were cut.
type section struct {
	buf    []byte
	fields []field
	at     int // where the current line begins
	seen   int // no LF from at up to here
	bytes  int // of the field lines before the current one
	role   role
	begun  bool // the first line is done; a trailer section has none
	owns   bool // buf is ours
	first  firstLine
}

// A firstLine is a request line or a status line, as places in the buffer.
type firstLine struct {
	method            string
	target, targetEnd int // of a response: its reason
	host, hostEnd     int // the authority in the target, if any
	minor, status     int
}

// run judges the lines that are whole; done says that the last, empty one has
// been.
func (s *section) run(l *Limits) (done bool, err *Error) {
	if !s.begun && len(s.buf) > 0 && !s.begins(s.buf[0]) {
		// A hello of TLS may have no LF for long: say it at once.
		return false, s.blame("first line begins with a byte that none begins with")
	}
	for {
		room, what := s.room(l)
		i := bytes.IndexByte(s.buf[s.seen:], '\n')
		if i < 0 {
			s.seen = len(s.buf)
			n := len(s.buf) - s.at
			if n > 0 && s.buf[len(s.buf)-1] == '\r' {
				n--
			}
			return false, s.refuse(n > room, what, l)
		}
		end := s.seen + i
		line := s.buf[s.at:end]
		crlf := len(line) > 0 && line[len(line)-1] == '\r'
		if crlf {
			line = line[:len(line)-1]
		}
		switch {
		case len(line) > room:
			return false, s.refuse(true, what, l)
		case !crlf:
			// "a bare CR or LF": a recipient may take LF for a line end, and then
			// disagrees with one that does not. We never do.
			return false, s.blame("line ends with LF: want CRLF")
		case !s.begun:
			if err := s.start(line); err != nil {
				return false, err
			}
			s.begun = true
		case len(line) == 0:
			s.at, s.seen = end+1, end+1
			return true, nil
		default:
			if err := s.field(line, l); err != nil {
				return false, err
			}
			s.bytes += end + 1 - s.at
		}
		s.at, s.seen = end+1, end+1
	}
}

// begins says whether a first line may begin with c.
func (s *section) begins(c byte) bool {
	if s.role == ofResponse {
		return c == 'H'
	}
	return class[c]&tokenByte != 0
}

// What may be too large about a line.
type excess uint8

const (
	firstTooLong excess = iota
	fieldTooLong
	sectionTooLong
)

// room is how long the current line may be without its line end, and which
// limit says so.
func (s *section) room(l *Limits) (int, excess) {
	if !s.begun {
		return l.maxLine(), firstTooLong
	}
	left := l.maxHead()
	if s.role == ofTrailer {
		left = l.maxTrailer()
	}
	if left -= s.bytes + len("\r\n"); left < l.maxField() {
		return max(left, 0), sectionTooLong
	}
	return l.maxField(), fieldTooLong
}

// wants is how many more bytes the current line may take before it is whole or
// surely too long.
func (s *section) wants(l *Limits) int {
	room, _ := s.room(l)
	return max(room+len("\r\n")-(len(s.buf)-s.at), 1)
}

// refuse is the error of a line beyond a limit, if it is.
func (s *section) refuse(over bool, what excess, l *Limits) *Error {
	if !over {
		return nil
	}
	status := 431
	switch {
	case s.role == ofResponse:
		status = 502
	case s.role == ofTrailer:
		status = 400
	case what == firstTooLong:
		status = 414
	}
	switch {
	case what == firstTooLong:
		return tooLarge(status, "first line", l.maxLine())
	case what == fieldTooLong:
		return tooLarge(status, "field line", l.maxField())
	case s.role == ofTrailer:
		return tooLarge(status, "trailer section", l.maxTrailer())
	}
	return tooLarge(status, "header section", l.maxHead())
}

// blame is the error of a section that breaks the grammar.
func (s *section) blame(reason string) *Error {
	if s.role == ofResponse {
		return &Error{502, reason}
	}
	return bad(reason)
}

// start judges the first line.
func (s *section) start(line []byte) *Error {
	if s.role == ofResponse {
		return s.first.ofStatus(line)
	}
	return s.first.ofRequest(line)
}

// field judges a field line: "name:value", without white space before the colon
// and without continuation lines, which others read differently
// (https://www.rfc-editor.org/rfc/rfc9112#section-5.1).
func (s *section) field(line []byte, l *Limits) *Error {
	if len(s.fields) >= l.maxFields() {
		return s.tooMany(l)
	}
	colon := 0
	for colon < len(line) && class[line[colon]]&tokenByte != 0 {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		if line[0] == ' ' || line[0] == '\t' {
			return s.blame("line begins with white space: want a field name")
		}
		return s.blame("field name: want letters, digits and !#$%&'*+-.^_`|~, then a colon")
	}
	if s.role == ofTrailer && forbiddenInTrailer(line[:colon]) {
		return s.blame("trailer section has a field that belongs in the head")
	}
	start, end := colon+1, len(line)
	for start < end && (line[start] == ' ' || line[start] == '\t') {
		start++
	}
	for start < end && (line[end-1] == ' ' || line[end-1] == '\t') {
		end--
	}
	if !validValue(line[start:end]) {
		return s.blame("field value: want no CR, NUL or other control")
	}
	if s.fields == nil {
		s.fields = make([]field, 0, 16)
	}
	at := uint32(s.at)
	s.fields = append(s.fields, field{at, at + uint32(colon), at + uint32(start), at + uint32(end)})
	return nil
}

// tooMany is the error of a section with too many fields.
func (s *section) tooMany(l *Limits) *Error {
	status := 431
	switch s.role {
	case ofResponse:
		status = 502
	case ofTrailer:
		status = 400
	}
	return &Error{status, fmt.Sprintf("too many fields: want %d at most", l.maxFields())}
}
