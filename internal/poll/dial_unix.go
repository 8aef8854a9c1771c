//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

func (d *descriptors) Dial(s Spec) (Handle, error) {
	n, err := s.dialed()
	if err != nil {
		return 0, err
	}
	if d.shut {
		return 0, ErrClosed
	}
	it := descriptor{fd: -1, sort: sortStream, want: Out, dialing: true, tcp: !n.packet && !n.path}
	if n.packet {
		it.sort = sortPacket
	}
	if n.path {
		err = it.dialPath(s)
	} else {
		err = it.dialIP(s)
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

func (it *descriptor) dialIP(s Spec) error {
	to := unmap(s.Addr.AddrPort)
	family := unix.AF_INET6
	if to.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := newSocket(family, it.kind())
	if err != nil {
		return err
	}
	it.fd, it.family = int32(fd), uint8(family)
	if it.sort == sortPacket {
		err = preparePackets(fd, family, s)
	} else {
		err = prepareDialed(fd)
	}
	if err == nil {
		err = bindLocal(fd, family, unmap(s.Local.AddrPort))
	}
	if err == nil {
		err = connectIP(fd, family, to)
	}
	if err != nil {
		closeFD(fd)
	}
	return err
}

// bindLocal chooses where a dial comes from; zero: the system does.
func bindLocal(fd, family int, from netip.AddrPort) error {
	if !from.IsValid() && from.Port() == 0 {
		return nil
	}
	if from.Port() == 0 {
		laterPort(fd)
	}
	at, err := sockaddrIP(from, family)
	if err != nil {
		return err
	}
	return wrap("bind", unix.Bind(fd, at))
}

func connectIP(fd, family int, to netip.AddrPort) error {
	at, err := sockaddrIP(to, family)
	if err != nil {
		return err
	}
	switch err := unix.Connect(fd, at); err {
	case nil, unix.EINPROGRESS, unix.EALREADY, unix.EISCONN, unix.EINTR:
		return nil // interrupted ones go on as well
	default:
		return refused("connect", err)
	}
}

func (d *descriptors) Connected(h Handle) error {
	it := d.table.get(h)
	if it == nil {
		return ErrClosed
	}
	if !it.dialing {
		return nil
	}
	fd := int(it.fd)
	if errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil {
		return wrap("getsockopt", err)
	} else if errno != 0 {
		return refused("connect", unix.Errno(errno))
	}
	if it.tcp {
		peer, err := unix.Getpeername(fd)
		if err == unix.ENOTCONN {
			return ErrAgain
		}
		if own, err2 := unix.Getsockname(fd); err == nil && err2 == nil && sameSockaddr(peer, own) {
			// The system lent the dial the very port that it dialed, at which
			// nobody listens: it has met itself.
			return &os.SyscallError{Syscall: "connect", Err: unix.ECONNREFUSED}
		}
	}
	if err := d.Want(h, In); err != nil {
		return err
	}
	it.dialing = false
	return nil
}

// refused is wrap for connect: EAGAIN of a UNIX socket with a full backlog is
// an end there, not a wait.
func refused(call string, err error) error {
	return &os.SyscallError{Syscall: call, Err: err}
}
