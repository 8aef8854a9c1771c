//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package daemon

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Pair makes two ends of a UNIX stream socket, for two processes to talk, and
// to hand descriptors over. Neither is inherited unless it is asked for. The
// caller owns both.
func Pair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock() // no child is started before they are close-on-exec
	defer syscall.ForkLock.RUnlock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	return os.NewFile(uintptr(fds[0]), "upgrade"), os.NewFile(uintptr(fds[1]), "upgrade"), nil
}
