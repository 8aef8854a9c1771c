package weblog

import (
	"bytes"
)

// question is what a client of a pull server says. Line ends around it are
// passed over, so that a person at a terminal can say it too.
const question = "NEW?"

// An asker counts questions as they come, however they are cut. Loop-only.
type asker struct {
	heard     int // bytes of question so far
	questions int // whole ones to be answered
}

// hear takes in what came. The error is a *ProtocolError.
func (a *asker) hear(p []byte) error {
	for i := 0; i < len(p); i++ {
		switch b := p[i]; {
		case b == question[a.heard]:
			if a.heard++; a.heard == len(question) {
				a.heard = 0
				a.questions++
			}
		case a.heard == 0 && (b == '\r' || b == '\n'):
		default:
			got := append([]byte(question[:a.heard]), p[i:]...)
			return &ProtocolError{Want: question, Got: quote(bytes.TrimSpace(got))}
		}
	}
	return nil
}

// answer answers one question: how many hits were lost, and the hits since the
// last one, or that there are none. Until all are answered, no more are read.
func (c *subscriber) answer() {
	c.questions--
	c.Pause()
	c.begin()
	past := &c.server.past
	kept := past.recent(c.server.keep())
	c.end = past.next
	switch {
	case c.at.hit == c.end:
		c.Write([]byte(none))
	case c.at.hit < kept:
		c.Write(appendLost(nil, kept-c.at.hit))
		c.at = cursor{hit: kept}
	}
}
