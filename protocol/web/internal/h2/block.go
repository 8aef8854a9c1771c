package h2

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
	// "A client MUST ignore any Content-Length or Transfer-Encoding header fields
	// received in a successful response to CONNECT."
	// https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
	if !s.headOnly && head.Status != 204 && head.Status != 304 && !(s.tunnel && head.Status/100 == 2) {
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
