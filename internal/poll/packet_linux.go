package poll

import (
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	maxBatch = 64 // packets that one system call moves
	// A batch is moved in a raw system call (see maxRawBytes) if it has, to be
	// read, room of up to 8 KiB a packet: what comes is far less, since a socket
	// holds some 200 KiB of it; and to be sent, no more than Ethernet frames.
	// Of a name server that was seen by the scheduler in each recvmmsg, on one
	// processor, an answer cost 15 % more: Go took the processor away within
	// most of them, and had it handed back.
	maxRawRead  = maxBatch * 8 << 10
	maxRawWrite = maxBatch * 1500
)

// packets is the room for one batch, 15 KiB: the headers point into it from the
// first call on, so that a batch allocates nothing.
type packets struct {
	headers  [maxBatch]unix.Mmsghdr
	buffers  [maxBatch]unix.Iovec
	names    [maxBatch]unix.RawSockaddrAny
	controls [maxBatch]ancillary
}

// An ancillary holds one packet's IP_PKTINFO or IPV6_PKTINFO.
type ancillary [8]uint64

func (m *room) batch() *packets {
	if m.packets == nil {
		b := new(packets)
		for i := range b.headers {
			h := &b.headers[i].Hdr
			h.Name = (*byte)(unsafe.Pointer(&b.names[i]))
			h.Control = (*byte)(unsafe.Pointer(&b.controls[i]))
			h.Iov = &b.buffers[i]
			h.SetIovlen(1)
		}
		m.packets = b
	}
	return m.packets
}

