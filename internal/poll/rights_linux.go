package poll

import "golang.org/x/sys/unix"

// receiveRights is recvmsg whose descriptors are close-on-exec from the start.
func receiveRights(fd int, p, control []byte) (n, controlled, flags int, err error) {
	n, controlled, flags, _, err = unix.Recvmsg(fd, p, control, unix.MSG_CMSG_CLOEXEC)
	return n, controlled, flags, err
}
