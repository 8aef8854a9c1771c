//go:build !linux

package poll

import (
	"errors"
	"os"
)

// Terminal makes none: each of the other systems has its own way to.
func Terminal() (reading, writing FD, file *os.File, err error) {
	return -1, -1, nil, errors.ErrUnsupported
}
