//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// adoptPipe has the pumps serve a pipe or terminal, which package os can read
// and write as package net does with sockets.
func adoptPipe(fd FD, it descriptor) (*pumped, error) {
	if it.sort == sortExit {
		return nil, errors.ErrUnsupported // there is nothing to read
	}
	if err := unix.SetNonblock(int(fd), true); err != nil { // else a read could not be ended
		return nil, wrap("fcntl", err)
	}
	made := &pumped{sort: sortStream, word: "file"}
	pipe := pipeConn{os.NewFile(uintptr(fd), "pipe")}
	if made.conn = pipe; it.sort == sortSink {
		made.conn = sinkConn{pipe}
	}
	return made, nil
}

// A pipeConn is a pipe as a net.Conn.
type pipeConn struct{ *os.File }

func (pipeConn) LocalAddr() net.Addr  { return &net.UnixAddr{Net: "unix"} }
func (pipeConn) RemoteAddr() net.Addr { return &net.UnixAddr{Net: "unix"} }

// CloseWrite does nothing: a pipe's end is its Close.
func (pipeConn) CloseWrite() error { return nil }

// A sinkConn is a pipe that is only written to. Its Read waits until nobody
// reads it any more.
type sinkConn struct{ pipeConn }

func (c sinkConn) Read([]byte) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	err = raw.Read(func(fd uintptr) bool {
		look := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(look, 0)
		return n > 0 || err != nil && err != unix.EINTR
	})
	if err == nil {
		err = &os.SyscallError{Syscall: "poll", Err: unix.EPIPE}
	}
	return 0, err
}
