//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package poll

import (
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxBatch is how many packets one call of ours moves, each by a system call.
const maxBatch = 64

// ReadBatch implements Packeter.
func (d *descriptors) ReadBatch(h Handle, p []Packet) (int, error) {
	it, err := d.packetSocket(h)
	if err != nil {
		return 0, err
	}
	if d.room.lateOf == h && d.room.late != 0 {
		errno := d.room.late
		d.room.late = 0
		return 0, failed("recvmsg", errno)
	}
	var control [64]byte
	for i := range p[:min(len(p), maxBatch)] {
		n, controlled, flags, from, err := unix.RecvmsgBuffers(int(it.fd), [][]byte{p[i].B}, control[:], unix.MSG_DONTWAIT)
		for err == unix.EINTR {
			n, controlled, flags, from, err = unix.RecvmsgBuffers(int(it.fd), [][]byte{p[i].B}, control[:], unix.MSG_DONTWAIT)
		}
		if err != nil {
			if errno, ok := err.(unix.Errno); ok && i > 0 {
				if errno != unix.EAGAIN {
					d.room.lateOf, d.room.late = h, errno // the packets first, then what came after them
				}
				return i, nil
			}
			return 0, wrap("recvmsg", err)
		}
		peer := d.zones.addrOf(from)
		p[i].N, p[i].Peer, p[i].Path = n, peer.AddrPort, peer.Path
		p[i].Via = d.zones.via(control[:controlled])
		p[i].Truncated = flags&unix.MSG_TRUNC != 0
	}
	return min(len(p), maxBatch), nil
}

// WriteBatch implements Packeter.
func (d *descriptors) WriteBatch(h Handle, p []Packet) (int, error) {
	it, err := d.packetSocket(h)
	if err != nil {
		return 0, err
	}
	for i := range p {
		var to unix.Sockaddr
		var control []byte
		switch peer := &p[i]; {
		case it.family == unix.AF_UNIX && peer.Path != "":
			to = &unix.SockaddrUnix{Name: peer.Path}
		case it.family != unix.AF_UNIX && peer.Peer.IsValid():
			if to, err = sockaddrIP(peer.Peer, int(it.family)); err != nil {
				return i, err
			}
		}
		if via := p[i].Via; it.family != unix.AF_UNIX && via.IsValid() && !via.IsUnspecified() && !via.IsMulticast() {
			if control, err = d.putVia(via, it.family); err != nil {
				return i, err
			}
		}
		err := error(unix.EINTR)
		for err == unix.EINTR {
			err = unix.Sendmsg(int(it.fd), p[i].B[:p[i].N], control, to, unix.MSG_DONTWAIT)
		}
		if err != nil {
			return i, wrap("sendmsg", err)
		}
	}
	return len(p), nil
}

func (d *descriptors) packetSocket(h Handle) (*descriptor, error) {
	it := d.table.get(h)
	if it == nil {
		return nil, ErrClosed
	}
	if it.sort != sortPacket {
		return nil, &os.SyscallError{Syscall: "recvmsg", Err: unix.EOPNOTSUPP}
	}
	return it, nil
}

// putVia makes the control data that let a packet leave from via.
func (d *descriptors) putVia(via netip.Addr, family uint8) ([]byte, error) {
	if family == unix.AF_INET {
		if !via.Unmap().Is4() {
			return nil, unix.EAFNOSUPPORT
		}
		return putVia4(via.Unmap().As4()), nil
	}
	zone, err := d.zones.index(via.Zone())
	if err != nil {
		return nil, err
	}
	c := controlMessage(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
	*(*unix.Inet6Pktinfo)(unsafe.Pointer(&c[unix.CmsgLen(0)])) = unix.Inet6Pktinfo{Addr: via.As16(), Ifindex: zone}
	return c, nil
}

// controlMessage makes room for one message of size bytes.
func controlMessage(level, kind, size int) []byte {
	c := make([]byte, unix.CmsgSpace(size))
	head := (*unix.Cmsghdr)(unsafe.Pointer(&c[0]))
	head.Level, head.Type = int32(level), int32(kind)
	head.SetLen(unix.CmsgLen(size))
	return c
}

// via is our address that a packet came to, if its control data say so.
func (z *zones) via(control []byte) netip.Addr {
	for len(control) >= unix.SizeofCmsghdr {
		head, body, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		if head.Level == unix.IPPROTO_IP {
			if ip, ok := via4(int(head.Type), body); ok && !ip.IsMulticast() {
				return ip
			}
		}
		if head.Level == unix.IPPROTO_IPV6 && head.Type == unix.IPV6_PKTINFO && len(body) >= unix.SizeofInet6Pktinfo {
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&body[0]))
			ip := netip.AddrFrom16(info.Addr).Unmap()
			if ip.IsMulticast() {
				return netip.Addr{}
			}
			if ip.IsLinkLocalUnicast() && ip.Is6() {
				ip = ip.WithZone(z.name(uint32(info.Ifindex)))
			}
			return ip
		}
		control = rest
	}
	return netip.Addr{}
}

// preparePackets sets what a packet socket needs before it is bound.
func preparePackets(fd, family int, s Spec) error {
	if s.Multicast {
		for _, option := range [...]int{unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
			if err := setInt(fd, unix.SOL_SOCKET, option, 1); err != nil {
				return err
			}
		}
	}
	if s.Broadcast {
		if err := setInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err != nil {
			return err
		}
	}
	return wantVia(fd, family)
}

// wantVia asks for the address that each packet came to.
func wantVia(fd, family int) error {
	if family == unix.AF_INET {
		return setInt(fd, unix.IPPROTO_IP, viaOption, 1)
	}
	return setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}
