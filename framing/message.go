package framing

import (
	"github.com/twistor-go/twistor"
)

// DefaultMaxMessageBytes is how long a message may be when nobody says
// otherwise.
const DefaultMaxMessageBytes = 99_999

// A MessageProtocol is one end of a conversation in messages. It may also have
// any of twistor's optional events, and InputRejected.
type MessageProtocol interface {
	Connected()
	// MessageReceived delivers the next message, without what framed it; p is
	// valid only during the call.
	MessageReceived(p []byte)
	// Disconnected is as in twistor.Protocol. err is io.ErrUnexpectedEOF if
	// the peer closed within a message (that beginning is dropped), and wraps
	// a *TooLongError or *ProtocolError if we closed because of its input.
	Disconnected(err error)
}

// A MessageTransport is a twistor.Transport that receives and sends messages.
// Its Pause, Close, Abort and Switch also hold for messages that are already
// here, as a LineTransport's do. Loop-only.
type MessageTransport struct {
	stream
	messages MessageProtocol
	format   format
	scratch  *[]byte // WriteMessage's, of all connections of the factory
	size     int     // SetSize's, for the next message
	sized    bool    // size is to be used
}

// A format is one way to mark where a message ends.
type format interface {
	// split finds the first message of p and the n bytes that it takes; n is 0
	// when it is not whole, and then more is how many bytes are missing as far
	// as can be told, at least 1.
	split(t *MessageTransport, p []byte) (message []byte, n, more int, err error)
	// frame appends message to p, framed.
	frame(t *MessageTransport, p, message []byte) ([]byte, error)
	// limit is the longest message.
	limit() int
}

// A messageFactory builds protocols in messages.
type messageFactory struct {
	format  format
	build   func(t *MessageTransport) MessageProtocol
	scratch []byte
}

func newMessageFactory(f format, build func(t *MessageTransport) MessageProtocol) *messageFactory {
	if build == nil {
		panic("framing: a framing of messages without Build")
	}
	return &messageFactory{format: f, build: build}
}

func (f *messageFactory) Build(below twistor.Transport) twistor.Protocol {
	t := &MessageTransport{format: f.format, scratch: &f.scratch}
	t.Transport, t.framer = below, t
	p := f.build(t)
	if p == nil {
		return nil
	}
	t.protocol, t.messages = p, p
	return (*events)(&t.stream)
}

// WriteMessage writes p, framed. A p that the peer could not take, or that the
// framing cannot express, is refused with a *TooLongError and nothing is
// written. Other errors are those of Write.
func (t *MessageTransport) WriteMessage(p []byte) error {
	// Taken out of the factory while in use: Write may, through a policy
	// below, lead to another WriteMessage.
	q := (*t.scratch)[:0]
	*t.scratch = nil
	q, err := t.format.frame(t, q, p)
	if err == nil {
		_, err = t.Write(q)
	}
	if cap(q) <= maxScratchBytes {
		*t.scratch = q
	}
	return err
}

// take is the framer's.
func (t *MessageTransport) take(p []byte) (int, bool) {
	message, n, more, err := t.format.split(t, p)
	if err != nil {
		t.delivering(len(p))
		t.reject(err)
		return 0, false
	}
	if more > 0 {
		return 0, false
	}
	t.delivering(len(p) - n)
	t.messages.MessageReceived(message)
	return n, true
}

// reach is the framer's.
func (t *MessageTransport) reach(kept, more []byte) int {
	_, _, missing, _ := t.format.split(t, kept)
	return min(missing, len(more))
}

func messageTooLong(limit int) error { return &TooLongError{What: "message", Max: limit} }
