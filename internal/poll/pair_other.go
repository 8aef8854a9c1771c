//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package poll

import (
	"errors"
	"os"
)

// Pair makes two connected sockets where the system has such.
func Pair() (FD, *os.File, error) { return -1, nil, errors.ErrUnsupported }

// EndWrite ends our direction of a Pair's file.
func EndWrite(*os.File) error { return errors.ErrUnsupported }
