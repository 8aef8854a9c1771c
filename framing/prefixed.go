package framing

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/twistor-go/twistor"
)

// Prefixed8 is a framing: a message's length in one byte, then the message.
// Immutable after first use.
type Prefixed8 struct {
	// MaxMessageBytes is how long a message may be, in both directions; 0, and
	// anything above: 255. A negative number panics.
	MaxMessageBytes int
	// Build returns the protocol of a connection, or nil to refuse it.
	Build func(t *MessageTransport) MessageProtocol
}

// Prefixed16 is a framing: a message's length in two bytes, the high one
// first, then the message. Immutable after first use.
type Prefixed16 struct {
	// MaxMessageBytes is how long a message may be, in both directions; 0, and
	// anything above: 65,535. A negative number panics.
	MaxMessageBytes int
	// Build returns the protocol of a connection, or nil to refuse it.
	Build func(t *MessageTransport) MessageProtocol
}

// Prefixed32 is a framing: a message's length in four bytes, the highest
// first, then the message. Immutable after first use.
type Prefixed32 struct {
	// MaxMessageBytes is how long a message may be, in both directions; 0:
	// 99,999. A negative number panics.
	MaxMessageBytes int
	// Build returns the protocol of a connection, or nil to refuse it.
	Build func(t *MessageTransport) MessageProtocol
}

// Factory returns the twistor.Factory. It lives on one loop.
func (f Prefixed8) Factory() twistor.Factory {
	n := min(maxMessageBytes(f.MaxMessageBytes, math.MaxUint8), math.MaxUint8)
	return newMessageFactory(prefixed{1, n}, f.Build)
}

// Factory returns the twistor.Factory. It lives on one loop.
func (f Prefixed16) Factory() twistor.Factory {
	n := min(maxMessageBytes(f.MaxMessageBytes, math.MaxUint16), math.MaxUint16)
	return newMessageFactory(prefixed{2, n}, f.Build)
}

// Factory returns the twistor.Factory. It lives on one loop.
func (f Prefixed32) Factory() twistor.Factory {
	n := maxMessageBytes(f.MaxMessageBytes, DefaultMaxMessageBytes)
	if int64(n) > math.MaxUint32 {
		n = math.MaxUint32
	}
	return newMessageFactory(prefixed{4, n}, f.Build)
}

// maxMessageBytes is n with its default.
func maxMessageBytes(n, whenZero int) int {
	if n < 0 {
		panic(fmt.Sprintf("framing: MaxMessageBytes is %d: want a number of bytes, or 0 for %d", n, whenZero))
	}
	if n == 0 {
		return whenZero
	}
	return n
}

type prefixed struct{ width, max int }

func (f prefixed) limit() int { return f.max }

func (f prefixed) split(_ *MessageTransport, p []byte) (message []byte, n, more int, err error) {
	if len(p) < f.width {
		return nil, 0, f.width - len(p), nil
	}
	var size uint32
	for _, c := range p[:f.width] {
		size = size<<8 | uint32(c)
	}
	if int64(size) > int64(f.max) {
		return nil, 0, 0, messageTooLong(f.max)
	}
	end := f.width + int(size)
	if len(p) < end {
		return nil, 0, end - len(p), nil
	}
	return p[f.width:end], end, 0, nil
}

func (f prefixed) frame(_ *MessageTransport, p, message []byte) ([]byte, error) {
	if len(message) > f.max {
		return p, messageTooLong(f.max)
	}
	n := uint32(len(message))
	switch f.width {
	case 1:
		p = append(p, byte(n))
	case 2:
		p = binary.BigEndian.AppendUint16(p, uint16(n))
	default:
		p = binary.BigEndian.AppendUint32(p, n)
	}
	return append(p, message...), nil
}
