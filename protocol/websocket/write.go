package websocket

import (
	"net"
	"unicode/utf8"
)

// WriteMessage queues one message; p is the caller's again when it returns. Its
// errors are ErrText, net.ErrClosed, and twistor.ErrOverflow where
// Full says, when the connection is cut.
func (c *Conn) WriteMessage(kind Kind, p []byte) error {
	kind.check()
	switch {
	case !c.open:
		return net.ErrClosed
	case kind == Text && !utf8.Valid(p):
		return ErrText
	}
	first := bitFin | byte(kind)
	if d := &c.deflate; d.on && len(p) >= d.minBytes {
		q := c.pool.compressors.deflate(d, p)
		if len(q) < len(p) {
			d.sent(p)
			return c.frame(first|bitDeflated, q)
		}
	}
	return c.frame(first, p)
}

// WriteText is WriteMessage of a text.
func (c *Conn) WriteText(s string) error {
	if !c.open {
		return net.ErrClosed
	}
	p := c.pool.take(len(s))
	copy(p, s)
	err := c.WriteMessage(Text, p)
	c.pool.give(p)
	return err
}

// WriteBinary is WriteMessage of what is no text.
func (c *Conn) WriteBinary(p []byte) error { return c.WriteMessage(Binary, p) }

// frame sends a frame.
func (c *Conn) frame(first byte, p []byte) error {
	// Taken out of the pool while in use: Write may, through a policy below, lead
	// to another message.
	out := c.pool.out[:0]
	c.pool.out = nil
	var err error
	switch {
	case c.client:
		out = appendMasked(out, first, c.pool.key(c.Loop().Rand()), p)
		_, err = c.below.Write(out)
	case len(p) > maxJoinedBytes:
		out = appendHead(out, first, len(p))
		if _, err = c.below.Write(out); err == nil {
			_, err = c.below.Write(p)
		}
	default:
		out = append(appendHead(out, first, len(p)), p...)
		_, err = c.below.Write(out)
	}
	if cap(out) <= maxPooledBytes {
		c.pool.out = out
	}
	return err
}

// maxJoinedBytes is how long a payload is that is copied behind its head, to be
// one write: of one TLS record.
const maxJoinedBytes = 8 << 10
