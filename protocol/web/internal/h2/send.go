package h2

import "github.com/twistor-go/twistor/framing/http1"

// An Answer is the head of a response, and the beginning of its body.
type Answer struct {
	Status int
	Date   []byte        // the value of Date; nil: what Header has
	Length int64         // Content-Length; -1: what Header has
	Header *http1.Header // nil: none
	Body   []byte        // copied; nil: none yet
	End    bool          // that is all
}

// A Question is the head of a request, and the beginning of its body.
type Question struct {
	Method, Scheme, Authority, Path string
	Protocol                        string        // of an extended CONNECT; "": it is none
	Length                          int64         // Content-Length; -1: what Header has
	Header                          *http1.Header // nil: none
	Body                            []byte        // copied; nil: none yet
	End                             bool          // that is all
}

// together is how much of a body goes into one write with the head.
const together = 4 << 10

var nameDate = []byte("date")

// Answer sends the final head of a response, with what is there of its body, on
// a stream of a Server. It fails as SendData does.
func (c *Conn) Answer(s *Stream, a Answer) error {
	if s.Ended() || c.over {
		return ErrEnded
	}
	s.answered = true
	out := c.encoder.status(c.beginBlock(), a.Status)
	if a.Date != nil {
		out = c.encoder.field(out, indexDate, nameDate, a.Date)
	}
	if a.Length >= 0 {
		out = c.encoder.length(out, a.Length)
	}
	out = c.encoder.fields(out, a.Header, omitted{length: a.Length >= 0, date: a.Date != nil})
	return c.sendHead(s, out, a.Body, a.End)
}

// Inform sends an interim answer, 100 to 199, before the final one.
func (c *Conn) Inform(s *Stream, status int, h *http1.Header) {
	if s.Ended() || s.answered || c.over {
		return
	}
	out := c.encoder.status(c.beginBlock(), status)
	out = c.encoder.fields(out, h, omitted{})
	c.sendHead(s, out, nil, false)
}

// Open sends a request on a new stream of a Client, which it returns. ErrFull:
// not now; ErrEnded: never again on this connection; ErrNoConnect.
func (c *Conn) Open(q Question, owner any) (*Stream, error) {
	switch {
	case c.over || c.leaving != staying || c.nextOwn > maxStreamID:
		return nil, ErrEnded
	case len(c.streams) >= c.peer.maxStreams:
		return nil, ErrFull
	case q.Protocol != "" && !c.peer.connect:
		return nil, ErrNoConnect
	}
	s := c.begin(c.nextOwn, -1)
	c.nextOwn += 2
	s.Owner = owner
	s.headOnly = q.Method == "HEAD"
	s.tunnel = q.Method == "CONNECT"
	out := c.encoder.pseudo(c.beginBlock(), indexMethod, q.Method)
	if q.Method != "CONNECT" || q.Protocol != "" {
		out = c.encoder.pseudo(out, indexScheme, q.Scheme)
		out = c.encoder.pseudo(out, indexPath, q.Path)
	}
	out = c.encoder.pseudo(out, indexAuthority, q.Authority)
	if q.Protocol != "" {
		out = c.encoder.protocol(out, q.Protocol)
	}
	if q.Length >= 0 {
		out = c.encoder.length(out, q.Length)
	}
	out = c.encoder.fields(out, q.Header, omitted{length: q.Length >= 0, host: true})
	return s, c.sendHead(s, out, q.Body, q.End)
}

// Room is how many streams a Client may open now; 0 also when the connection is
// on its way out.
func (c *Conn) Room() int {
	if c.over || c.leaving != staying || c.nextOwn > maxStreamID {
		return 0
	}
	return max(0, c.peer.maxStreams-len(c.streams))
}

// OffersConnect reports whether the peer takes extended CONNECT.
func (c *Conn) OffersConnect() bool { return c.peer.connect }

// beginBlock is scratch with room for a frame's head, and what HPACK says first.
func (c *Conn) beginBlock() []byte {
	return c.encoder.begin(append(c.pool.scratch[:0], make([]byte, frameHead)...))
}

// sendHead writes the header block that begins after the room in out, and what
// it can of the body in the same write.
func (c *Conn) sendHead(s *Stream, out, body []byte, end bool) error {
	n := len(out) - frameHead
	bare := len(body) == 0
	if n <= maxFrame {
		flags := uint8(flagEndHeaders)
		if end && bare {
			flags |= flagEndStream
		}
		appendFrameHead(out[:0], n, frameHeaders, flags, s.id)
	} else {
		out = appendBlock(nil, s.id, out[frameHead:], end && bare)
	}
	if !bare && len(body) <= min(together, s.sendWindow, c.sendWindow) && s.queued == 0 && !c.out.Full() {
		flags := uint8(0)
		if end {
			flags = flagEndStream
		}
		out = append(appendFrameHead(out, len(body), frameData, flags, s.id), body...)
		s.sendWindow -= len(body)
		c.sendWindow -= len(body)
		bare = true
	}
	c.pool.took(out)
	c.write(out)
	if !bare {
		return c.sendData(s, body, end, false)
	}
	if end {
		c.localEnd(s)
	}
	return nil
}

