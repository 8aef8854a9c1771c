//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

func (d *descriptors) Adopt(sock Socket, s Spec) (Handle, error) {
	switch sock := sock.(type) {
	case arrival:
		return d.add(descriptor{fd: sock.fd, family: sock.family, tcp: sock.tcp, sort: sortStream, want: In})
	case FD:
		it, err := identify(int(sock), s.Network)
		if err != nil {
			return 0, fmt.Errorf("poll: adopt: %w", err)
		}
		if err := it.prepareAdopted(); err != nil {
			return 0, err
		}
		if it.family == unix.AF_UNIX && it.sort != sortStream && s.Addr.Path != "" {
			it.own(s.Addr.Path)
		}
		return d.add(it)
	}
	return 0, fmt.Errorf("poll: adopt: a %T: want an FD or what Accept gave: %w", sock, unix.EINVAL)
}

// identify asks the system what fd is, and checks that it is of the network
// named, if one is. What is no socket is believed.
func identify(fd int, word string) (descriptor, error) {
	it := descriptor{fd: int32(fd), want: In}
	switch word {
	case "file":
		it.sort = sortStream
		return it, nil
	case "sink":
		it.sort, it.want = sortSink, 0
		return it, nil
	case "process":
		it.sort = sortExit
		return it, nil
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return it, fmt.Errorf("descriptor %d: want a socket: %w", fd, wrap("getsockopt", err))
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		return it, fmt.Errorf("descriptor %d: %w", fd, wrap("getsockname", err))
	}
	switch own.(type) {
	case *unix.SockaddrInet4:
		it.family = unix.AF_INET
	case *unix.SockaddrInet6:
		it.family = unix.AF_INET6
	case *unix.SockaddrUnix:
		it.family = unix.AF_UNIX
	default:
		return it, fmt.Errorf("descriptor %d: want a socket of IPv4, IPv6 or UNIX: %w", fd, unix.EAFNOSUPPORT)
	}
	switch kind {
	case unix.SOCK_STREAM:
		it.tcp = it.family != unix.AF_UNIX
		it.sort = sortStream
		if on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err == nil && on != 0 {
			it.sort = sortPort
		} else if _, err := unix.Getpeername(fd); err != nil {
			return it, fmt.Errorf("descriptor %d: want a stream that listens or is connected: %w", fd, wrap("getpeername", err))
		}
	case unix.SOCK_DGRAM:
		it.sort = sortPacket
	default:
		return it, fmt.Errorf("descriptor %d: want a stream or datagram socket, not type %d: %w", fd, kind, unix.ESOCKTNOSUPPORT)
	}
	return it, it.matches(word)
}

// matches says whether it is a socket of the network word; "" matches all.
func (it *descriptor) matches(word string) error {
	if word == "" {
		return nil
	}
	n, err := parseNetwork(word)
	if err != nil {
		return err
	}
	is := "tcp"
	switch packet := it.sort == sortPacket; {
	case it.family == unix.AF_UNIX && packet:
		is = "unixgram"
	case it.family == unix.AF_UNIX:
		is = "unix"
	case packet:
		is = "udp"
	}
	version := 6
	if it.family == unix.AF_INET {
		version = 4
	}
	if n.packet != (it.sort == sortPacket) || n.path != (it.family == unix.AF_UNIX) || n.version != 0 && n.version != version {
		return fmt.Errorf("descriptor %d is a %s %s of %s: %w", it.fd, is, it.sort, familyName(it.family), unix.EPROTOTYPE)
	}
	return nil
}

func familyName(family uint8) string {
	switch family {
	case unix.AF_INET:
		return "IPv4"
	case unix.AF_INET6:
		return "IPv6"
	}
	return "UNIX"
}

// prepareAdopted gives a foreign socket what our own ones have from birth.
func (it *descriptor) prepareAdopted() error {
	fd := int(it.fd)
	unix.CloseOnExec(fd)
	if it.sort == sortExit {
		return nil // waiting for the child, which shares the flag, must block
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return wrap("fcntl", err)
	}
	switch {
	case it.tcp && it.sort == sortPort:
		return unlessUnknown(prepareAccepted(fd))
	case it.tcp:
		return unlessUnknown(prepareDialed(fd))
	case it.sort == sortPacket && it.family != unix.AF_UNIX:
		return wantVia(fd, int(it.family))
	}
	return nil
}

// unlessUnknown forgives an inherited socket that lacks an option: a multipath
// TCP one has no user timeout, and package net's listeners are such by default.
func unlessUnknown(err error) error {
	if errors.Is(err, unix.ENOPROTOOPT) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}
