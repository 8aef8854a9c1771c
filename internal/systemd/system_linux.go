package systemd

import (
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// monotonic is the clock that the manager compares by.
func monotonic() (time.Duration, bool) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0, false
	}
	return time.Duration(now.Nano()), true
}

// closeOnExec keeps n descriptors from children.
func closeOnExec(from, n int) {
	for fd := from; fd < from+n; fd++ {
		unix.CloseOnExec(fd)
	}
}

// writeWith writes a message with a descriptor. UnixConn.WriteMsgUnix wants an
// address, which a connected socket must not have.
func writeWith(to *net.UnixConn, state string, with *os.File) error {
	raw, err := to.SyscallConn()
	if err != nil {
		return err
	}
	rights := unix.UnixRights(int(with.Fd()))
	var failed error
	if err := raw.Write(func(fd uintptr) bool {
		failed = unix.Sendmsg(int(fd), []byte(state), rights, nil, unix.MSG_NOSIGNAL)
		return failed != unix.EAGAIN && failed != unix.EINTR
	}); err != nil {
		return err
	}
	return os.NewSyscallError("sendmsg", failed)
}
