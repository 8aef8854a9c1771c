package websocket

import (
	"errors"
	"fmt"
	"io"
)

// A Kind is what a message is: text, which is UTF-8, or binary.
type Kind byte

// The kinds of messages; their numbers are those of the wire.
// https://www.rfc-editor.org/rfc/rfc6455#section-5.6
const (
	Text   Kind = 1
	Binary Kind = 2
)

func (k Kind) String() string {
	switch k {
	case Text:
		return "text"
	case Binary:
		return "binary"
	}
	return fmt.Sprintf("kind %d", byte(k))
}

// check panics unless k is one.
func (k Kind) check() {
	if k != Text && k != Binary {
		panic("websocket: a message of " + k.String() + ": want Text or Binary")
	}
}

// A Protocol is one end of a conversation in messages. It is fed events on the
// loop, one at a time, and must not block. It may also be a PongReceiver, and
// have twistor's optional events Drained and Dismissed.
type Protocol interface {
	// Connected begins the conversation: once, first. From here on messages
	// can be written.
	Connected()
	// MessageReceived delivers the next message, whole; p is valid only during
	// the call.
	MessageReceived(kind Kind, p []byte)
	// Disconnected ends it: once, last. err is never nil: an *Error if the peer
	// closed with a close frame, net.ErrClosed if we did, a *ProtocolError or
	// *TooLongError if the peer's input was refused, ErrSilent if it did not
	// answer, io.ErrUnexpectedEOF if the connection ended without a close
	// frame, else what broke it.
	Disconnected(err error)
}

// A PongReceiver is a Protocol that hears the answers to Conn.Ping.
type PongReceiver interface {
	PongReceived(p []byte) // p is valid only during the call
}

// A Code says why a conversation ends.
// https://www.rfc-editor.org/rfc/rfc6455#section-7.4
type Code uint16

// The codes of RFC 6455 and of IANA's registry beside it. Programs may use 4000
// to 4999 for their own, and libraries 3000 to 3999.
const (
	Normal           Code = 1000 // it has done what it was for
	GoingAway        Code = 1001 // a server stops, or a page is left
	Broken           Code = 1002 // of the protocol's rules
	Unsupported      Code = 1003 // a kind of data that cannot be taken
	NoCode           Code = 1005 // a close frame without a code; never sent
	Abnormal         Code = 1006 // no close frame; never sent
	Invalid          Code = 1007 // text that is not UTF-8, or deflate that is none
	PolicyViolation  Code = 1008
	TooBig           Code = 1009
	MissingExtension Code = 1010
	InternalError    Code = 1011
	Restarting       Code = 1012
	TryLater         Code = 1013
	BadGateway       Code = 1014
)

// sendable says whether a close frame may hold c.
//
// 1004, 1005 and 1006 are reserved and "MUST NOT be set as a status code in a
// Close control frame by an endpoint".
// https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
func (c Code) sendable() bool {
	switch {
	case c >= 1000 && c <= 1014:
		return c != 1004 && c != NoCode && c != Abnormal
	}
	return c >= 3000 && c <= 4999
}

// An Error is the end of a conversation, as a close frame says it: the peer's in
// Disconnected and Conn.Err, ours if a Conversation returns one. Those that are
// no failure (Normal, GoingAway, NoCode) are io.EOF to errors.Is. Immutable
// after first use.
type Error struct {
	Code Code
	Text string // for people; at most 123 bytes
}

func (e *Error) Error() string {
	s := fmt.Sprintf("websocket: closed with %d", e.Code)
	if e.Text != "" {
		s += fmt.Sprintf(" %q", e.Text)
	}
	return s
}

// Is makes an orderly end io.EOF.
func (e *Error) Is(target error) bool {
	return target == io.EOF && (e.Code == Normal || e.Code == GoingAway || e.Code == NoCode)
}

// A ProtocolError says that the peer broke the rules; it was told so by Code.
// Immutable after first use.
type ProtocolError struct {
	Code  Code   // Broken or Invalid
	Want  string // what was wanted
	Input string // what came instead: its beginning, or a word for it
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("websocket: want %s, got %q", e.Want, e.Input)
}

// A TooLongError says that the peer sent, or began to send, more than a limit
// allows; it was told so by TooBig. Immutable after first use.
type TooLongError struct {
	What string // "message of more bytes", "message in more fragments"
	Max  int    // what would have been allowed
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("websocket: %s than %d", e.What, e.Max)
}

var (
	// ErrSilent says that the peer did not answer: neither a ping nor a close.
	ErrSilent = errors.New("websocket: peer does not answer")
	// ErrText says that a text to be written is not UTF-8.
	ErrText = errors.New("websocket: text is not UTF-8")
	// ErrControl says that the payload of a ping has more than 125 bytes.
	ErrControl = errors.New("websocket: want at most 125 bytes in a control frame")
)

// broken is a rule of framing that the peer broke.
func broken(want, input string) error {
	return &ProtocolError{Code: Broken, Want: want, Input: input}
}
