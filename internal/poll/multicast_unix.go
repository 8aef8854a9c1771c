//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Join implements Packeter.
func (d *descriptors) Join(h Handle, group netip.Addr, ifname string) error {
	return d.membership(h, group, ifname, unix.IP_ADD_MEMBERSHIP, unix.IPV6_JOIN_GROUP)
}

// Leave implements Packeter.
func (d *descriptors) Leave(h Handle, group netip.Addr, ifname string) error {
	return d.membership(h, group, ifname, unix.IP_DROP_MEMBERSHIP, unix.IPV6_LEAVE_GROUP)
}

func (d *descriptors) membership(h Handle, group netip.Addr, ifname string, option4, option6 int) error {
	it, err := d.packetSocket(h)
	if err != nil {
		return err
	}
	group = group.Unmap()
	if !group.IsMulticast() {
		return fmt.Errorf("poll: group %v: want a multicast address: %w", group, unix.EINVAL)
	}
	index, err := zoneIndex(ifname)
	if err != nil {
		return err
	}
	if group.Is4() {
		return wrap("setsockopt", setMembership4(int(it.fd), option4, group.As4(), int(index)))
	}
	if it.family != unix.AF_INET6 {
		return fmt.Errorf("poll: group %v of a socket of IPv4: %w", group, unix.EAFNOSUPPORT)
	}
	return wrap("setsockopt", unix.SetsockoptIPv6Mreq(int(it.fd), unix.IPPROTO_IPV6, option6,
		&unix.IPv6Mreq{Multiaddr: group.As16(), Interface: index}))
}

// SetMulticast implements Packeter. A socket of both IPs has it set for both.
func (d *descriptors) SetMulticast(h Handle, m Multicast) error {
	it, err := d.packetSocket(h)
	if err != nil {
		return err
	}
	if m.TTL < 0 || m.TTL > 255 {
		return fmt.Errorf("poll: multicast TTL %d: want 0 (for 1) to 255: %w", m.TTL, unix.EINVAL)
	}
	index, err := zoneIndex(m.Interface)
	if err != nil {
		return err
	}
	ttl, fd := max(m.TTL, 1), int(it.fd)
	if it.family == unix.AF_INET6 {
		for _, o := range [...]struct{ option, value int }{
			{unix.IPV6_MULTICAST_HOPS, ttl},
			{unix.IPV6_MULTICAST_IF, int(index)},
			{unix.IPV6_MULTICAST_LOOP, number(m.Loopback)},
		} {
			if err := setInt(fd, unix.IPPROTO_IPV6, o.option, o.value); err != nil {
				return err
			}
		}
		if !both(fd) {
			return nil
		}
	}
	return wrap("setsockopt", setMulticast4(fd, ttl, int(index), m.Loopback))
}
