package poll

import (
	"math"
	"syscall"

	"golang.org/x/sys/unix"
)

// shield marks close-on-exec all that is open but the standard three: Go does
// so with what it opens, but not with what this process was started with. A
// system before Linux 5.11 does not know the call.
func shield() { unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) }

// wantExit asks for a pidfd; the result gives it when the child runs, or -1.
func wantExit(sys *syscall.SysProcAttr) func() FD {
	fd := -1
	sys.PidFD = &fd
	return func() FD { return FD(fd) }
}
