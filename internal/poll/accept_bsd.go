//go:build darwin || netbsd || openbsd

package poll

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// acceptSocket: here a connection cannot be made close-on-exec from the start
// (or package unix lacks the call). ForkLock keeps package os from starting a
// child in between.
func acceptSocket(fd int) (int, unix.Sockaddr, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	conn, from, err := unix.Accept(fd)
	if err != nil {
		return -1, nil, err
	}
	if err := tame(conn); err != nil {
		closeFD(conn)
		return -1, nil, err
	}
	return conn, from, nil
}

// tame makes fd close-on-exec and non-blocking.
func tame(fd int) error {
	unix.CloseOnExec(fd)
	return unix.SetNonblock(fd, true)
}
