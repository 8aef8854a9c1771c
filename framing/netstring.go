package framing

import (
	"strconv"

	"github.com/twistor-go/twistor"
)

// Netstrings is a framing: a message's length in decimal, a colon, the
// message, a comma. Zeros in front of a length, signs and spaces are refused
// with a *ProtocolError. Immutable after first use.
// https://cr.yp.to/proto/netstrings.txt
type Netstrings struct {
	// MaxMessageBytes is how long a message may be, in both directions; 0:
	// 99,999. A negative number panics.
	MaxMessageBytes int
	// Build returns the protocol of a connection, or nil to refuse it.
	Build func(t *MessageTransport) MessageProtocol
}

// Factory returns the twistor.Factory. It lives on one loop.
func (n Netstrings) Factory() twistor.Factory {
	return newMessageFactory(netstring{maxMessageBytes(n.MaxMessageBytes, DefaultMaxMessageBytes)}, n.Build)
}

type netstring struct{ max int }

func (f netstring) limit() int { return f.max }

func (f netstring) split(_ *MessageTransport, p []byte) (message []byte, n, more int, err error) {
	size, i := 0, 0
	for ; ; i++ {
		if i == len(p) {
			return nil, 0, 1, nil
		}
		c := p[i]
		if c == ':' && i > 0 {
			break
		}
		if c < '0' || c > '9' || (i == 1 && p[0] == '0') {
			return nil, 0, 0, &ProtocolError{"a length in decimal and a colon", string(p[:i+1])}
		}
		digit := int(c - '0')
		if size > f.max/10 || 10*size > f.max-digit {
			return nil, 0, 0, messageTooLong(f.max)
		}
		size = 10*size + digit
	}
	start := i + 1
	end := start + size
	if len(p) <= end {
		return nil, 0, end + 1 - len(p), nil
	}
	if p[end] != ',' {
		return nil, 0, 0, &ProtocolError{"a comma behind the message", string(p[end : end+1])}
	}
	return p[start:end], end + 1, 0, nil
}

func (f netstring) frame(_ *MessageTransport, p, message []byte) ([]byte, error) {
	if len(message) > f.max {
		return p, messageTooLong(f.max)
	}
	p = strconv.AppendInt(p, int64(len(message)), 10)
	p = append(p, ':')
	p = append(p, message...)
	return append(p, ','), nil
}
