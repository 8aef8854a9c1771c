package websocket

import "net"

// Ping asks the peer to answer with p, of at most 125 bytes: see PongReceiver.
// Conns ping by themselves: see Server.PingInterval.
func (c *Conn) Ping(p []byte) error {
	switch {
	case !c.open:
		return net.ErrClosed
	case len(p) > maxControlBytes:
		return ErrControl
	}
	return c.control(opPing, p)
}

// control sends a control frame.
func (c *Conn) control(op byte, p []byte) error {
	if c.closeSent {
		return net.ErrClosed
	}
	return c.frame(bitFin|op, p)
}

// controlPiece takes a part of a control frame, and heeds it when it is whole.
func (c *Conn) controlPiece(piece []byte, whole bool) {
	in := &c.in
	if !whole {
		in.control = append(in.control, piece...)
		return
	}
	p := piece
	if in.control != nil {
		p = append(in.control, piece...)
		in.control = nil
	}
	if in.frame.masked {
		buf := c.pool.take(len(p))
		defer c.pool.give(buf)
		mask(buf, p, in.frame.mask)
		p = buf
	}
	switch in.frame.opcode() {
	case opPing:
		c.answer(p)
	case opPong:
		if r, ok := c.protocol.(PongReceiver); ok && !c.closeSent {
			r.PongReceived(p)
		}
	case opClose:
		c.closeReceived(p)
	}
}

// answer sends a pong. If the peer does not read, only the last of its pings
// is answered when it does.
//
// "If an endpoint receives a Ping frame and has not yet sent Pong frame(s) in
// response to previous Ping frame(s), the endpoint MAY elect to send a Pong
// frame for only the most recently processed Ping frame."
// https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3
func (c *Conn) answer(p []byte) {
	if c.closeSent {
		return
	}
	if !c.below.Full() {
		c.control(opPong, p)
		return
	}
	if c.pong == nil {
		c.pong = new([]byte)
	}
	*c.pong = append((*c.pong)[:0], p...)
}
