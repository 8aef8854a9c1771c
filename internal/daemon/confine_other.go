//go:build !linux

package daemon

import (
	"errors"
	"fmt"
	"runtime"
)

// Enforce fails: errors.ErrUnsupported; nothing is confined.
func (c Confinement) Enforce() (Enforced, error) {
	return Enforced{}, fmt.Errorf("daemon: confine on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
