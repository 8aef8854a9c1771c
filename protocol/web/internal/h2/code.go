package h2

import (
	"errors"
	"fmt"
)

// A Code says why a stream or a connection ended.
// https://www.rfc-editor.org/rfc/rfc9113#section-7
type Code uint32

const (
	NoError            Code = 0x0
	ProtocolError      Code = 0x1
	InternalError      Code = 0x2
	FlowControlError   Code = 0x3
	SettingsTimeout    Code = 0x4
	StreamClosed       Code = 0x5
	FrameSizeError     Code = 0x6
	RefusedStream      Code = 0x7
	Cancel             Code = 0x8
	CompressionError   Code = 0x9
	ConnectError       Code = 0xa
	EnhanceYourCalm    Code = 0xb
	InadequateSecurity Code = 0xc
	HTTP11Required     Code = 0xd
)

var codeNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
	"STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
	"CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return fmt.Sprintf("code %#x", uint32(c))
}

// An Error is why a connection ended. Immutable after first use.
type Error struct {
	Code   Code
	Reason string // in our words; of the peer's GOAWAY, its debug data
	Remote bool   // the peer says so
	// Abort says that the transport must be aborted, not closed: the peer does
	// not read, so there is no use in waiting until it has.
	Abort bool
}

func (e *Error) Error() string {
	who := "h2: "
	if e.Remote {
		who = "h2: the peer ended the connection: "
	}
	if e.Reason == "" {
		return who + e.Code.String()
	}
	return fmt.Sprintf("%s%s: %s", who, e.Code, e.Reason)
}

func fault(code Code, reason string) *Error { return &Error{Code: code, Reason: reason} }

// A Cause is why a stream ended before both sides had said all.
type Cause struct {
	Code   Code
	Reason string // in our words; "": Code says it
	Remote bool   // the peer reset it; false: we did, or the connection is gone
	// Unprocessed says that the peer promises to have done nothing of the
	// request: it may be sent again elsewhere.
	Unprocessed bool
}

func (c Cause) Error() string {
	who := "h2: stream ended"
	if c.Remote {
		who = "h2: stream reset by the peer"
	}
	if c.Reason == "" {
		return fmt.Sprintf("%s: %s", who, c.Code)
	}
	return fmt.Sprintf("%s: %s: %s", who, c.Code, c.Reason)
}

var (
	// ErrEnded says that the stream, or the connection, has ended already.
	ErrEnded = errors.New("h2: the stream has ended")
	// ErrOverflow says that more waits to be sent than Config allows.
	ErrOverflow = errors.New("h2: peer reads too slowly")
	// ErrFull says that the peer allows no more streams until one ends.
	ErrFull = errors.New("h2: as many streams as the peer allows")
	// ErrNoConnect says that the peer has not offered extended CONNECT.
	ErrNoConnect = errors.New("h2: the peer does not offer extended CONNECT")
)

// streamFault ends one stream and leaves the connection as it is.
type streamFault struct {
	stream uint32
	code   Code
	reason string
}

func (e *streamFault) Error() string {
	return fmt.Sprintf("h2: stream %d: %s: %s", e.stream, e.code, e.reason)
}
