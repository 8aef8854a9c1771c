//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package poll

import (
	"errors"
	"os"
)

// Duplicate makes a duplicate of f's descriptor where the system has such.
func Duplicate(f *os.File) (FD, error) {
	return -1, &os.PathError{Op: "dup", Path: f.Name(), Err: errors.ErrUnsupported}
}

// CloseFD closes a descriptor that nobody adopted.
func CloseFD(FD) error { return errors.ErrUnsupported }
