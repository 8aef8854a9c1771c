//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

func (d *descriptors) Read(h Handle, p []byte) (int, error) {
	it := d.table.get(h)
	if it == nil {
		return 0, ErrClosed
	}
	if len(p) == 0 {
		return 0, nil // not the end
	}
	if it.sort == sortSink {
		return 0, io.EOF // of a terminal it would be somebody else's input
	}
	n, errno := readRaw(int(it.fd), p)
	switch {
	case n > 0:
		return n, nil
	case errno == unix.EAGAIN:
		return 0, ErrAgain
	case errno != 0:
		return 0, failed("read", errno)
	}
	return 0, io.EOF
}

func (d *descriptors) Write(h Handle, p []byte) (int, error) {
	it := d.table.get(h)
	if it == nil {
		return 0, ErrClosed
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, errno := writeRaw(int(it.fd), p)
	if errno != 0 {
		return 0, failed("write", errno)
	}
	return n, nil
}

func (d *descriptors) Writev(h Handle, p [][]byte) (int, error) {
	it := d.table.get(h)
	if it == nil {
		return 0, ErrClosed
	}
	n, errno := d.room.writev(int(it.fd), p)
	if errno != 0 {
		return 0, failed("writev", errno)
	}
	return n, nil
}

func (d *descriptors) CloseWrite(h Handle) error {
	it := d.table.get(h)
	if it == nil {
		return ErrClosed
	}
	if it.sort == sortSink {
		return nil // its end is its Close
	}
	return wrap("shutdown", unix.Shutdown(int(it.fd), unix.SHUT_WR))
}

func (d *descriptors) SetNoDelay(h Handle, on bool) error {
	fd, err := d.tcpOf(h, "SetNoDelay")
	if err != nil {
		return err
	}
	return setNoDelay(fd, on)
}

func (d *descriptors) SetKeepAlive(h Handle, c net.KeepAliveConfig) error {
	fd, err := d.tcpOf(h, "SetKeepAlive")
	if err != nil {
		return err
	}
	return setKeepAlive(fd, c)
}

// tcpOf is the descriptor of a TCP connection or port.
func (d *descriptors) tcpOf(h Handle, call string) (int, error) {
	it := d.table.get(h)
	if it == nil {
		return -1, ErrClosed
	}
	if !it.tcp {
		return -1, &os.SyscallError{Syscall: call, Err: unix.ENOPROTOOPT}
	}
	return int(it.fd), nil
}

// closeSocket closes fd; with reset a TCP peer gets an RST.
func closeSocket(fd int, reset bool) error {
	if reset {
		// What a lingering close of no time does: drop all and say so.
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	return closeFD(fd)
}

// closeFD closes fd. It is not tried again after EINTR: by then the number may
// be somebody else's.
func closeFD(fd int) error {
	if err := unix.Close(fd); err != nil && err != unix.EINTR {
		return wrap("close", err)
	}
	return nil
}
