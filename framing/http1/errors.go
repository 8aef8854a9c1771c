package http1

import (
	"fmt"
	"strconv"
)

// An Error is a message that breaks the grammar or a limit. Nothing after it on
// the stream means anything: answer, and close. Immutable after first use.
type Error struct {
	// Status is what a server answers: 400, 414, 417, 431, 501 or 505; 502 is
	// what a gateway answers for a response that it cannot read.
	Status int
	// Reason names the thing and says what was wanted. It never holds bytes of
	// the peer's, so it may be logged and shown.
	Reason string
}

func (e *Error) Error() string { return "http1: " + e.Reason }

// bad is a message that breaks the grammar.
func bad(reason string) *Error { return &Error{400, reason} }

// tooLarge is a part of a message beyond a limit.
func tooLarge(status int, what string, limit int) *Error {
	return &Error{status, fmt.Sprintf("%s too large: want %d bytes at most", what, limit)}
}

// A FieldError is a header field that cannot be sent. Immutable after first use.
type FieldError struct {
	Name string // of the field, as given
	Want string // what was wanted instead
}

func (e *FieldError) Error() string {
	name := e.Name
	if len(name) > 64 {
		name = name[:64] + "..."
	}
	return "http1: field " + strconv.Quote(name) + ": want " + e.Want
}
