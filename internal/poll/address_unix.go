//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// sockaddrIP is a for a socket of family; no address is that of all hosts.
func sockaddrIP(a netip.AddrPort, family int) (unix.Sockaddr, error) {
	ip := a.Addr().Unmap()
	if family == unix.AF_INET {
		if !ip.IsValid() || ip.IsUnspecified() {
			ip = netip.IPv4Unspecified()
		}
		if !ip.Is4() {
			return nil, fmt.Errorf("poll: address %v: want one of IPv4: %w", ip, unix.EAFNOSUPPORT)
		}
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: ip.As4()}, nil
	}
	if !ip.IsValid() {
		ip = netip.IPv6Unspecified()
	}
	zone, err := zoneIndex(ip.Zone())
	if err != nil {
		return nil, err
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: ip.As16(), ZoneId: zone}, nil
}

// zones knows the names of interfaces and their numbers, and asks the system
// again after a minute, as package net does. Loop-only.
type zones struct {
	all   []net.Interface
	until int64 // monotonic: when to ask again
}

func (z *zones) refresh() {
	if _, now := Now(); now >= z.until {
		if all, err := net.Interfaces(); err == nil {
			z.all = all
		}
		z.until = now + int64(time.Minute)
	}
}

// name is an interface's name, or its number if it has none (any more).
func (z *zones) name(index uint32) string {
	if index == 0 {
		return ""
	}
	z.refresh()
	for i := range z.all {
		if z.all[i].Index == int(index) {
			return z.all[i].Name
		}
	}
	return strconv.FormatUint(uint64(index), 10)
}

// index is zoneIndex that need not ask the system each time.
func (z *zones) index(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	z.refresh()
	for i := range z.all {
		if z.all[i].Name == zone {
			return uint32(z.all[i].Index), nil
		}
	}
	return zoneIndex(zone)
}

// addrOf is a system's address as ours: IPv4 in IPv6 is unwrapped.
func (z *zones) addrOf(sa unix.Sockaddr) Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return Addr{AddrPort: netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))}
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(sa.Addr).Unmap()
		if sa.ZoneId != 0 && ip.Is6() {
			ip = ip.WithZone(z.name(sa.ZoneId))
		}
		return Addr{AddrPort: netip.AddrPortFrom(ip, uint16(sa.Port))}
	case *unix.SockaddrUnix:
		if sa.Name == "@" {
			return Addr{} // unnamed
		}
		return Addr{Path: sa.Name}
	}
	return Addr{}
}

func (z *zones) localAddr(fd int) Addr {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return Addr{}
	}
	return z.addrOf(sa)
}

func (z *zones) remoteAddr(fd int) Addr {
	sa, err := unix.Getpeername(fd)
	if err != nil {
		return Addr{}
	}
	return z.addrOf(sa)
}

func sameSockaddr(a, b unix.Sockaddr) bool {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		b, ok := b.(*unix.SockaddrInet4)
		return ok && a.Port == b.Port && a.Addr == b.Addr
	case *unix.SockaddrInet6:
		b, ok := b.(*unix.SockaddrInet6)
		return ok && a.Port == b.Port && a.Addr == b.Addr && a.ZoneId == b.ZoneId
	}
	return false
}
