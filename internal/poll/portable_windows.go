package poll

import (
	"errors"
	"net/netip"
	"syscall"

	"golang.org/x/sys/windows"
)

// Open makes the system's best Poller.
func Open() (Poller, error) { return OpenPortable() }

// control sets what package net does not, before a socket is bound.
func control(s Spec, n network) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) (err error) {
		if s.ReusePort {
			return errors.ErrUnsupported
		}
		if !n.packet || !s.Multicast {
			return nil
		}
		failure := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(syscall.Handle(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
		})
		if failure != nil {
			return failure
		}
		return err
	}
}

// adoptForeign: package net cannot take over sockets here.
func adoptForeign(FD, string) (*pumped, error) { return nil, errors.ErrUnsupported }

func dropForeign(fd FD) { syscall.Closesocket(syscall.Handle(fd)) }

func setMemberOf(fd uintptr, group netip.Addr, index uint32, in bool) error {
	if group.Is4() {
		option := syscall.IP_DROP_MEMBERSHIP
		if in {
			option = syscall.IP_ADD_MEMBERSHIP
		}
		// An interface's address whose first byte is zero is its number.
		return syscall.SetsockoptIPMreq(syscall.Handle(fd), syscall.IPPROTO_IP, option,
			&syscall.IPMreq{Multiaddr: group.As4(), Interface: byNumber(index)})
	}
	option := syscall.IPV6_LEAVE_GROUP
	if in {
		option = syscall.IPV6_JOIN_GROUP
	}
	return syscall.SetsockoptIPv6Mreq(syscall.Handle(fd), syscall.IPPROTO_IPV6, option,
		&syscall.IPv6Mreq{Multiaddr: group.As16(), Interface: index})
}

func byNumber(index uint32) [4]byte {
	return [4]byte{0, byte(index >> 16), byte(index >> 8), byte(index)}
}

func setMulticastOf(fd uintptr, m Multicast, index uint32) error {
	loop := 0
	if m.Loopback {
		loop = 1
	}
	s, ttl := syscall.Handle(fd), max(m.TTL, 1)
	// The socket is of one IP or both: what belongs to the other is refused.
	err6 := errors.Join(
		syscall.SetsockoptInt(s, syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_HOPS, ttl),
		syscall.SetsockoptInt(s, syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_IF, int(index)),
		syscall.SetsockoptInt(s, syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_LOOP, loop))
	err4 := errors.Join(
		syscall.SetsockoptInt(s, syscall.IPPROTO_IP, syscall.IP_MULTICAST_TTL, ttl),
		syscall.SetsockoptInet4Addr(s, syscall.IPPROTO_IP, syscall.IP_MULTICAST_IF, byNumber(index)),
		syscall.SetsockoptInt(s, syscall.IPPROTO_IP, syscall.IP_MULTICAST_LOOP, loop))
	if err4 != nil && err6 != nil {
		return err4
	}
	return nil
}

// canonical turns Windows' own numbers into those that everybody tests for.
func canonical(errno syscall.Errno) syscall.Errno {
	switch errno {
	case windows.WSAECONNREFUSED:
		return syscall.ECONNREFUSED
	case windows.WSAECONNRESET:
		return syscall.ECONNRESET
	case windows.WSAECONNABORTED:
		return syscall.ECONNABORTED
	case windows.WSAETIMEDOUT:
		return syscall.ETIMEDOUT
	case windows.WSAEADDRINUSE, windows.WSAEACCES:
		return syscall.EADDRINUSE
	case windows.WSAEADDRNOTAVAIL:
		return syscall.EADDRNOTAVAIL
	case windows.WSAENETUNREACH:
		return syscall.ENETUNREACH
	case windows.WSAEHOSTUNREACH:
		return syscall.EHOSTUNREACH
	case windows.WSAEMSGSIZE:
		return syscall.EMSGSIZE
	case windows.WSAEMFILE:
		return syscall.EMFILE
	case windows.WSAENOBUFS:
		return syscall.ENOBUFS
	case windows.WSAENOTCONN:
		return syscall.ENOTCONN
	}
	return errno
}
