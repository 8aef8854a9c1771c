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

// headersReceived begins a header block.
func (c *Conn) headersReceived(f *frame) error {
	if f.stream == 0 || c.role == Server && f.stream%2 == 0 {
		return fault(ProtocolError, "HEADERS on a stream that is not the client's")
	}
	wire := frameHead + len(f.payload)
	if err := f.unpad(); err != nil {
		return err
	}
	self, err := f.unprioritize()
	if err != nil {
		return err
	}
	b := &c.block
	b.end, b.self, b.wire = f.has(flagEndStream), self, wire
	if f.has(flagEndHeaders) {
		return c.blockReceived(f.stream, f.payload)
	}
	b.stream, b.since = f.stream, c.clock.Now()
	b.bytes = append(c.pool.block(), f.payload...)
	c.wake(b.since.Add(c.config.HeaderTimeout))
	return nil
}

// continued takes the rest of a header block.
func (c *Conn) continued(f *frame) error {
	b := &c.block
	if b.stream == 0 {
		return fault(ProtocolError, "CONTINUATION of nothing")
	}
	// The head of each frame counts: empty frames without an end are no use to
	// anybody. CVE-2023-45288.
	if b.wire += frameHead + len(f.payload); b.wire > c.config.MaxBlockBytes {
		return fault(EnhanceYourCalm, "a header block is too long")
	}
	b.bytes = append(b.bytes, f.payload...)
	if !f.has(flagEndHeaders) {
		return nil
	}
	stream, bytes := b.stream, b.bytes
	b.stream, b.bytes = 0, nil
	err := c.blockReceived(stream, bytes)
	c.pool.give(bytes)
	return err
}

// blockReceived takes a whole header block: whatever becomes of it, it must be
// decoded, because it changes the table of the next.
func (c *Conn) blockReceived(id uint32, block []byte) error {
	end, self := c.block.end, c.block.self
	s, state := c.lookup(id)
	trailer := s != nil && (c.role == Server || s.answered)
	r, err := c.decode(block, trailer)
	if err != nil {
		return err
	}
	switch verdictOf(state, frameHeaders) {
	case drop:
		return nil
	case refuse:
		return &streamFault{id, StreamClosed, "HEADERS after the end of the stream"}
	case refuseAll:
		return fault(StreamClosed, "HEADERS on a closed stream")
	}
	switch {
	case s == nil && c.role == Client:
		return fault(ProtocolError, "HEADERS on a stream that nobody has opened")
	case s == nil:
		return c.requestReceived(id, r, end, self)
	case self:
		return &streamFault{id, ProtocolError, "a stream depends on itself"}
	case r.malformed != "":
		return &streamFault{id, ProtocolError, r.malformed}
	case trailer:
		return c.trailerReceived(s, r, end)
	}
	return c.responseReceived(s, r, end)
}

// requestReceived opens a stream.
func (c *Conn) requestReceived(id uint32, r *reading, end, self bool) error {
	// lastPeer rises also for what is refused: "The identifier of a newly
	// established stream MUST be numerically greater than all streams that the
	// initiating endpoint has opened."
	c.lastPeer = id
	if id > c.goneFrom {
		return nil // it was told, and will ask elsewhere
	}
	head := r.head
	switch {
	case self:
		return &streamFault{id, ProtocolError, "a stream depends on itself"}
	case len(c.streams)+c.lingering >= c.config.MaxStreams:
		// Those that were reset count as long as somebody works on their answer.
		return &streamFault{id, RefusedStream, "too many streams"}
	case r.malformed != "":
		return &streamFault{id, ProtocolError, r.malformed}
	case end && head.Length > 0:
		return &streamFault{id, ProtocolError, "Content-Length without a body"}
	case c.heldBytes+r.bytes > c.config.MaxHeldBytes:
		return &streamFault{id, EnhanceYourCalm, "too much is held for headers"}
	}
	s := c.begin(id, head.Length)
	s.headOnly = head.Method == "HEAD"
	s.tunnel = head.Method == "CONNECT"
	s.cost = r.bytes
	c.heldBytes += r.bytes
	if v := head.Header.Value("priority"); v != nil {
		s.priority = parsePriority(view(v))
	}
	if end {
		s.state = remoteEnded
	} else {
		c.wake(s.heard.Add(c.config.IdleTimeout))
	}
	c.useful = s.heard
	c.events.HeaderReceived(s, head, end)
	return nil
}

// responseReceived takes the head of an answer, or an interim one.
func (c *Conn) responseReceived(s *Stream, r *reading, end bool) error {
	head := r.head
	c.useful = c.clock.Now()
	if head.Status < 200 && !head.TooLarge {
		if end {
			return &streamFault{s.id, ProtocolError, "an interim answer that ends the stream"}
		}
		if !s.released {
			c.events.HeaderReceived(s, head, false)
		}
		return nil
	}
	s.answered = true
	if !s.headOnly && head.Status != 204 && head.Status != 304 {
		s.expected = head.Length
	}
	if end {
		if s.expected > 0 {
			return &streamFault{s.id, ProtocolError, "Content-Length without a body"}
		}
		c.remoteEnd(s)
	}
	if s.released {
		c.settle(s)
		return nil
	}
	c.events.HeaderReceived(s, head, end)
	return nil
}

func (c *Conn) trailerReceived(s *Stream, r *reading, end bool) error {
	switch {
	case !end:
		return &streamFault{s.id, ProtocolError, "trailers that do not end the stream"}
	case s.expected > 0:
		return &streamFault{s.id, ProtocolError, "a body shorter than Content-Length"}
	case r.head.TooLarge:
		return &streamFault{s.id, EnhanceYourCalm, "trailers are too large"}
	}
	c.remoteEnd(s)
	if s.released {
		c.settle(s)
		return nil
	}
	c.events.TrailerReceived(s, &r.head.Header)
	return nil
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
