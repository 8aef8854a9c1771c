package framing

import (
	"bytes"
	"fmt"
)

// CRLF as a Delimiter is the strict one: a line ends with exactly these two
// bytes, and a CR or LF anywhere else is refused. SMTP needs it: servers that
// disagree on what ends a line can be made to see different messages.
//
// "The character sequence CRLF … MUST NOT be sent except as a line terminator;
// bare CR or LF characters MUST NOT be used."
// https://www.rfc-editor.org/rfc/rfc5321#section-2.3.8
const CRLF = "\r\n"

// DefaultMaxLineBytes is how long a line may be when nobody says otherwise.
const DefaultMaxLineBytes = 16384

// A splitter finds the lines in a stream. It never looks twice at a byte, and
// what it says does not depend on how the stream is cut.
type splitter struct {
	delimiter string // "": LF, and a CR before it goes too
	max       int
	scanned   int // bytes of the current line that end no line
}

func newSplitter(delimiter string, maxLineBytes int) splitter {
	s := splitter{delimiter: delimiter}
	s.setMax(maxLineBytes)
	return s
}

func (s *splitter) setMax(maxLineBytes int) {
	if maxLineBytes < 0 {
		panic(fmt.Sprintf("framing: MaxLineBytes is %d: want a number of bytes, or 0 for %d",
			maxLineBytes, DefaultMaxLineBytes))
	}
	if s.max = maxLineBytes; s.max == 0 {
		s.max = DefaultMaxLineBytes
	}
}

// end is what we write behind a line.
func (s *splitter) end() string {
	if s.delimiter == "" {
		return CRLF
	}
	return s.delimiter
}

// next finds the first line of p, without its delimiter, and the n bytes of p
// that it takes. n is 0 when p is not a whole line; p may then only grow until
// the next call.
func (s *splitter) next(p []byte) (line []byte, n int, err error) {
	switch s.delimiter {
	case "":
		line, n, err = s.loose(p)
	case CRLF:
		line, n, err = s.strict(p)
	default:
		line, n, err = s.exact(p)
	}
	if n > 0 || err != nil {
		s.scanned = 0
	}
	return line, n, err
}

// loose is next for lines that end with LF or CRLF.
func (s *splitter) loose(p []byte) ([]byte, int, error) {
	end := min(len(p), s.max+2)
	i := bytes.IndexByte(p[s.scanned:end], '\n')
	if i < 0 {
		if len(p) > s.max && (len(p) > s.max+1 || p[s.max] != '\r') {
			return nil, 0, s.tooLong()
		}
		s.scanned = end
		return nil, 0, nil
	}
	i += s.scanned
	n := i
	if n > 0 && p[n-1] == '\r' {
		n--
	}
	if n > s.max {
		return nil, 0, s.tooLong()
	}
	return p[:n], i + 1, nil
}

// strict is next for lines that end with CRLF and hold neither.
func (s *splitter) strict(p []byte) ([]byte, int, error) {
	end := min(len(p), s.max+1)
	w := p[s.scanned:end]
	lf := bytes.IndexByte(w, '\n')
	if lf >= 0 {
		w = w[:lf]
	}
	i := bytes.IndexByte(w, '\r')
	switch {
	case i >= 0:
		i += s.scanned
		if i+1 == len(p) {
			s.scanned = i
			return nil, 0, nil
		}
		if p[i+1] == '\n' {
			return p[:i], i + 2, nil
		}
		return nil, 0, &ProtocolError{"CRLF at the end of a line and nowhere else", "\r"}
	case lf >= 0:
		return nil, 0, &ProtocolError{"CRLF at the end of a line and nowhere else", "\n"}
	case len(p) > s.max:
		return nil, 0, s.tooLong()
	}
	s.scanned = end
	return nil, 0, nil
}

// exact is next for any other delimiter.
func (s *splitter) exact(p []byte) ([]byte, int, error) {
	d := s.delimiter
	end := min(len(p), s.max+len(d))
	from := max(0, s.scanned-len(d)+1)
	if i := bytes.Index(p[from:end], []byte(d)); i >= 0 {
		i += from
		return p[:i], i + len(d), nil
	}
	s.scanned = end
	for n := len(p) - s.max; n > 0; n++ {
		// The line fits only if p ends with the first n bytes of d, or more.
		if n >= len(d) {
			return nil, 0, s.tooLong()
		}
		if bytes.HasSuffix(p, []byte(d[:n])) {
			break
		}
	}
	return nil, 0, nil
}

// reach is how many bytes of more, which follow a line that is not whole, may
// be needed to complete it.
func (s *splitter) reach(more []byte) int {
	last := byte('\n')
	if n := len(s.delimiter); n > 0 {
		last = s.delimiter[n-1]
	}
	more = more[:min(len(more), s.max+len(s.end())+1)]
	if i := bytes.IndexByte(more, last); i >= 0 {
		return i + 1
	}
	return len(more)
}

// skip is how many bytes at the front of p belong to a line that is dropped,
// and whether they are the last of it.
func (s *splitter) skip(p []byte) (n int, done bool) {
	d := s.delimiter
	if d == "" {
		d = "\n"
	}
	if i := bytes.Index(p, []byte(d)); i >= 0 {
		return i + len(d), true
	}
	// The rest may be the beginning of a delimiter.
	return max(0, len(p)-len(d)+1), false
}

func (s *splitter) tooLong() error { return &TooLongError{What: "line", Max: s.max} }
