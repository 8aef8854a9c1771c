package h2

import "encoding/binary"

// priorityReceived checks what RFC 7540 called a priority, and forgets it.
func (c *Conn) priorityReceived(f *frame) error {
	switch {
	case f.stream == 0:
		return fault(ProtocolError, "PRIORITY without a stream")
	case len(f.payload) != 5:
		return &streamFault{f.stream, FrameSizeError, "PRIORITY of a wrong length"}
	case binary.BigEndian.Uint32(f.payload)&maxStreamID == f.stream:
		return &streamFault{f.stream, ProtocolError, "a stream depends on itself"}
	}
	return c.useless()
}

// priorityUpdated changes the priority of a stream that is there. One that is
// still to come says it in its head.
// https://www.rfc-editor.org/rfc/rfc9218#section-7.1
func (c *Conn) priorityUpdated(f *frame) error {
	if f.stream != 0 || c.role == Client {
		return fault(ProtocolError, "PRIORITY_UPDATE on a stream, or of a server")
	}
	if len(f.payload) < 4 {
		return fault(FrameSizeError, "PRIORITY_UPDATE without its stream")
	}
	id := binary.BigEndian.Uint32(f.payload) & maxStreamID
	if id == 0 {
		return fault(ProtocolError, "PRIORITY_UPDATE of no stream")
	}
	if s, _ := c.lookup(id); s != nil {
		c.prioritize(s, parsePriority(string(f.payload[4:])))
	}
	return c.useless()
}

func (c *Conn) pingReceived(f *frame) error {
	switch {
	case f.stream != 0:
		return fault(ProtocolError, "PING on a stream")
	case len(f.payload) != 8:
		return fault(FrameSizeError, "PING of a wrong length")
	case f.has(flagAck):
		if [8]byte(f.payload) == goAwayPing {
			c.leaveNow()
			return nil
		}
		c.events.PongReceived([8]byte(f.payload))
		return nil
	}
	c.control(appendPing(c.pool.small[:0], flagAck, [8]byte(f.payload)))
	return nil
}

func (c *Conn) goAwayReceived(f *frame) error {
	if f.stream != 0 {
		return fault(ProtocolError, "GOAWAY on a stream")
	}
	if len(f.payload) < 8 {
		return fault(FrameSizeError, "GOAWAY of a wrong length")
	}
	last := binary.BigEndian.Uint32(f.payload) & maxStreamID
	why := &Error{Code: Code(binary.BigEndian.Uint32(f.payload[4:])), Remote: true}
	why.Reason = printable(f.payload[8:])
	if c.leaving == staying {
		c.leaving = told
	}
	if c.role == Client {
		c.unprocessed(last, why.Code)
	}
	if c.over {
		return nil
	}
	c.events.GoAwayReceived(why)
	if len(c.streams) == 0 && !c.over {
		c.quiet()
	}
	return nil
}

// printable is the peer's text for a log: short, and without bytes that a
// terminal obeys.
func printable(p []byte) string {
	p = p[:min(len(p), 128)]
	text := make([]byte, 0, len(p))
	for _, b := range p {
		if b < ' ' || b > '~' {
			b = '?'
		}
		text = append(text, b)
	}
	return string(text)
}
