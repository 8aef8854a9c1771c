package websocket

import (
	"fmt"
	"unicode/utf8"
)

// An inbound is what a Conn knows of the frame and the message that come. It
// has no buffer but while a message, or a head, is cut by the network.
type inbound struct {
	head      [maxHeadBytes]byte // of a head that is not whole
	headBytes uint8
	within    bool // a frame: its head is whole, its payload is not
	frame     head
	left      int // bytes of the frame's payload that are still to come

	kind      Kind // of the message that has begun; 0: none has
	deflated  bool
	check     textCheck
	fragments int
	message   []byte // of the message, unmasked
	control   []byte // of a control frame that is cut
}

// drop lets go of all.
func (in *inbound) drop(p *pool) {
	p.give(in.message)
	in.message, in.control = nil, nil
}

// receive reads frames, and keeps what comes while the Protocol pauses.
func (c *Conn) receive(p []byte) {
	if c.over {
		return
	}
	if c.busy || len(c.kept) > 0 {
		c.kept = append(c.kept, p...)
		return
	}
	c.busy = true
	for {
		p = c.read(p)
		if c.over || len(c.kept) == 0 {
			break
		}
		p = append(p[:len(p):len(p)], c.kept...) // came during a callback
		c.kept = nil
		if c.paused {
			break
		}
	}
	c.busy = false
	if !c.over && len(p) > 0 {
		c.kept = append(c.kept, p...)
	}
}

// readKept goes on after a Resume.
func (c *Conn) readKept() {
	if c.paused || c.over {
		return
	}
	done := false
	defer func() {
		if !done {
			c.below.Abort() // the protocol panicked: as in any event
		}
	}()
	p := c.kept
	c.kept = nil
	c.receive(p)
	done = true
	if !c.paused {
		c.below.Resume()
	}
}

// read reads frames until p is used up, or the Conn pauses or is over, and
// returns the rest.
func (c *Conn) read(p []byte) []byte {
	in := &c.in
	for len(p) > 0 && !c.over && !c.paused {
		if in.within {
			p = c.payload(p)
			continue
		}
		h := p
		if in.headBytes > 0 || len(p) < headBytes(p) {
			n := copy(in.head[in.headBytes:headBytes(in.head[:in.headBytes])], p)
			in.headBytes += uint8(n)
			p = p[n:]
			if h = in.head[:in.headBytes]; len(h) < headBytes(h) {
				continue
			}
			in.headBytes = 0
		} else {
			p = p[headBytes(p):]
		}
		var err error
		if in.frame, err = parseHead(h); err == nil {
			err = c.begin()
		}
		if err != nil {
			c.fail(err)
			return nil
		}
		in.within, in.left = true, int(in.frame.size)
		if in.left == 0 {
			p = c.payload(p)
		}
	}
	return p
}

// begin sees whether the frame is allowed here.
func (c *Conn) begin() error {
	in, h := &c.in, &c.in.frame
	// "a client MUST mask all frames", "A server MUST NOT mask any frames"
	// https://www.rfc-editor.org/rfc/rfc6455#section-5.1
	switch {
	case h.masked && c.client:
		return broken("a server's frame not masked", "a mask")
	case !h.masked && !c.client:
		return broken("a client's frame masked", "no mask")
	}
	op := h.opcode()
	// "MUST be 0 unless an extension is negotiated"; RSV1 stands on the first
	// frame of a message. https://www.rfc-editor.org/rfc/rfc7692#section-6
	if rsv := h.first & bitsRSV; rsv&^bitDeflated != 0 ||
		rsv != 0 && (!c.deflate.on || h.control() || op == opContinuation) {
		return broken("reserved bits that are 0", fmt.Sprintf("%03b", rsv>>4))
	}
	if h.control() {
		return nil
	}
	if op == opContinuation {
		if in.kind == 0 {
			return broken("a message to continue", "a continuation")
		}
	} else {
		if in.kind != 0 {
			return broken("the rest of a message", "another message")
		}
		in.kind, in.deflated = Kind(op), h.deflated()
	}
	if in.fragments++; in.fragments > c.pool.maxFragments {
		return &TooLongError{"message in more fragments", c.pool.maxFragments}
	}
	most := c.pool.maxMessageBytes
	if in.deflated {
		most += deflateSlack(most)
	}
	if h.size > uint64(most-len(in.message)) {
		return &TooLongError{"message of more bytes", c.pool.maxMessageBytes}
	}
	return nil
}

// payload takes what p has of the frame's payload, and returns the rest.
func (c *Conn) payload(p []byte) []byte {
	in := &c.in
	n := min(len(p), in.left)
	piece := p[:n:n] // who appends to it must not write over the next frame
	p = p[len(piece):]
	in.left -= len(piece)
	whole := in.left == 0
	switch {
	case in.frame.control():
		c.controlPiece(piece, whole)
	case whole && in.frame.fin() && in.message == nil:
		// All of a message is here: it is read where it is, or in the pool's
		// buffer, and the connection owns none.
		if !in.frame.masked {
			c.ended(piece, false)
			break
		}
		buf := c.pool.take(len(piece))
		mask(buf, piece, in.frame.mask)
		c.ended(buf, false)
		c.pool.give(buf)
	default:
		c.messagePiece(piece)
		if whole && !c.over && in.frame.fin() {
			m := in.message
			in.message = nil
			c.ended(m, true)
			c.pool.give(m)
		}
	}
	if whole {
		in.within = false
		c.alive = true
	} else if len(piece) >= livelyBytes {
		c.alive = true
	}
	return p
}

// messagePiece adds to a message that does not come in one piece.
func (c *Conn) messagePiece(piece []byte) {
	in := &c.in
	if in.message == nil {
		in.message = c.pool.take(min(len(piece)+in.left, max(2*len(piece), minMessageBytes)))[:0]
	}
	at := len(in.message)
	if need := at + len(piece); need > cap(in.message) {
		// Twice what is here, and no more than the frame has: who says that he
		// will send much gets memory as he does.
		grown := make([]byte, at, min(need+in.left, 2*need))
		copy(grown, in.message)
		c.pool.give(in.message)
		in.message = grown
	}
	in.message = in.message[:at+len(piece)]
	if in.frame.masked {
		in.frame.mask = mask(in.message[at:], piece, in.frame.mask)
	} else {
		copy(in.message[at:], piece)
	}
	if in.kind == Text && !in.deflated && !in.check.write(in.message[at:]) {
		c.fail(errNotText)
	}
}

// ended delivers the message m, which is whole; checked says that the check has
// seen it.
func (c *Conn) ended(m []byte, checked bool) {
	in := &c.in
	kind, deflated, ok := in.kind, in.deflated, in.check.whole()
	in.kind, in.deflated, in.fragments, in.check = 0, false, 0, textCheck{}
	switch {
	case c.closeSent: // after our Close nothing is delivered
	case deflated:
		out, err := c.inflate(kind, m)
		if err != nil {
			c.fail(err)
		} else {
			c.protocol.MessageReceived(kind, out)
		}
		c.pool.giveInflated(out)
	case kind == Text && (!ok || !checked && !utf8.Valid(m)):
		c.fail(errNotText)
	default:
		c.protocol.MessageReceived(kind, m)
	}
}

const (
	// A message that is cut begins with a buffer of so many bytes, or fewer.
	minMessageBytes = 512
	// A piece of a frame that is so long shows that the peer is at work.
	livelyBytes = 512
)

var errNotText error = &ProtocolError{Code: Invalid, Want: "UTF-8 in a text", Input: "other bytes"}
