//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package poll

import (
	"errors"
	"os"
	"syscall"
)

// A Process is a child process: there are none here.
type Process struct{}

// StartProcess starts nothing.
func StartProcess(ProcessSpec) (*Process, error) { return nil, errors.ErrUnsupported }

// PID is none.
func (*Process) PID() int { return 0 }

// Exit is none.
func (*Process) Exit() Socket { return nil }

// Exited is never so.
func (*Process) Exited() bool { return false }

// Wait has nobody to wait for.
func (*Process) Wait() (*os.ProcessState, error) { return nil, errors.ErrUnsupported }

// Signal reaches nobody.
func (*Process) Signal(os.Signal) error { return errors.ErrUnsupported }

// SignalGroup reaches nobody.
func (*Process) SignalGroup(syscall.Signal) error { return errors.ErrUnsupported }

// Pipe makes none.
func Pipe() (reading, writing FD, err error) { return -1, -1, errors.ErrUnsupported }

// FileOf makes none.
func FileOf(FD, string) *os.File { return nil }
