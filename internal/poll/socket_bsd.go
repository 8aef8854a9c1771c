//go:build dragonfly || freebsd || netbsd || openbsd

package poll

import "golang.org/x/sys/unix"

// cmsgCloexec makes descriptors that come by a message close-on-exec at once.
const cmsgCloexec = unix.MSG_CMSG_CLOEXEC

// newSocket makes a socket that does not block and is closed on exec.
func newSocket(family, kind int) (int, error) {
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, wrap("socket", err)
	}
	return fd, nil
}

func wakePipe() (reading, writing int, err error) {
	var p [2]int
	err = unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC)
	return p[0], p[1], err
}
