package h2

// Consume says that the owner has taken n bytes of a stream's body: the peer
// may send so many more. It is told when half of a window is due, so that
// small bodies cost no frames. https://www.rfc-editor.org/rfc/rfc9113#section-6.9
func (c *Conn) Consume(s *Stream, n int) {
	n = min(n, s.held)
	s.held -= n
	c.giveBack(s, n)
}

// giveBack gives n bytes of credit back to the peer: the connection's, and the
// stream's if there is one that goes on.
func (c *Conn) giveBack(s *Stream, n int) {
	if n == 0 || c.over {
		return
	}
	if c.credit += n; c.credit >= c.config.ConnWindowBytes/2 {
		n := c.credit
		c.recvWindow += n
		c.credit = 0
		if !c.control(appendWindowUpdate(c.pool.small[:0], 0, n)) {
			return
		}
	}
	if s == nil || s.state != open && s.state != localEnded {
		return
	}
	if s.credit += n; s.credit >= c.config.StreamWindowBytes/2 {
		n := s.credit
		s.recvWindow += n
		s.credit = 0
		c.control(appendWindowUpdate(c.pool.small[:0], s.id, n))
	}
}

// Full reports whether s should send no more until StreamDrained.
func (c *Conn) Full(s *Stream) bool {
	if s.queued >= c.config.StreamSendBytes || c.queued >= c.config.SendBytes/2 {
		s.full = true
		return true
	}
	return false
}

// Congested reports whether so much waits on all streams together that no new
// answer should be begun until Relieved.
func (c *Conn) Congested() bool {
	if c.queued >= c.config.SendBytes/2 {
		c.congested = true
		return true
	}
	return false
}

// Buffered is how many bytes wait on s.
func (c *Conn) Buffered(s *Stream) int { return s.queued }

// pump sends what waits, a frame at a time, in the order of priorities, as far
// as the windows and the transport allow.
func (c *Conn) pump() {
	if c.pumping || c.over {
		return
	}
	c.pumping = true
	before := c.queued
	for c.line.some != 0 && c.sendWindow > 0 && !c.out.Full() {
		s := c.line.take()
		c.sendQueued(s)
		if s.queued > 0 {
			c.line.again(s)
			continue
		}
		c.sendEnd(s)
	}
	c.pumping = false
	if c.queued < before {
		c.relieve()
	}
}

// sendQueued sends one frame of what waits on s.
func (c *Conn) sendQueued(s *Stream) {
	x := &s.queue[0]
	n := min(len(x.p), maxFrame, s.sendWindow, c.sendWindow)
	last := s.ending && s.trailer == nil && n == s.queued
	c.writeData(s, x.p[:n], last, x.block == nil)
	s.queued -= n
	c.queued -= n
	if x.p = x.p[n:]; len(x.p) == 0 {
		c.pool.give(x.block)
		copy(s.queue, s.queue[1:])
		s.queue[len(s.queue)-1] = piece{}
		s.queue = s.queue[:len(s.queue)-1]
	}
	now := c.clock.Now()
	if s.sent += n; s.sent >= stallBytes {
		s.mark, s.sent = now, 0
	}
	if c.sent += n; c.sent >= stallBytes {
		c.mark, c.sent = now, 0
	}
}

// writeData writes a frame of DATA, and pays for it.
func (c *Conn) writeData(s *Stream, p []byte, end, shared bool) {
	flags := uint8(0)
	if end {
		flags = flagEndStream
	}
	s.sendWindow -= len(p)
	c.sendWindow -= len(p)
	out := appendFrameHead(c.pool.scratch[:0], len(p), frameData, flags, s.id)
	switch {
	case len(p) <= 1024:
		c.write(append(out, p...))
	case shared && c.sharer != nil:
		c.write(out)
		c.backlog.written += int64(len(p))
		c.sharer.WriteShared(p)
	default:
		c.write(out)
		c.write(p)
	}
	c.pool.took(out)
}

// enqueue keeps p until it may be sent.
func (c *Conn) enqueue(s *Stream, p []byte, shared bool) {
	if s.queued == 0 {
		s.mark, s.sent = c.clock.Now(), 0
		if c.queued == 0 {
			c.mark, c.sent = s.mark, 0
		}
		c.wake(s.mark.Add(c.config.StallTimeout))
	}
	s.queued += len(p)
	c.queued += len(p)
	if shared {
		s.queue = append(s.queue, piece{p: p})
		return
	}
	for len(p) > 0 {
		var x *piece
		if n := len(s.queue); n > 0 && s.queue[n-1].block != nil && s.queue[n-1].room() > 0 {
			x = &s.queue[n-1]
		} else {
			b := c.pool.block()
			s.queue = append(s.queue, piece{p: b, block: b})
			x = &s.queue[n]
		}
		n := min(len(p), x.room())
		x.p = append(x.p, p[:n]...)
		p = p[n:]
	}
}

// room is how much more fits: a block makes one frame.
func (x *piece) room() int { return min(cap(x.p)-len(x.p), maxFrame-len(x.p)) }

// dropQueue forgets what waits on s.
func (c *Conn) dropQueue(s *Stream) {
	for i := range s.queue {
		c.pool.give(s.queue[i].block)
		s.queue[i] = piece{}
	}
	s.queue = s.queue[:0]
	c.queued -= s.queued
	s.queued, s.trailer = 0, nil
	c.line.remove(s)
}

// relieve tells those who were told to stop.
func (c *Conn) relieve() {
	for i := 0; i < len(c.streams) && !c.over; {
		s := c.streams[i]
		if !s.full || s.queued > c.config.StreamSendBytes/4 || c.queued > c.config.SendBytes/4 {
			i++
			continue
		}
		s.full = false
		if !s.released {
			c.events.StreamDrained(s)
		}
		i = 0 // they may have changed
	}
	if c.congested && c.queued <= c.config.SendBytes/4 && !c.over {
		c.congested = false
		c.events.Relieved()
	}
}
