package web

import (
	"errors"
	"fmt"

	"github.com/twistor-go/twistor/framing/http1"
)

// An Error is a failure that has a status: a Handler whose Signal fails with
// one answers it. Its words are for the log; the peer sees the status and, if
// it is set, Public.
type Error struct {
	Status int    // 400 to 599
	Public string // for the page, beside the status; "": nothing
	Err    error  // nil: none
}

func (e *Error) Error() string {
	s := fmt.Sprintf("web: %d %s", e.Status, http1.StatusText(e.Status))
	if e.Public != "" {
		s += ": " + e.Public
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap is Err.
func (e *Error) Unwrap() error { return e.Err }

var (
	// ErrTooLarge: a body is longer than its limit. It is an *Error of 413.
	ErrTooLarge error = &Error{Status: 413, Public: "the body is too large"}
	// ErrEnded: the answer is complete, or its client has left.
	ErrEnded = errors.New("web: the answer has ended")
	// ErrLength: more, or less, was written than Content-Length said.
	ErrLength = errors.New("web: body differs from its Content-Length")
	// ErrBodyTaken: somebody reads the body already.
	ErrBodyTaken = errors.New("web: the body is taken")
)
