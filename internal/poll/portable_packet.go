package poll

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// sendTime is how long a batch may take to find room: packets are written by
// the loop itself, and the system's buffer is rarely full.
const sendTime = 10 * time.Millisecond

// ReadBatch implements Packeter. It reads one packet: the pump's.
func (p *portable) ReadBatch(h Handle, b []Packet) (int, error) {
	s, err := p.packetSocket(h)
	if err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, nil
	}
	s.mu.Lock()
	if !s.full {
		s.mu.Unlock()
		return 0, ErrAgain
	}
	c := s.caught
	if c.err == nil {
		b[0].N = copy(b[0].B, c.p)
		b[0].Truncated = len(c.p) > len(b[0].B)
		b[0].Peer, b[0].Path, b[0].Via = c.from.AddrPort, c.from.Path, netip.Addr{}
	}
	s.caught, s.full = catch{}, false
	s.update()
	if c.err != nil {
		return 0, c.err
	}
	return 1, nil
}

// WriteBatch implements Packeter.
func (p *portable) WriteBatch(h Handle, b []Packet) (int, error) {
	s, err := p.packetSocket(h)
	if err != nil {
		return 0, err
	}
	s.conn.SetWriteDeadline(time.Now().Add(sendTime))
	for i := range b {
		if err := s.send(&b[i]); err != nil {
			err = portableError("sendto", err)
			if e, ok := err.(*os.SyscallError); ok && e.Err == syscall.ETIMEDOUT {
				err = ErrAgain
			}
			return i, err
		}
	}
	return len(b), nil
}

func (s *pumped) send(p *Packet) (err error) {
	body := p.B[:p.N]
	switch conn := s.conn.(type) {
	case *net.UDPConn:
		if p.Peer.IsValid() && conn.RemoteAddr() == nil {
			_, err = conn.WriteToUDPAddrPort(body, p.Peer)
			return err
		}
	case *net.UnixConn:
		if p.Path != "" && conn.RemoteAddr() == nil {
			_, err = conn.WriteToUnix(body, &net.UnixAddr{Net: "unixgram", Name: p.Path})
			return err
		}
	}
	_, err = s.conn.Write(body)
	return err
}

func (p *portable) packetSocket(h Handle) (*pumped, error) {
	s := p.get(h)
	if s == nil {
		return nil, ErrClosed
	}
	if s.sort != sortPacket {
		return nil, &os.SyscallError{Syscall: "recvfrom", Err: syscall.ENOTSUP}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return nil, ErrAgain // a dial that is not done
	}
	return s, nil
}

// Join implements Packeter.
func (p *portable) Join(h Handle, group netip.Addr, ifname string) error {
	return p.member(h, group, ifname, true)
}

// Leave implements Packeter.
func (p *portable) Leave(h Handle, group netip.Addr, ifname string) error {
	return p.member(h, group, ifname, false)
}

func (p *portable) member(h Handle, group netip.Addr, ifname string, in bool) error {
	index, err := checkGroup(group, ifname)
	if err != nil {
		return err
	}
	return p.control(h, func(fd uintptr) error { return setMemberOf(fd, group.Unmap(), index, in) })
}

// SetMulticast implements Packeter.
func (p *portable) SetMulticast(h Handle, m Multicast) error {
	index, err := m.check()
	if err != nil {
		return err
	}
	return p.control(h, func(fd uintptr) error { return setMulticastOf(fd, m, index) })
}

// control calls set with the system's socket of h.
func (p *portable) control(h Handle, set func(fd uintptr) error) error {
	s, err := p.packetSocket(h)
	if err != nil {
		return err
	}
	raw, err := s.conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return portableError("setsockopt", err)
	}
	var failure error
	if err := raw.Control(func(fd uintptr) { failure = set(fd) }); err != nil {
		return portableError("setsockopt", err)
	}
	return portableError("setsockopt", failure)
}
