//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// unsupported says what this system cannot do.
func unsupported(what string) error {
	return fmt.Errorf("daemon: %s on %s: %w", what, runtime.GOOS, errors.ErrUnsupported)
}

// A PIDFile needs a UNIX system; here nothing makes one.
type PIDFile struct{ Stale int }

// CreatePIDFile fails: errors.ErrUnsupported.
func CreatePIDFile(name string, mode fs.FileMode) (*PIDFile, error) {
	return nil, unsupported("pid file " + name)
}

// InheritPIDFile fails: errors.ErrUnsupported.
func InheritPIDFile(name string, f *os.File) (*PIDFile, error) {
	f.Close()
	return nil, unsupported("pid file " + name)
}

// ReadPIDFile fails: errors.ErrUnsupported.
func ReadPIDFile(name string) (pid int, running bool, err error) {
	return 0, false, unsupported("pid file " + name)
}

func (p *PIDFile) Write(pid int) error { return unsupported("pid file") }
func (p *PIDFile) File() *os.File      { return nil }
func (p *PIDFile) Remove() error       { return unsupported("pid file") }
func (p *PIDFile) Close() error        { return unsupported("pid file") }

// Daemonize fails: errors.ErrUnsupported.
func Daemonize(ctx context.Context, s Start) (status int, message string, err error) {
	return 0, "", unsupported("daemonize")
}

// A Status is a daemon's line to the process that started it: here there are none.
type Status struct{}

// Child returns false: nobody can have started a daemon.
func Child() (*Status, bool) { return nil, false }

func (s *Status) Ready() error                    { return unsupported("daemonize") }
func (s *Status) Fail(status int, message string) {}
