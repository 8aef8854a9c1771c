package follow

import "bytes"

// A splitter makes lines of chunks. What it returns lives until it is called
// again. It may be used from one goroutine at a time.
type splitter struct {
	maxLineBytes int

	open  []byte // the line that has no newline yet, cut at maxLineBytes
	whole []byte // the first line of this call, if it had begun before
	lines [][]byte
	long  bool // open is cut
	cut   int  // lines of this call that were cut
}

// begin forgets the lines of the last call.
func (s *splitter) begin() {
	clear(s.lines)
	s.lines, s.cut = s.lines[:0], 0
}

// feed takes the next chunk, which must stay as it is as long as the lines.
func (s *splitter) feed(chunk []byte) {
	for {
		if len(s.open) == 0 {
			chunk = bytes.TrimLeft(chunk, "\x00") // a hole, not a line
		}
		end := bytes.IndexByte(chunk, '\n')
		if end < 0 {
			s.hold(chunk)
			return
		}
		line := chunk[:end]
		chunk = chunk[end+1:]
		if len(s.open) > 0 {
			s.hold(line)
			s.end()
			continue
		}
		if len(line) > s.maxLineBytes {
			line = line[:s.maxLineBytes]
			s.cut++
		}
		s.lines = append(s.lines, line)
	}
}

// hold adds to the line that is open.
func (s *splitter) hold(p []byte) {
	if room := s.maxLineBytes - len(s.open); len(p) > room {
		p, s.long = p[:room], true
	}
	s.open = append(s.open, p...)
}

// end makes a line of what is open, if anything is: its newline came, or never
// will. Its memory is used again for the open line after the next one: between
// two calls of begin this may happen twice, and nothing be fed after that.
func (s *splitter) end() {
	if len(s.open) == 0 {
		return
	}
	if s.long {
		s.long = false
		s.cut++
	}
	s.lines = append(s.lines, s.open)
	s.open, s.whole = s.whole[:0], s.open
}
