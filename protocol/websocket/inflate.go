package websocket

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
)

// An inflater makes a message of what it was compressed to; the same one for
// all connections of a pool.
type inflater struct {
	r   io.ReadCloser
	src bytes.Reader
}

// ending stands behind what came: what the sender took away, and an empty last
// block, so that the end is seen.
const ending = flushed + "\x01" + flushed

// inflate makes the message of m. It stops at the limit of messages, and where a
// text is not UTF-8. The result is the pool's: giveInflated.
func (c *Conn) inflate(kind Kind, m []byte) (out []byte, err error) {
	p, d := c.pool, &c.deflate.in
	src := p.take(len(m) + len(ending))
	copy(src[copy(src, m):], ending)
	defer p.give(src)
	s := &p.inflater
	s.src.Reset(src)
	if s.r == nil {
		s.r = flate.NewReader(&s.src)
	}
	defer s.src.Reset(nil)

	most := p.maxMessageBytes
	out = p.inflated[:0]
	p.inflated = nil
	var check textCheck
	dict := d.tail
	for blocks := 0; ; blocks++ {
		// "an endpoint … MAY use DEFLATE blocks with the BFINAL header bit set":
		// then more comes behind it.
		// https://www.rfc-editor.org/rfc/rfc7692#section-7.2.3.4
		if blocks > maxFinalBlocks {
			return out, &ProtocolError{Code: Broken, Want: fmt.Sprintf("at most %d last blocks in a message", maxFinalBlocks), Input: "more"}
		}
		if blocks > 0 {
			all := append(append([]byte(nil), d.tail...), out...)
			dict = all[max(0, len(all)-1<<maxWindowBits):]
		}
		if err := s.r.(flate.Resetter).Reset(&s.src, dict); err != nil {
			panic("websocket: internal error: " + err.Error())
		}
		for {
			if len(out) == cap(out) {
				grown := make([]byte, len(out), min(max(2*len(out), 4*len(m), minMessageBytes), most+1))
				copy(grown, out)
				out = grown
			}
			n, err := s.r.Read(out[len(out):min(cap(out), most+1)])
			piece := out[len(out) : len(out)+n]
			out = out[:len(out)+n]
			switch {
			case len(out) > most:
				return out, &TooLongError{"message of more bytes", most}
			case kind == Text && !check.write(piece):
				return out, errNotText
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return out, &ProtocolError{Code: Invalid, Want: "a deflated message", Input: "what cannot be inflated"}
			}
		}
		if s.src.Len() == 0 {
			break
		}
	}
	if kind == Text && !check.whole() {
		return out, errNotText
	}
	d.keep(out, 1<<d.bits)
	return out, nil
}
