package websocket

import (
	"net"
	"unicode/utf8"
)

// A Prepared is a message that is sent to many: it is framed once, compressed at most
// once for each size of window, and queued without copies. Loop-only: for
// connections on several loops, prepare one on each.
type Prepared struct {
	kind     Kind
	payload  []byte
	plain    []byte                    // a server's frame
	deflated [maxWindowBits + 1][]byte // by the bits of the window; empty: it is no shorter
}

// Prepare makes a message ready; it copies p. A text that is not UTF-8 fails
// with ErrText when it is written.
func Prepare(kind Kind, p []byte) *Prepared {
	kind.check()
	plain := appendHead(make([]byte, 0, maxHeadBytes+len(p)), bitFin|byte(kind), len(p))
	at := len(plain)
	m := &Prepared{kind: kind, plain: append(plain, p...)}
	m.payload = m.plain[at:]
	if kind == Text && !utf8.Valid(p) {
		m.plain = nil
	}
	return m
}

// WritePrepared queues m. Its errors are those of WriteMessage. A client's
// frames are masked, each with its own key, so that to a Conn that was dialed
// it is no cheaper than WriteMessage.
func (c *Conn) WritePrepared(m *Prepared) error {
	switch {
	case !c.open:
		return net.ErrClosed
	case m.plain == nil:
		return ErrText
	case c.client:
		return c.WriteMessage(m.kind, m.payload)
	}
	if d := &c.deflate; d.on && len(m.payload) >= d.minBytes {
		if p := m.compressed(c); len(p) > 0 {
			d.sentAlone()
			return c.share(p)
		}
	}
	return c.share(m.plain)
}

// compressed is the frame for c's window, made by the first that needs it.
func (m *Prepared) compressed(c *Conn) []byte {
	bits := c.deflate.out.bits
	if m.deflated[bits] == nil {
		alone := deflation{out: direction{bits: bits, noContext: true}}
		q := c.pool.compressors.deflate(&alone, m.payload)
		frame := []byte{}
		if len(q) < len(m.payload) {
			frame = appendHead(make([]byte, 0, maxHeadBytes+len(q)), bitFin|bitDeflated|byte(m.kind), len(q))
			frame = append(frame, q...)
		}
		m.deflated[bits] = frame
	}
	return m.deflated[bits]
}

// share queues p, which never changes.
func (c *Conn) share(p []byte) error {
	if c.sharer != nil && len(p) >= minSharedBytes {
		return c.sharer.WriteShared(p)
	}
	_, err := c.below.Write(p)
	return err
}

// minSharedBytes is from where on a reference is cheaper than a copy.
const minSharedBytes = 512
