//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

func (d *descriptors) Listen(s Spec) (Handle, error) {
	n, err := parseNetwork(s.Network)
	if err != nil {
		return 0, err
	}
	if err := n.checkAddr(s.Addr, n.path); err != nil {
		return 0, err
	}
	if d.shut {
		return 0, ErrClosed
	}
	it := descriptor{fd: -1, sort: sortPort, want: In, tcp: !n.packet && !n.path}
	if n.packet {
		it.sort = sortPacket
	}
	if n.path {
		err = it.listenPath(s)
	} else {
		err = it.listenIP(n, s)
	}
	if err != nil {
		return 0, err
	}
	h, err := d.add(it)
	if err != nil {
		if it.bound != nil {
			it.bound.remove()
		}
		closeFD(int(it.fd))
	}
	return h, err
}

// listenIP binds an IP socket, and makes a stream's listen.
func (it *descriptor) listenIP(n network, s Spec) error {
	at := unmap(s.Addr.AddrPort)
	family, both := unix.AF_INET6, false
	switch {
	case n.version == 4 || at.Addr().Is4() && !at.Addr().IsUnspecified():
		family = unix.AF_INET
	case n.version == 0 && (!at.Addr().IsValid() || at.Addr().IsUnspecified()):
		both = true // no host, or any: IPv4 and IPv6, as package net has it
	}
	err := it.bindIP(family, both, at.Port(), at.Addr(), s)
	if both && err != nil && noIPv6(err) {
		err = it.bindIP(unix.AF_INET, false, at.Port(), netip.Addr{}, s)
	}
	return err
}

// noIPv6 says whether err is that of a system without IPv6, or without sockets
// for both IPs.
func noIPv6(err error) bool {
	e, _ := err.(*os.SyscallError)
	if e == nil {
		return false
	}
	// OpenBSD has IPv6 but keeps the two apart: IPV6_V6ONLY cannot be taken off.
	if e.Syscall == "setsockopt" {
		return e.Err == unix.EINVAL || e.Err == unix.ENOPROTOOPT
	}
	return e.Err == unix.EAFNOSUPPORT || e.Err == unix.EADDRNOTAVAIL || e.Err == unix.EPROTONOSUPPORT
}

func (it *descriptor) bindIP(family int, both bool, port uint16, ip netip.Addr, s Spec) error {
	fd, err := newSocket(family, it.kind())
	if err != nil {
		return err
	}
	if both {
		ip = netip.IPv6Unspecified()
	}
	to, err := sockaddrIP(netip.AddrPortFrom(ip, port), family)
	if err == nil {
		err = it.prepareIP(fd, family, both, s)
	}
	if err == nil {
		err = wrap("bind", unix.Bind(fd, to))
	}
	if err == nil && it.sort == sortPort {
		err = listen(fd, s.Backlog)
	}
	if err != nil {
		closeFD(fd)
		return err
	}
	it.fd, it.family = int32(fd), uint8(family)
	return nil
}

// prepareIP sets what has to be set before bind.
func (it *descriptor) prepareIP(fd, family int, both bool, s Spec) error {
	if family == unix.AF_INET6 {
		only := 1
		if both {
			only = 0
		}
		if err := setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return err
		}
	}
	if s.ReusePort {
		if err := setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return err
		}
	}
	if it.sort == sortPacket {
		return preparePackets(fd, family, s)
	}
	// A port can be opened again while connections of its last owner linger.
	if err := setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	return prepareAccepted(fd)
}

// listen makes fd a listening socket; backlog 0 is the system's maximum.
func listen(fd, backlog int) error {
	if backlog <= 0 {
		backlog = maxBacklog()
	}
	return wrap("listen", unix.Listen(fd, backlog))
}

func setInt(fd, level, option, value int) error {
	return wrap("setsockopt", unix.SetsockoptInt(fd, level, option, value))
}
