//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package poll

import (
	"errors"
	"fmt"
	"os"
)

// Lock takes the exclusive lock of f where the system has such.
func Lock(f *os.File) error {
	return fmt.Errorf("poll: lock %s: %w", f.Name(), errors.ErrUnsupported)
}
