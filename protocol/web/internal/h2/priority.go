package h2

import (
	"math/bits"
	"strings"
)

// A priority says in which order streams are served:
// https://www.rfc-editor.org/rfc/rfc9218#section-4. Lower urgencies go first;
// within one, incremental streams take turns, and others go one after another.
type priority struct {
	urgency     uint8 // 0 to 7
	incremental bool
}

// unsaid is the priority of a stream whose client has said nothing: streams of
// clients that know of no priorities take turns.
var unsaid = priority{urgency: 3, incremental: true}

// parsePriority reads the Priority field. What is not understood is ignored, as
// section 4 wants.
func parsePriority(v string) priority {
	p := priority{urgency: 3}
	for part := range strings.SplitSeq(v, ",") {
		key, value, given := strings.Cut(strings.Trim(part, " \t"), "=")
		switch {
		case key == "u" && len(value) == 1 && '0' <= value[0] && value[0] <= '7':
			p.urgency = value[0] - '0'
		case key == "i":
			p.incremental = !given || value == "?1"
		}
	}
	return p
}

// A line is the streams of one urgency that have something to send and may, in
// order.
type line struct{ first, last *Stream }

// A queue is the lines of all urgencies.
type queue struct {
	lines [8]line
	some  uint8 // a bit for each line that is not empty
}

// add puts s at the end of its line, if it belongs there.
func (q *queue) add(s *Stream) {
	if s.lined || s.queued == 0 || s.sendWindow <= 0 {
		return
	}
	s.lined = true
	l := &q.lines[s.priority.urgency]
	if l.last == nil {
		l.first = s
	} else {
		l.last.next = s
	}
	l.last = s
	q.some |= 1 << s.priority.urgency
}

// again puts s, which was just served, where it belongs.
func (q *queue) again(s *Stream) {
	l := &q.lines[s.priority.urgency]
	if s.priority.incremental || l.first == nil {
		q.add(s)
		return
	}
	if s.queued > 0 && s.sendWindow > 0 {
		s.lined, s.next = true, l.first
		l.first = s
	}
}

// take is who is next, who is not in a line any more; nil: nobody.
func (q *queue) take() *Stream {
	if q.some == 0 {
		return nil
	}
	s := q.lines[bits.TrailingZeros8(q.some)].first
	q.remove(s)
	return s
}

// remove takes s out of its line.
func (q *queue) remove(s *Stream) {
	if !s.lined {
		return
	}
	l := &q.lines[s.priority.urgency]
	if l.first == s {
		l.first = s.next
	} else {
		before := l.first
		for before.next != s {
			before = before.next
		}
		before.next = s.next
		if l.last == s {
			l.last = before
		}
	}
	if l.first == nil {
		l.last = nil
		q.some &^= 1 << s.priority.urgency
	}
	s.next, s.lined = nil, false
}

// prioritize changes the priority of s.
func (c *Conn) prioritize(s *Stream, p priority) {
	c.line.remove(s)
	s.priority = p
	c.line.add(s)
}
