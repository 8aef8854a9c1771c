package cred

import (
	"errors"
	"fmt"

	"github.com/twistor-go/twistor/deferred"
)

// Why a login fails. Test with errors.Is. None of their texts, nor those of
// errors that wrap them, has a password in it, or says whether a user exists.
var (
	// ErrUnauthorized: there is no such user, or the proof was wrong. Nobody but
	// the checker knows which.
	ErrUnauthorized = errors.New("cred: user or proof is wrong")
	// ErrUnhandled: no Checker takes credentials of this kind.
	ErrUnhandled = errors.New("cred: no checker for such credentials")
	// ErrDenied: it is who it claims to be, and may not enter.
	ErrDenied = errors.New("cred: access denied")
	// ErrUnavailable: it cannot be said now. A file cannot be read, too many
	// hash at this moment, or tried before. It wraps the reason; the peer is
	// told to come back later, and no more.
	ErrUnavailable = errors.New("cred: cannot check now")
	// ErrMalformed: the peer's message is not what its mechanism prescribes.
	ErrMalformed = errors.New("cred: malformed message")
)

// unavailable wraps a reason, unless it is that nobody waits any more.
func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) || errors.Is(err, deferred.ErrCanceled) || errors.Is(err, deferred.ErrStopped) || errors.Is(err, deferred.ErrTimeout) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...))
}
