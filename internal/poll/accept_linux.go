package poll

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

func (d *descriptors) accept(fd int) (int, Addr, error) {
	conn, errno := acceptRaw(fd, &d.room.from)
	if errno != 0 {
		return -1, Addr{}, failed("accept4", errno)
	}
	return conn, d.zones.addrOfRaw(&d.room.from), nil
}

// addrOfRaw is addrOf without a Sockaddr in between, which would be allocated.
func (z *zones) addrOfRaw(raw *unix.RawSockaddrAny) Addr {
	switch raw.Addr.Family {
	case unix.AF_INET:
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		return Addr{AddrPort: netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), bigEndian(sa.Port))}
	case unix.AF_INET6:
		sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(raw))
		ip := netip.AddrFrom16(sa.Addr).Unmap()
		if sa.Scope_id != 0 && ip.Is6() {
			ip = ip.WithZone(z.name(sa.Scope_id))
		}
		return Addr{AddrPort: netip.AddrPortFrom(ip, bigEndian(sa.Port))}
	case unix.AF_UNIX:
		return Addr{Path: pathOf((*unix.RawSockaddrUnix)(unsafe.Pointer(raw)))}
	}
	return Addr{}
}

// pathOf is a UNIX socket's path: "@name" if abstract, "" if unnamed.
func pathOf(sa *unix.RawSockaddrUnix) string {
	path := (*[len(sa.Path)]byte)(unsafe.Pointer(&sa.Path))
	if path[0] == 0 && path[1] == 0 {
		return ""
	}
	end := 1
	for end < len(path) && path[end] != 0 {
		end++
	}
	if path[0] == 0 {
		return "@" + string(path[1:end])
	}
	return string(path[:end])
}

// bigEndian reads a port, or makes one, in the order of the network.
func bigEndian(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}
