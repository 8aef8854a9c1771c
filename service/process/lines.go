package process

import "bytes"

// maxLineBytes is how long a line is logged in one part.
const maxLineBytes = 8 << 10

// lines cuts a stream into lines. The zero lines is ready.
type lines struct {
	part []byte // of a line that has not ended, at most maxLineBytes
	cut  bool   // a beginning of this line was told already
}

// take tells of the lines that p ends, without their ends; a line that is too
// long comes in parts. What tell gets is valid only during the call.
func (s *lines) take(p []byte, tell func(line []byte)) {
	for len(p) > 0 {
		room := maxLineBytes - len(s.part)
		i := bytes.IndexByte(p[:min(len(p), room+1)], '\n')
		switch {
		case i >= 0:
			line := append(s.part, p[:i]...)
			s.part, p = nil, p[i+1:]
			s.end(line, tell)
		case len(p) > room:
			line := append(s.part, p[:room]...)
			s.part, p, s.cut = nil, p[room:], true
			tell(line)
		default:
			s.part = append(s.part, p...)
			return
		}
	}
}

// end tells of a line that is whole, or the rest of one: not of nothing at all
// where a part ended with the line.
func (s *lines) end(line []byte, tell func([]byte)) {
	wasCut := s.cut
	s.cut = false
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(line) > 0 || !wasCut {
		tell(line)
	}
}

// flush tells of a last line without an end.
func (s *lines) flush(tell func(line []byte)) {
	line := s.part
	s.part = nil
	if len(line) > 0 {
		s.end(line, tell)
	}
	s.cut = false
}

// firstLine is the beginning of p, for an error.
func firstLine(p []byte) string {
	p = bytes.TrimSpace(p)
	if i := bytes.IndexByte(p, '\n'); i >= 0 {
		p = bytes.TrimSpace(p[:i])
	}
	return string(p[:min(len(p), 200)])
}
