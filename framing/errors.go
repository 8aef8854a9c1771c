package framing

import (
	"errors"
	"fmt"
	"strings"
)

// ErrLineBreak says that a line to be written holds what ends a line.
var ErrLineBreak = errors.New("framing: line holds a line break")

// checkLine says whether the peer would see line as one line.
func checkLine(line, delimiter string) error {
	if delimiter == "" || delimiter == CRLF {
		if strings.ContainsAny(line, CRLF) {
			return ErrLineBreak
		}
		return nil
	}
	if strings.Contains(line, delimiter) {
		return ErrLineBreak
	}
	for n := 1; n < len(delimiter); n++ {
		// The delimiter might begin in line and end in itself.
		if strings.HasSuffix(line, delimiter[:n]) && strings.HasPrefix(delimiter, delimiter[n:]) {
			return ErrLineBreak
		}
	}
	return nil
}

// A TooLongError says that the peer sent, or began to send, a message beyond
// the limit. Immutable after first use.
type TooLongError struct {
	What string // "line" or "message"
	Max  int    // bytes that would have been allowed
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("framing: %s of more than %d bytes", e.What, e.Max)
}

// A ProtocolError says that the peer broke the rules of a framing. Immutable
// after first use.
type ProtocolError struct {
	Want  string // what was wanted
	Input string // what came instead: its beginning, or a word for it
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("framing: want %s, got %q", e.Want, e.Input)
}

// A Rejecter is a LineProtocol or MessageProtocol that wants the last word
// when the peer's input is refused.
type Rejecter interface {
	// InputRejected says why: a *TooLongError or a *ProtocolError. It may
	// write an answer; when it returns the connection is closed, unless it
	// has called LineTransport.Skip. Without it the connection is just closed.
	InputRejected(err error)
}

// A rejection is what Disconnected says after input was refused: why, and how
// the connection ended.
type rejection struct{ why, how error }

func (e *rejection) Error() string   { return e.why.Error() }
func (e *rejection) Unwrap() []error { return []error{e.why, e.how} }
