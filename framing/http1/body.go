package http1

import "io"

// A BodyReader cuts the body of one message out of the stream, by its framing.
// Start makes it ready, also for the next body. It holds no bytes of the body,
// and 48 bytes of its own. Loop-only.
type BodyReader struct {
	limits     *Limits
	trailer    *trailer // a trailer section that has begun, or is whole
	left       int64    // bytes of the body, or of the chunk
	err        *Error   // what was found after the data that was returned last
	line       int32    // bytes of the current chunk line
	extensions int32    // bytes of all extensions of this body
	framing    Framing
	state      bodyState
	digits     uint8 // of the current chunk's size
	done       bool
}

// A trailer is a trailer section, and then its fields.
type trailer struct {
	section
	header Header
}

// Start makes b ready for a body. length is of a body ByLength; l are the limits
// of chunks and trailer section, nil: the defaults.
func (b *BodyReader) Start(f Framing, length int64, l *Limits) {
	if l == nil {
		l = &defaults
	}
	*b = BodyReader{framing: f, limits: l}
	if f == ByLength {
		b.left = max(length, 0)
	}
	b.done = f == NoBody || f == ByLength && b.left == 0
}

// Next returns the next piece of the body, which is a part of p and may be
// empty; how many bytes of p were consumed, framing and all; and whether the
// body has ended, so that the rest of p is the next message's. Come again while
// something of p is left and it has not. The error is an *Error of status 400, in
// either role; then there is no data. What is sound before an error is returned
// first, however it was cut.
func (b *BodyReader) Next(p []byte) (data []byte, n int, done bool, err error) {
	switch {
	case b.done:
		return nil, 0, true, nil
	case b.framing == UntilClose:
		return p, len(p), false, nil
	case b.framing == ByLength:
		n = int(min(b.left, int64(len(p))))
		b.left -= int64(n)
		b.done = b.left == 0
		return p[:n:n], n, b.done, nil
	}
	return b.nextOfChunks(p)
}

// nextOfChunks is Next for chunks. It takes the framing after the data along, so
// that the end is told with the last data.
func (b *BodyReader) nextOfChunks(p []byte) (data []byte, n int, done bool, err error) {
	if b.err == nil {
		n, b.err = b.skip(p)
	}
	if b.err != nil {
		return nil, n, false, b.err
	}
	if b.state == inData && n < len(p) {
		k := int(min(b.left, int64(len(p)-n)))
		data = p[n : n+k : n+k]
		n += k
		if b.left -= int64(k); b.left == 0 {
			b.state = afterData
			var m int
			if m, b.err = b.skip(p[n:]); b.err != nil {
				return data, n, false, nil // the next call, which p[n:] asks for, tells it
			}
			n += m
		}
	}
	return data, n, b.done, nil
}

// Trailer returns the fields of the trailer section, after done; nil: none. They
// are b's until the next Start. They are never fields of the head: merge none
// that you do not know (https://www.rfc-editor.org/rfc/rfc9110#section-6.5.1).
func (b *BodyReader) Trailer() *Header {
	if !b.done || b.trailer == nil {
		return nil
	}
	return &b.trailer.header
}

// Closed says what it means that the stream has ended: nil if that is the end
// of the body, or it had ended before, else io.ErrUnexpectedEOF.
func (b *BodyReader) Closed() error {
	if b.done || b.framing == UntilClose {
		return nil
	}
	return io.ErrUnexpectedEOF
}
