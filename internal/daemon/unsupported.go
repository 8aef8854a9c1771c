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

// Write fails: errors.ErrUnsupported.
func (p *PIDFile) Write(pid int) error { return unsupported("pid file") }

// File is nil.
func (p *PIDFile) File() *os.File { return nil }

// Remove fails: errors.ErrUnsupported.
func (p *PIDFile) Remove() error { return unsupported("pid file") }

// Close fails: errors.ErrUnsupported.
func (p *PIDFile) Close() error { return unsupported("pid file") }

// Daemonize fails: errors.ErrUnsupported.
func Daemonize(ctx context.Context, s Start) (status int, message string, err error) {
	return 0, "", unsupported("daemonize")
}

// A Status is a daemon's line to the process that started it: here there are none.
type Status struct{}

// Child returns false: nobody can have started a daemon.
func Child() (*Status, bool) { return nil, false }

// Ready fails: errors.ErrUnsupported.
func (s *Status) Ready() error { return unsupported("daemonize") }

// Fail does nothing.
func (s *Status) Fail(status int, message string) {}

func chroot(string) error { return errors.ErrUnsupported }
func umask(int) error     { return unsupported("umask") }

type view struct{}

func openView() (view, error) { return view{}, errors.ErrUnsupported }

// Drop fails, unless there is nothing to drop: errors.ErrUnsupported.
func (c *Credentials) Drop() error {
	if c.Name == "" && !c.privileges.Sealed {
		return nil
	}
	return unsupported("drop privileges")
}

// Regain fails: errors.ErrUnsupported.
func (c *Credentials) Regain() error { return unsupported("regain privileges") }
