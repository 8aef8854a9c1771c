package h2

import "encoding/binary"

// frameReceived gives a frame to whom it is for.
func (c *Conn) frameReceived(f *frame) error {
	if !c.introduced {
		// "The SETTINGS frame MUST be the first frame."
		// https://www.rfc-editor.org/rfc/rfc9113#section-3.4
		if f.kind != frameSettings || f.has(flagAck) {
			return fault(ProtocolError, "the first frame is not SETTINGS")
		}
		c.introduced = true
	}
	if c.block.stream != 0 && (f.kind != frameContinuation || f.stream != c.block.stream) {
		return fault(ProtocolError, "a frame within a header block")
	}
	switch f.kind {
	case frameData:
		return c.dataReceived(f)
	case frameHeaders:
		return c.headersReceived(f)
	case frameContinuation:
		return c.continued(f)
	case frameWindowUpdate:
		return c.windowReceived(f)
	case frameResetStream:
		return c.resetReceived(f)
	case frameSettings:
		return c.settingsReceived(f)
	case framePing:
		return c.pingReceived(f)
	case frameGoAway:
		return c.goAwayReceived(f)
	case framePriority:
		return c.priorityReceived(f)
	case framePushPromise:
		// "A server cannot receive it"; a client has said that it wants none.
		return fault(ProtocolError, "PUSH_PROMISE, which was not allowed")
	case framePriorityUpdate:
		return c.priorityUpdated(f)
	}
	// "Implementations MUST ignore and discard frames of unknown types."
	return c.useless()
}

// dataReceived takes a piece of a body.
func (c *Conn) dataReceived(f *frame) error {
	if f.stream == 0 {
		return fault(ProtocolError, "DATA without a stream")
	}
	// Padding is paid for, too, and on streams that are no more.
	paid := len(f.payload)
	if paid > c.recvWindow {
		return fault(FlowControlError, "more DATA than the connection's window")
	}
	c.recvWindow -= paid
	if err := f.unpad(); err != nil {
		return err
	}
	s, state := c.lookup(f.stream)
	verdict := verdictOf(state, frameData)
	if verdict != take || s == nil {
		c.giveBack(nil, paid)
	}
	switch verdict {
	case drop:
		return nil
	case refuse:
		return &streamFault{f.stream, StreamClosed, "DATA after the end of the stream"}
	case refuseState:
		return fault(ProtocolError, "DATA on an idle stream")
	}
	p, end := f.payload, f.has(flagEndStream)
	var wrong *streamFault
	switch {
	case paid > s.recvWindow:
		wrong = &streamFault{s.id, FlowControlError, "more DATA than the stream's window"}
	case c.role == Client && !s.answered:
		wrong = &streamFault{s.id, ProtocolError, "DATA before a head"}
	case s.headOnly && c.role == Client && len(p) > 0:
		wrong = &streamFault{s.id, ProtocolError, "a body in the answer to HEAD"}
	case s.expected >= 0 && (int64(len(p)) > s.expected || end && int64(len(p)) < s.expected):
		wrong = &streamFault{s.id, ProtocolError, "a body that differs from Content-Length"}
	}
	if wrong != nil {
		c.giveBack(nil, paid)
		return wrong
	}
	if s.expected >= 0 {
		s.expected -= int64(len(p))
	}
	s.recvWindow -= paid
	if end {
		c.remoteEnd(s)
	}
	if len(p) == 0 && !end {
		c.giveBack(s, paid)
		return c.useless()
	}
	s.heard = c.clock.Now()
	c.useful = s.heard
	if s.released {
		s.dropped += paid
		c.giveBack(s, paid)
		c.settle(s)
		return nil
	}
	if c.giveBack(s, paid-len(p)); c.over {
		return nil
	}
	s.held += len(p)
	c.events.DataReceived(s, p, end)
	return nil
}

// remoteEnd notes that the peer has said all.
func (c *Conn) remoteEnd(s *Stream) {
	if s.state = s.state.remoteEnds(); s.state == closed {
		c.budget.completed++
	}
}

// resetReceived ends a stream at the peer's wish.
func (c *Conn) resetReceived(f *frame) error {
	if f.stream == 0 {
		return fault(ProtocolError, "RST_STREAM without a stream")
	}
	if len(f.payload) != 4 {
		return fault(FrameSizeError, "RST_STREAM of a wrong length")
	}
	s, state := c.lookup(f.stream)
	switch verdictOf(state, frameResetStream) {
	case refuseState:
		return fault(ProtocolError, "RST_STREAM on an idle stream")
	case drop:
		return nil
	}
	if state != closed {
		c.spend()
	}
	s.state = closed
	c.dropQueue(s)
	code := Code(binary.BigEndian.Uint32(f.payload))
	c.lose(s, Cause{Code: code, Remote: true, Unprocessed: code == RefusedStream})
	return nil
}

func (c *Conn) windowReceived(f *frame) error {
	if len(f.payload) != 4 {
		return fault(FrameSizeError, "WINDOW_UPDATE of a wrong length")
	}
	n := int(binary.BigEndian.Uint32(f.payload) & maxStreamID)
	if f.stream == 0 {
		if n == 0 {
			return fault(ProtocolError, "WINDOW_UPDATE of 0")
		}
		if c.sendWindow += n; c.sendWindow > maxWindow {
			return fault(FlowControlError, "the connection's window exceeds 2^31-1")
		}
		c.pump()
		return nil
	}
	s, state := c.lookup(f.stream)
	switch verdictOf(state, frameWindowUpdate) {
	case refuseState:
		return fault(ProtocolError, "WINDOW_UPDATE on an idle stream")
	case drop:
		return nil
	}
	if n == 0 {
		return &streamFault{f.stream, ProtocolError, "WINDOW_UPDATE of 0"}
	}
	if s.sendWindow += n; s.sendWindow > maxWindow {
		return &streamFault{f.stream, FlowControlError, "the stream's window exceeds 2^31-1"}
	}
	c.line.add(s)
	c.pump()
	return nil
}