// move does one recvmmsg or sendmmsg of the first n packets. The room forgets
// the buffers afterwards.
func (b *packets) move(trap uintptr, fd, n int, raw bool) (int, syscall.Errno) {
	defer clear(b.buffers[:n])
	for {
		var done uintptr
		var errno syscall.Errno
		if raw {
			done, _, errno = unix.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&b.headers)), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		} else {
			done, _, errno = unix.Syscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&b.headers)), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		}
		if errno == 0 {
			return int(done), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// set makes packet i ready to be moved: where its bytes are.
func (b *packets) set(i int, p []byte) {
	b.buffers[i].Base = unsafe.SliceData(p)
	b.buffers[i].SetLen(len(p))
}

// ReadBatch implements Packeter.
func (d *descriptors) ReadBatch(h Handle, p []Packet) (int, error) {
	it, err := d.packetSocket(h)
	if err != nil {
		return 0, err
	}
	b := d.room.batch()
	p = p[:min(len(p), maxBatch)]
	total := 0
	for i := range p {
		b.set(i, p[i].B)
		header := &b.headers[i].Hdr
		header.Namelen = unix.SizeofSockaddrAny
		header.Flags = 0
		header.SetControllen(len(ancillary{}) * 8)
		total += len(p[i].B)
	}
	n, errno := b.move(unix.SYS_RECVMMSG, int(it.fd), len(p), total <= maxRawRead)
	if errno != 0 {
		return 0, failed("recvmmsg", errno)
	}
	for i := range p[:n] {
		header := &b.headers[i]
		terminate(&b.names[i], header.Hdr.Namelen)
		from := d.zones.addrOfRaw(&b.names[i])
		if header.Hdr.Namelen == 0 {
			from = Addr{} // a UNIX peer without a name
		}
		p[i].N = int(header.Len)
		p[i].Peer, p[i].Path = from.AddrPort, from.Path
		p[i].Via = d.zones.via(b.controls[i].bytes()[:header.Hdr.Controllen])
		p[i].Truncated = header.Hdr.Flags&unix.MSG_TRUNC != 0
	}
	return n, nil
}

// WriteBatch implements Packeter.
func (d *descriptors) WriteBatch(h Handle, p []Packet) (int, error) {
	it, err := d.packetSocket(h)
	if err != nil {
		return 0, err
	}
	b := d.room.batch()
	for sent := 0; ; {
		n, total := 0, 0
		var bad error // of packet sent+n
		for n < min(len(p)-sent, maxBatch) {
			packet := &p[sent+n]
			if bad = d.address(b, n, packet, it.family); bad != nil {
				break
			}
			b.set(n, packet.B[:packet.N])
			total += packet.N
			n++
		}
		if n == 0 {
			return sent, bad
		}
		done, errno := b.move(unix.SYS_SENDMMSG, int(it.fd), n, total <= maxRawWrite)
		if errno != 0 {
			return sent, failed("sendmmsg", errno)
		}
		sent += done // if not all went, the next round says why
	}
}

func (d *descriptors) packetSocket(h Handle) (*descriptor, error) {
	it := d.table.get(h)
	if it == nil {
		return nil, ErrClosed
	}
	if it.sort != sortPacket {
		return nil, &os.SyscallError{Syscall: "recvmmsg", Err: unix.EOPNOTSUPP}
	}
	return it, nil
}

// address writes whom packet i goes to, and where it leaves from.
func (d *descriptors) address(b *packets, i int, p *Packet, family uint8) error {
	header := &b.headers[i].Hdr
	header.Namelen, header.Flags = 0, 0
	header.SetControllen(0)
	name := unsafe.Pointer(&b.names[i])
	if family == unix.AF_UNIX {
		if p.Path == "" {
			return nil
		}
		return putPath((*unix.RawSockaddrUnix)(name), p.Path, &header.Namelen)
	}
	ip := p.Peer.Addr()
	switch {
	case !ip.IsValid():
	case family == unix.AF_INET6:
		zone, err := d.zones.index(ip.Zone())
		if err != nil {
			return err
		}
		*(*unix.RawSockaddrInet6)(name) = unix.RawSockaddrInet6{
			Family: unix.AF_INET6, Port: bigEndian(p.Peer.Port()), Addr: ip.As16(), Scope_id: zone}
		header.Namelen = unix.SizeofSockaddrInet6
	case ip.Unmap().Is4():
		*(*unix.RawSockaddrInet4)(name) = unix.RawSockaddrInet4{
			Family: unix.AF_INET, Port: bigEndian(p.Peer.Port()), Addr: ip.Unmap().As4()}
		header.Namelen = unix.SizeofSockaddrInet4
	default:
		return fmt.Errorf("poll: packet to %v from a socket of IPv4: %w", ip, unix.EAFNOSUPPORT)
	}
	if !p.Via.IsValid() || p.Via.IsUnspecified() || p.Via.IsMulticast() {
		return nil
	}
	return d.putVia(&b.controls[i], header, p.Via, family)
}

func putPath(raw *unix.RawSockaddrUnix, path string, length *uint32) error {
	if len(path) > maxPathBytes {
		return fmt.Errorf("poll: packet to a path of %d bytes: want at most %d: %w", len(path), maxPathBytes, unix.ENAMETOOLONG)
	}
	raw.Family = unix.AF_UNIX
	to := (*[len(raw.Path)]byte)(unsafe.Pointer(&raw.Path))
	n := copy(to[:], path)
	to[n] = 0
	*length = uint32(2 + n + 1)
	if path[0] == '@' {
		to[0] = 0
		*length-- // an abstract name has no NUL at its end
	}
	return nil
}

func (c *ancillary) bytes() []byte { return (*[len(ancillary{}) * 8]byte)(unsafe.Pointer(c))[:] }

// putVia asks that a packet leaves from via.
func (d *descriptors) putVia(c *ancillary, header *unix.Msghdr, via netip.Addr, family uint8) error {
	head := (*unix.Cmsghdr)(unsafe.Pointer(c))
	body := unsafe.Pointer(&c.bytes()[unix.CmsgLen(0)])
	if family == unix.AF_INET {
		if !via.Unmap().Is4() {
			return fmt.Errorf("poll: packet via %v from a socket of IPv4: %w", via, unix.EAFNOSUPPORT)
		}
		head.Level, head.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
		*(*unix.Inet4Pktinfo)(body) = unix.Inet4Pktinfo{Spec_dst: via.Unmap().As4()}
		head.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
		header.SetControllen(unix.CmsgSpace(unix.SizeofInet4Pktinfo))
		return nil
	}
	zone, err := d.zones.index(via.Zone())
	if err != nil {
		return err
	}
	head.Level, head.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
	*(*unix.Inet6Pktinfo)(body) = unix.Inet6Pktinfo{Addr: via.As16(), Ifindex: zone}
	head.SetLen(unix.CmsgLen(unix.SizeofInet6Pktinfo))
	header.SetControllen(unix.CmsgSpace(unix.SizeofInet6Pktinfo))
	return nil
}

// via is our address that a packet came to, if its control data say so. Of a
// packet to a group that is the interface's own address, in IPv4; in IPv6 the
// system does not say.
func (z *zones) via(control []byte) netip.Addr {
	for len(control) >= unix.SizeofCmsghdr {
		head, body, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		switch {
		case head.Level == unix.IPPROTO_IP && head.Type == unix.IP_PKTINFO && len(body) >= unix.SizeofInet4Pktinfo:
			return netip.AddrFrom4((*unix.Inet4Pktinfo)(unsafe.Pointer(&body[0])).Spec_dst)
		case head.Level == unix.IPPROTO_IPV6 && head.Type == unix.IPV6_PKTINFO && len(body) >= unix.SizeofInet6Pktinfo:
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&body[0]))
			ip := netip.AddrFrom16(info.Addr).Unmap()
			if ip.IsMulticast() {
				return netip.Addr{}
			}
			if ip.IsLinkLocalUnicast() && ip.Is6() {
				ip = ip.WithZone(z.name(info.Ifindex))
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
		if err := setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return err
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
		return setInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	return setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}
