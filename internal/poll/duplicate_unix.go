//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"os"

	"golang.org/x/sys/unix"
)

// Duplicate makes a close-on-exec duplicate of f's descriptor, for Adopt or
// WriteRights. f stays the caller's.
func Duplicate(f *os.File) (FD, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd, failure := -1, error(nil)
	err = raw.Control(func(from uintptr) {
		fd, failure = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err == nil && failure != nil {
		err = wrap("fcntl", failure)
	}
	if err != nil {
		return -1, err
	}
	return FD(fd), nil
}

// CloseFD closes a descriptor that nobody adopted.
func CloseFD(fd FD) error { return closeFD(int(fd)) }
