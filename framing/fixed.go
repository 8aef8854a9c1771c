package framing

import (
	"fmt"

	"github.com/twistor-go/twistor"
)

// Fixed is a framing: every message has Size bytes, unless MessageReceived
// calls SetSize. Records are Fixed; so are headers that say how long their
// body is. Immutable after first use.
type Fixed struct {
	// Size is how many bytes a message has: 1 or more, else Factory panics.
	Size int
	// MaxMessageBytes is how large SetSize may make a message; 0: 99,999, or
	// Size if that is more. A negative number panics.
	MaxMessageBytes int
	// Build returns the protocol of a connection, or nil to refuse it.
	Build func(t *MessageTransport) MessageProtocol
}

// Factory returns the twistor.Factory. It lives on one loop.
func (f Fixed) Factory() twistor.Factory {
	if f.Size < 1 {
		panic(fmt.Sprintf("framing: Fixed.Size is %d: want 1 or more", f.Size))
	}
	n := max(f.Size, maxMessageBytes(f.MaxMessageBytes, DefaultMaxMessageBytes))
	return newMessageFactory(fixed{f.Size, n}, f.Build)
}

// SetSize makes the next message n bytes long, instead of Size; the one after
// it has Size bytes again. Called in MessageReceived it says how long the body
// is that this header announces; of 0 bytes, it follows at once. If n is
// negative or above MaxMessageBytes, the input is refused with a *TooLongError
// when MessageReceived returns. Only Fixed has it.
func (t *MessageTransport) SetSize(n int) {
	if _, ok := t.format.(fixed); !ok {
		panic("framing: SetSize: the framing is not Fixed")
	}
	t.size, t.sized = n, true
	t.eager = n <= 0 || n > t.format.limit()
	t.wake()
}

type fixed struct{ size, max int }

func (f fixed) limit() int { return f.max }

func (f fixed) split(t *MessageTransport, p []byte) (message []byte, n, more int, err error) {
	n = f.size
	if t.sized {
		n = t.size
	}
	if n < 0 || n > f.max {
		return nil, 0, 0, messageTooLong(f.max)
	}
	if len(p) < n {
		return nil, 0, n - len(p), nil
	}
	t.sized = false
	return p[:n], n, 0, nil
}

// frame lets any size pass that SetSize could ask for.
func (f fixed) frame(_ *MessageTransport, p, message []byte) ([]byte, error) {
	if len(message) > f.max {
		return p, messageTooLong(f.max)
	}
	return append(p, message...), nil
}
