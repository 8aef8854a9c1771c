//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Pair makes two connected UNIX stream sockets: one for a Poller to Adopt, and
// one for ordinary goroutines to read and write.
func Pair() (FD, *os.File, error) {
	syscall.ForkLock.RLock() // no child is started before they are close-on-exec
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		syscall.ForkLock.RUnlock()
		return -1, nil, wrap("socketpair", err)
	}
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	syscall.ForkLock.RUnlock()
	unix.SetNonblock(fds[1], true) // or os.NewFile would not let its reads be ended
	return FD(fds[0]), os.NewFile(uintptr(fds[1]), "pair"), nil
}

// EndWrite ends our direction of a Pair's file.
func EndWrite(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) { err = unix.Shutdown(int(fd), unix.SHUT_WR) }); e != nil {
		return e
	}
	return wrap("shutdown", err)
}
