package poll

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// checkGroup says whether group can be joined, and finds the interface.
func checkGroup(group netip.Addr, ifname string) (index uint32, err error) {
	if !group.Unmap().IsMulticast() {
		return 0, fmt.Errorf("poll: group %v: want a multicast address: %w", group, syscall.EINVAL)
	}
	return zoneIndex(ifname)
}

func (m Multicast) check() (index uint32, err error) {
	if m.TTL < 0 || m.TTL > 255 {
		return 0, fmt.Errorf("poll: multicast TTL %d: want 0 (for 1) to 255: %w", m.TTL, syscall.EINVAL)
	}
	return zoneIndex(m.Interface)
}

// zoneIndex finds an interface by its name or number; "" is 0, any.
func zoneIndex(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index), nil
	}
	n, err := strconv.ParseUint(zone, 10, 31)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("poll: interface %q: want the name or number of one: %w", zone, syscall.ENXIO)
	}
	return uint32(n), nil
}
