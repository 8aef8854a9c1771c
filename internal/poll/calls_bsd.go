//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package poll

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// maxIovecs is how many buffers one system call takes (IOV_MAX).
const maxIovecs = 1024

// room is what the Poller keeps between system calls; package unix has its own
// buffers.
type room struct {
	// An error that came behind packets of one ReadBatch is told by the next.
	lateOf Handle
	late   syscall.Errno
}

func again(call func() (int, error)) (int, syscall.Errno) {
	for {
		n, err := call()
		if err == nil {
			return n, 0
		}
		if errno, ok := err.(syscall.Errno); ok && errno != unix.EINTR {
			return 0, errno
		} else if !ok {
			return 0, unix.EINVAL
		}
	}
}

func readRaw(fd int, p []byte) (int, syscall.Errno) {
	return again(func() (int, error) { return unix.Read(fd, p) })
}

func writeRaw(fd int, p []byte) (int, syscall.Errno) {
	return again(func() (int, error) { return unix.Write(fd, p) })
}

// writev writes of p what fits one call. It is sendmsg, since not all of these
// systems let a program call writev directly.
func (*room) writev(fd int, p [][]byte) (int, syscall.Errno) {
	p = p[:min(len(p), maxIovecs)]
	return again(func() (int, error) { return unix.SendmsgBuffers(fd, p, nil, nil, 0) })
}

func (d *descriptors) accept(fd int) (int, Addr, error) {
	for {
		conn, from, err := acceptSocket(fd)
		if err == nil {
			return conn, d.zones.addrOf(from), nil
		}
		if err != unix.EINTR {
			return -1, Addr{}, wrap("accept", err)
		}
	}
}
