package websocket

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The bits of a frame's first two bytes.
// https://www.rfc-editor.org/rfc/rfc6455#section-5.2
const (
	bitFin      = 0x80
	bitDeflated = 0x40 // RSV1: https://www.rfc-editor.org/rfc/rfc7692#section-6
	bitsRSV     = 0x70
	bitMask     = 0x80

	opContinuation = 0x0
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
	opControl      = 0x8 // the bit that control frames have
)

const (
	maxHeadBytes    = 14  // of a frame's head: 2, a length of 8, a mask of 4
	maxControlBytes = 125 // of a control frame's payload
)

// A head is what stands before a frame's payload.
type head struct {
	first  byte // FIN, RSV, opcode
	masked bool
	mask   uint32 // its first byte is the lowest
	size   uint64
}

func (h *head) fin() bool      { return h.first&bitFin != 0 }
func (h *head) opcode() byte   { return h.first & 0x0F }
func (h *head) control() bool  { return h.first&opControl != 0 }
func (h *head) deflated() bool { return h.first&bitDeflated != 0 }

// headBytes is how long the head is that begins with p: 2 until its second byte
// is there.
func headBytes(p []byte) int {
	n := 2
	if len(p) < 2 {
		return n
	}
	switch p[1] &^ bitMask {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if p[1]&bitMask != 0 {
		n += 4
	}
	return n
}

// parseHead reads a whole head. It looks at what every frame must be, whoever
// sends it; what is allowed here and now is the reader's matter.
func parseHead(p []byte) (h head, err error) {
	h.first, h.masked = p[0], p[1]&bitMask != 0
	h.size = uint64(p[1] &^ bitMask)
	rest := p[2:]
	// "the minimal number of bytes MUST be used to encode the length"
	// https://www.rfc-editor.org/rfc/rfc6455#section-5.2
	switch h.size {
	case 126:
		h.size, rest = uint64(binary.BigEndian.Uint16(rest)), rest[2:]
		if h.size < 126 {
			return h, broken("the shortest form of a length", fmt.Sprintf("%d in 2 bytes", h.size))
		}
	case 127:
		h.size, rest = binary.BigEndian.Uint64(rest), rest[8:]
		if h.size <= math.MaxUint16 {
			return h, broken("the shortest form of a length", fmt.Sprintf("%d in 8 bytes", h.size))
		}
		if h.size > math.MaxInt64 {
			return h, broken("a length of 63 bits", fmt.Sprintf("%#x", h.size))
		}
	}
	if h.masked {
		h.mask = binary.LittleEndian.Uint32(rest)
	}
	switch op := h.opcode(); {
	case op > byte(Binary) && op < opClose || op > opPong:
		return h, broken("an opcode of RFC 6455", fmt.Sprintf("%#x", op))
	case h.control() && !h.fin():
		return h, broken("a control frame in one piece", "FIN is 0")
	case h.control() && h.size > maxControlBytes:
		return h, broken("at most 125 bytes in a control frame", fmt.Sprint(h.size))
	}
	return h, nil
}

// appendHead appends the head of a frame that is not masked.
func appendHead(p []byte, first byte, size int) []byte {
	switch {
	case size < 126:
		return append(p, first, byte(size))
	case size <= math.MaxUint16:
		return append(p, first, 126, byte(size>>8), byte(size))
	}
	return binary.BigEndian.AppendUint64(append(p, first, 127), uint64(size))
}

// appendMasked appends a whole frame, masked with key.
func appendMasked(p []byte, first byte, key uint32, payload []byte) []byte {
	at := len(p)
	p = appendHead(p, first, len(payload))
	p[at+1] |= bitMask
	p = binary.LittleEndian.AppendUint32(p, key)
	at = len(p)
	p = append(p, payload...)
	mask(p[at:], p[at:], key)
	return p
}
