//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// control sets what package net does not, before a socket is bound.
func control(s Spec, n network) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) (err error) {
		failure := c.Control(func(fd uintptr) {
			if s.ReusePort {
				err = setInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			}
			if n.packet && s.Multicast && err == nil {
				err = setInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
			}
		})
		if failure != nil {
			return failure
		}
		return err
	}
}

// adoptForeign makes package net's socket of a descriptor, which it then owns.
func adoptForeign(fd FD, word string) (*pumped, error) {
	it, err := identify(int(fd), word)
	if err != nil {
		return nil, fmt.Errorf("poll: adopt: %w", err)
	}
	if word == "file" || it.sort == sortSink || it.sort == sortExit {
		return adoptPipe(fd, it)
	}
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, wrap("fcntl", err)
	}
	file := os.NewFile(uintptr(copied), "socket")
	defer file.Close() // package net makes a copy too
	made := &pumped{sort: it.sort, word: word}
	switch it.sort {
	case sortPort:
		made.listener, err = net.FileListener(file)
		if l, ok := made.listener.(*net.UnixListener); ok {
			l.SetUnlinkOnClose(false)
		}
	case sortPacket:
		var conn net.PacketConn
		if conn, err = net.FilePacketConn(file); err == nil {
			made.conn = conn.(net.Conn)
		}
	default:
		made.conn, err = net.FileConn(file)
	}
	if err != nil {
		return nil, portableError("adopt", err)
	}
	closeFD(int(fd))
	return made, nil
}

func dropForeign(fd FD) { closeFD(int(fd)) }

func setMemberOf(fd uintptr, group netip.Addr, index uint32, in bool) error {
	return setMember(int(fd), group, index, in)
}

func setMulticastOf(fd uintptr, m Multicast, index uint32) error {
	return setMulticast(int(fd), m, index)
}

// canonical: the system's errors are those that everybody tests for.
func canonical(errno syscall.Errno) syscall.Errno { return errno }
