//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// Join implements Packeter.
func (d *descriptors) Join(h Handle, group netip.Addr, ifname string) error {
	return d.member(h, group, ifname, true)
}

// Leave implements Packeter.
func (d *descriptors) Leave(h Handle, group netip.Addr, ifname string) error {
	return d.member(h, group, ifname, false)
}

func (d *descriptors) member(h Handle, group netip.Addr, ifname string, in bool) error {
	it, err := d.packetSocket(h)
	if err != nil {
		return err
	}
	index, err := checkGroup(group, ifname)
	if err != nil {
		return err
	}
	return setMember(int(it.fd), group.Unmap(), index, in)
}

// setMember lets fd, a socket of either IP, in or out of a group.
func setMember(fd int, group netip.Addr, index uint32, in bool) error {
	if group.Is4() {
		option := unix.IP_DROP_MEMBERSHIP
		if in {
			option = unix.IP_ADD_MEMBERSHIP
		}
		return wrap("setsockopt", setMember4(fd, option, group.As4(), int(index)))
	}
	option := unix.IPV6_LEAVE_GROUP
	if in {
		option = unix.IPV6_JOIN_GROUP
	}
	return wrap("setsockopt", unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, option,
		&unix.IPv6Mreq{Multiaddr: group.As16(), Interface: index}))
}

// SetMulticast implements Packeter.
func (d *descriptors) SetMulticast(h Handle, m Multicast) error {
	it, err := d.packetSocket(h)
	if err != nil {
		return err
	}
	index, err := m.check()
	if err != nil {
		return err
	}
	return setMulticast(int(it.fd), m, index)
}

// setMulticast sets how what fd sends travels: of a socket of both IPs, for both.
func setMulticast(fd int, m Multicast, index uint32) error {
	ttl := max(m.TTL, 1)
	only, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
	if err == nil { // a socket of IPv6
		for _, o := range [...]struct{ option, value int }{
			{unix.IPV6_MULTICAST_HOPS, ttl},
			{unix.IPV6_MULTICAST_IF, int(index)},
			{unix.IPV6_MULTICAST_LOOP, number(m.Loopback)},
		} {
			if err := setInt(fd, unix.IPPROTO_IPV6, o.option, o.value); err != nil {
				return err
			}
		}
		if only != 0 {
			return nil
		}
	}
	return wrap("setsockopt", setMulticast4(fd, ttl, int(index), m.Loopback))
}