// SendData sends a copy of p, at once or when the windows and the transport
// allow. end: it is the last. ErrEnded: the stream can send no more;
// ErrOverflow: too much waits already, and the stream is reset.
func (c *Conn) SendData(s *Stream, p []byte, end bool) error { return c.sendData(s, p, end, false) }

// SendShared is SendData of bytes that will never change: they are not copied.
func (c *Conn) SendShared(s *Stream, p []byte, end bool) error { return c.sendData(s, p, end, true) }

// Allow lets n bytes wait on s, and twice as many on all streams while it is
// s that sends, if that is more than Config.SendBytes says.
func (c *Conn) Allow(s *Stream, n int) { s.allowed = n }

func (c *Conn) sendData(s *Stream, p []byte, end, shared bool) error {
	if s.Ended() || c.over {
		return ErrEnded
	}
	for s.queued == 0 && len(p) > 0 && s.sendWindow > 0 && c.sendWindow > 0 && !c.out.Full() {
		n := min(len(p), maxFrame, s.sendWindow, c.sendWindow)
		c.writeData(s, p[:n], end && n == len(p), shared)
		if p = p[n:]; len(p) == 0 {
			if end {
				c.localEnd(s)
			}
			return nil
		}
	}
	if len(p) == 0 {
		return c.sendLast(s, end)
	}
	if most := max(c.config.SendBytes, s.allowed); !shared && c.Full(s) && (s.queued+len(p) > most || c.queued+len(p) > 2*most) {
		c.Reset(s, InternalError)
		return ErrOverflow
	}
	s.ending = end
	c.enqueue(s, p, shared)
	c.line.add(s)
	return nil
}

// sendLast ends a stream after the last of its bytes.
func (c *Conn) sendLast(s *Stream, end bool) error {
	if !end {
		return nil
	}
	if s.queued > 0 {
		s.ending = true
		return nil
	}
	// An empty frame costs no window.
	c.writeData(s, nil, true, false)
	c.localEnd(s)
	return nil
}

// SendTrailer ends a stream with fields, after what it has sent. nil: without.
func (c *Conn) SendTrailer(s *Stream, h *http1.Header) error {
	if h == nil || h.Len() == 0 {
		return c.sendData(s, nil, true, false)
	}
	if s.Ended() || c.over {
		return ErrEnded
	}
	if s.queued > 0 {
		// It must be encoded when it is sent: other streams' headers, which
		// change HPACK's table, may go before it.
		s.trailer = new(http1.Header)
		s.trailer.CopyFrom(h)
		s.ending = true
		return nil
	}
	c.writeTrailer(s, h)
	return nil
}

func (c *Conn) writeTrailer(s *Stream, h *http1.Header) {
	out := c.encoder.fields(c.beginBlock(), h, omitted{length: true})
	c.sendHead(s, out, nil, true)
}

// sendEnd ends a stream whose queue has become empty, if it is to end.
func (c *Conn) sendEnd(s *Stream) {
	if h := s.trailer; h != nil {
		s.trailer = nil
		s.ending = false
		c.writeTrailer(s, h)
		return
	}
	if s.ending {
		c.localEnd(s)
	}
}

// localEnd notes that END_STREAM has been written.
func (c *Conn) localEnd(s *Stream) {
	s.ending = false
	if s.state = s.state.localEnds(); s.state == closed {
		c.budget.completed++
	}
	c.settle(s)
}

// Reset ends a stream in both directions at once. Its owner, who asked for it,
// is not told, and has yet to Release it.
func (c *Conn) Reset(s *Stream, code Code) {
	if s.state == closed || s.state == reset || c.over {
		c.settle(s)
		return
	}
	s.state = reset
	c.dropQueue(s)
	c.send(s.id, code)
	c.settle(s)
}

// send writes RST_STREAM, and remembers it: what the peer has sent before it
// knew is no fault of its.
func (c *Conn) send(id uint32, code Code) {
	if c.forgotten == nil {
		c.forgotten = make([]uint32, remembered)
	}
	c.forgotten[c.forgets%remembered] = id
	c.forgets++
	c.control(appendResetStream(c.pool.small[:0], id, code))
}

// refuse answers a fault of one stream.
func (c *Conn) refuse(why *streamFault) {
	if c.over {
		return
	}
	c.send(why.stream, why.code)
	s, state := c.lookup(why.stream)
	if s == nil || state == closed || state == reset {
		return
	}
	s.state = reset
	c.dropQueue(s)
	c.lose(s, Cause{Code: why.code, Reason: why.reason})
}

// lose tells the owner that a stream is over.
func (c *Conn) lose(s *Stream, why Cause) {
	if s.released {
		c.forget(s)
		return
	}
	c.events.StreamReset(s, why)
}

// Ping asks the peer for a sign of life: Events.PongReceived brings data back.
func (c *Conn) Ping(data [8]byte) {
	if !c.over {
		c.control(appendPing(c.pool.small[:0], 0, data))
	}
}
