//go:build !linux

package reactor

import (
	"errors"
	"fmt"
	"io"

	"github.com/twistor-go/twistor"
)

// notices are the directories that a loop watches: none.
type notices struct{}

// notify is not to be had here: who follows files looks from time to time.
func (l *loop) notify(dir string, f func(name string, op twistor.FileOp)) (io.Closer, error) {
	return nil, fmt.Errorf("reactor: watching %s: %w", dir, errors.ErrUnsupported)
}
