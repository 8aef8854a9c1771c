package poll

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// cmsgCloexec: macOS cannot make descriptors that come by a message
// close-on-exec at once. ReadRights does it a moment later.
const cmsgCloexec = 0

// newSocket makes a socket that does not block and is closed on exec.
func newSocket(family, kind int) (int, error) {
	syscall.ForkLock.RLock() // as in acceptSocket
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(family, kind, 0)
	if err != nil {
		return -1, wrap("socket", err)
	}
	if err := tame(fd); err != nil {
		closeFD(fd)
		return -1, wrap("fcntl", err)
	}
	return fd, nil
}

func wakePipe() (reading, writing int, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		return -1, -1, err
	}
	for _, fd := range p {
		if err == nil {
			err = tame(fd)
		}
	}
	if err != nil {
		closeFD(p[0])
		closeFD(p[1])
	}
	return p[0], p[1], err
}
