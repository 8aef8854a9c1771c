package persist

import (
	"errors"
	"fmt"
)

// What is wrong with a file, or with a state. Errors of this package wrap them
// and name the file or the state.
var (
	// ErrNewer: a newer version of the program, or of Twistor, wrote it. The
	// file is left as it is, and nothing is saved over it.
	ErrNewer = errors.New("written by a newer version")
	// ErrCorrupt: the file is not what was written: cut short, changed, empty.
	ErrCorrupt = errors.New("damaged")
	// ErrForeign: the file is of another kind.
	ErrForeign = errors.New("not a file of this kind")
	// ErrTooLarge: more than a limit of this package allows.
	ErrTooLarge = errors.New("too large")
	// ErrUnknownType: a state, or what a file says of it, is of a type that
	// cannot be saved and loaded again.
	ErrUnknownType = errors.New("of a type that cannot be kept")
)

// What Append and Save can fail with, beside what is wrong with a state.
var (
	// ErrUncertain: a change was applied and is not known to be on the disk.
	// After a crash it may be there or not; the next base of the journal has it.
	ErrUncertain = errors.New("persist: not known to be durable")
	// ErrFailing: the disk failed too often in a row. The change was not
	// applied; changes are taken again when a base could be written.
	ErrFailing = errors.New("persist: refused until the disk works again")
	// ErrFull: too much waits to be written. The change was not applied.
	ErrFull = errors.New("persist: too much waits to be written")
	// ErrClosed: the Store or the Journal is closed, or was never opened.
	ErrClosed = errors.New("persist: closed")
)

// wrong says what is wrong with a file.
func wrong(file string, kind error, format string, args ...any) error {
	return fmt.Errorf("persist: %s: %w: %s", file, kind, fmt.Sprintf(format, args...))
}

// damaged reports whether err is of what a file holds, so that an older
// generation may be better; the others are of the disk, or need a person.
func damaged(err error) bool {
	return errors.Is(err, ErrCorrupt) || errors.Is(err, ErrForeign) || errors.Is(err, ErrTooLarge)
}
