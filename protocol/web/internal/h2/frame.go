package h2

import "encoding/binary"

// A frameType says what a frame is for. Types without a name here are read and
// dropped. https://www.rfc-editor.org/rfc/rfc9113#section-11.2
type frameType uint8

const (
	frameData           frameType = 0x0
	frameHeaders        frameType = 0x1
	framePriority       frameType = 0x2
	frameResetStream    frameType = 0x3
	frameSettings       frameType = 0x4
	framePushPromise    frameType = 0x5
	framePing           frameType = 0x6
	frameGoAway         frameType = 0x7
	frameWindowUpdate   frameType = 0x8
	frameContinuation   frameType = 0x9
	framePriorityUpdate frameType = 0x10 // https://www.rfc-editor.org/rfc/rfc9218#section-7.1
)

// Flags of frames; what a bit means depends on the type.
const (
	flagAck        = 0x1
	flagEndStream  = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

const (
	frameHead   = 9       // bytes before each frame's payload
	maxFrame    = 1 << 14 // payload that we accept, and send: the least that everybody must
	maxWindow   = 1<<31 - 1
	maxStreamID = 1<<31 - 1
	firstWindow = 65_535 // of streams and the connection, before anybody says otherwise
)

// Preface is what a client sends first, and what no HTTP/1 message begins with.
// https://www.rfc-editor.org/rfc/rfc9113#section-3.4
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// A frame is one as it came; its payload is a part of the input.
type frame struct {
	kind    frameType
	flags   uint8
	stream  uint32
	payload []byte
}

func (f *frame) has(flag uint8) bool { return f.flags&flag != 0 }

// payloadLength is the length in the head of a frame: its first three bytes.
func payloadLength(p []byte) int { return int(p[0])<<16 | int(p[1])<<8 | int(p[2]) }

// parseFrame reads the frame that is p, whole.
func parseFrame(p []byte) frame {
	return frame{
		kind:    frameType(p[3]),
		flags:   p[4],
		stream:  binary.BigEndian.Uint32(p[5:]) & maxStreamID, // the reserved bit is ignored
		payload: p[frameHead:],
	}
}

// unpad takes the padding of a DATA or HEADERS frame off its payload.
// https://www.rfc-editor.org/rfc/rfc9113#section-6.1
func (f *frame) unpad() error {
	if !f.has(flagPadded) {
		return nil
	}
	if len(f.payload) == 0 {
		return fault(FrameSizeError, "a padded frame without the length of its padding")
	}
	// "If the length of the padding is the length of the frame payload or
	// greater, the recipient MUST treat this as a connection error."
	n := int(f.payload[0])
	if n >= len(f.payload) {
		return fault(ProtocolError, "padding longer than its frame")
	}
	f.payload = f.payload[1 : len(f.payload)-n]
	return nil
}

// unprioritize takes the priority of RFC 7540 off a HEADERS frame: it is
// checked, and not used. https://www.rfc-editor.org/rfc/rfc9113#section-5.3.2
func (f *frame) unprioritize() (self bool, err error) {
	if !f.has(flagPriority) {
		return false, nil
	}
	if len(f.payload) < 5 {
		return false, fault(FrameSizeError, "HEADERS too short for its priority")
	}
	self = binary.BigEndian.Uint32(f.payload)&maxStreamID == f.stream
	f.payload = f.payload[5:]
	return self, nil
}

func appendFrameHead(dst []byte, n int, kind frameType, flags uint8, stream uint32) []byte {
	return append(dst, byte(n>>16), byte(n>>8), byte(n), byte(kind), flags,
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

func appendResetStream(dst []byte, stream uint32, code Code) []byte {
	dst = appendFrameHead(dst, 4, frameResetStream, 0, stream)
	return binary.BigEndian.AppendUint32(dst, uint32(code))
}

func appendWindowUpdate(dst []byte, stream uint32, n int) []byte {
	dst = appendFrameHead(dst, 4, frameWindowUpdate, 0, stream)
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

func appendPing(dst []byte, flags uint8, data [8]byte) []byte {
	dst = appendFrameHead(dst, 8, framePing, flags, 0)
	return append(dst, data[:]...)
}

func appendGoAway(dst []byte, last uint32, code Code, debug string) []byte {
	dst = appendFrameHead(dst, 8+len(debug), frameGoAway, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, last)
	dst = binary.BigEndian.AppendUint32(dst, uint32(code))
	return append(dst, debug...)
}

// appendBlock appends the frames of an encoded header block: HEADERS, and
// CONTINUATION for what does not fit into one frame.
func appendBlock(dst []byte, stream uint32, block []byte, end bool) []byte {
	kind, flags := frameHeaders, uint8(0)
	if end {
		flags = flagEndStream
	}
	for {
		n := min(len(block), maxFrame)
		if n == len(block) {
			flags |= flagEndHeaders
		}
		dst = appendFrameHead(dst, n, kind, flags, stream)
		dst = append(dst, block[:n]...)
		if block = block[n:]; len(block) == 0 {
			return dst
		}
		kind, flags = frameContinuation, 0
	}
}
