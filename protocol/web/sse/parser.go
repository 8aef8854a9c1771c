package sse

import (
	"bytes"
	"errors"
	"strconv"
	"time"
)

// DefaultMaxBytes is how long a line and an event may be for a Parser.
const DefaultMaxBytes = 1 << 20

// ErrTooLarge: a line or an event is longer than Parser.MaxBytes.
var ErrTooLarge = errors.New("sse: an event is too large")

// A Parser reads a stream of events from bytes that come cut anywhere. Its zero
// is ready; between events it keeps 64 KiB at most. Loop-only.
type Parser struct {
	// MaxBytes is how long a line and an event may be. 0: 1 MiB.
	MaxBytes int

	line    []byte // a line that is not whole
	data    []byte
	event   []byte // Type
	id      []byte // of the stream, when the event is whole
	lastID  string
	retry   time.Duration
	skipLF  bool // CR was the last byte
	begun   bool // the byte order mark cannot come any more
	hasData bool
	waits   time.Duration
}

// Parse takes the next bytes, and calls f for each event that is whole. ID is the last one
// that was said, as a page sees it. Retry is what the stream said since the event
// before; without Data and Type it does not make an event: see Retry. After
// ErrTooLarge the stream means nothing any more. What no RFC knows is ignored, as
// the specification wants.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
func (s *Parser) Parse(p []byte, f func(Event)) error {
	for len(p) > 0 {
		if s.skipLF {
			s.skipLF = false
			if p[0] == '\n' {
				p = p[1:]
				continue
			}
		}
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			return s.add(p)
		}
		if err := s.add(p[:i]); err != nil {
			return err
		}
		s.skipLF = p[i] == '\r'
		p = p[i+1:]
		line := s.line
		s.line = s.line[:0]
		if err := s.read(line, f); err != nil {
			return err
		}
	}
	return nil
}

// LastEventID is the last ID of an event that was whole.
func (s *Parser) LastEventID() string { return s.lastID }

// Retry is how long the stream last said to wait before connecting again; 0: nothing.
func (s *Parser) Retry() time.Duration { return s.waits }

// Reset forgets what has come of an event, for another stream; the ID stays.
func (s *Parser) Reset() {
	*s = Parser{MaxBytes: s.MaxBytes, lastID: s.lastID, id: []byte(s.lastID), waits: s.waits}
}

func (s *Parser) most() int {
	if s.MaxBytes <= 0 {
		return DefaultMaxBytes
	}
	return s.MaxBytes
}

func (s *Parser) add(p []byte) error {
	if len(s.line)+len(p) > s.most() {
		return ErrTooLarge
	}
	s.line = append(s.line, p...)
	return nil
}

// read interprets a line.
func (s *Parser) read(line []byte, f func(Event)) error {
	if !s.begun {
		s.begun = true
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	if len(line) == 0 {
		s.dispatch(f)
		return nil
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "data":
		if len(s.data)+len(value) >= s.most() {
			return ErrTooLarge
		}
		s.data = append(append(s.data, value...), '\n')
		s.hasData = true
	case "event":
		s.event = append(s.event[:0], value...)
	case "id":
		// "If the field value does not contain U+0000 NULL [...] Otherwise,
		// ignore the field."
		if bytes.IndexByte(value, 0) < 0 {
			s.id = append(s.id[:0], value...)
		}
	case "retry":
		if n, err := strconv.ParseUint(string(value), 10, 31); err == nil && isDigits(value) {
			s.retry = time.Duration(n) * time.Millisecond
			s.waits = s.retry
		}
	}
	return nil
}

// dispatch is an empty line: the event is whole.
func (s *Parser) dispatch(f func(Event)) {
	if string(s.id) != s.lastID {
		s.lastID = string(s.id)
	}
	if s.hasData {
		// An event without data is not heard, and forgotten.
		f(Event{ID: s.lastID, Type: string(bytes.ToValidUTF8(s.event, replacement)), Data: string(bytes.ToValidUTF8(s.data[:len(s.data)-1], replacement)), Retry: s.retry})
	}
	s.data, s.event, s.hasData, s.retry = s.data[:0], s.event[:0], false, 0
	if cap(s.data) > 64<<10 {
		s.data = nil
	}
	if cap(s.line) > 64<<10 {
		s.line = nil
	}
}

var replacement = []byte("\uFFFD")

func isDigits(p []byte) bool {
	for _, b := range p {
		if b < '0' || b > '9' {
			return false
		}
	}
	return len(p) > 0
}
