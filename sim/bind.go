package sim

import (
	"net/netip"
	"syscall"

	"github.com/twistor-go/twistor/internal/poll"
)

// bind gives b its local address, which must be the host's own and free.
func (h *Host) bind(b *watched, s poll.Spec) error {
	b.local = s.Addr
	if b.local.Path != "" {
		if h.bound(s.Network, b.local, s) != nil {
			return failedCall("bind", syscall.EADDRINUSE)
		}
		return nil
	}
	at := s.Addr.AddrPort
	ip := at.Addr().Unmap()
	switch {
	case !ip.IsValid():
		ip = netip.IPv6Unspecified()
		if s.Network == "tcp4" || s.Network == "udp4" {
			ip = netip.IPv4Unspecified()
		}
	case !ip.IsUnspecified() && !ip.IsMulticast() && !h.has(ip):
		return failedCall("bind", syscall.EADDRNOTAVAIL)
	}
	number := at.Port()
	if number == 0 {
		for number = firstPort; ; number++ {
			b.local.AddrPort = netip.AddrPortFrom(ip, number)
			if h.bound(s.Network, b.local, poll.Spec{}) == nil {
				break
			}
			if number == lastPort {
				return failedCall("bind", syscall.EADDRINUSE)
			}
		}
	}
	b.local.AddrPort = netip.AddrPortFrom(ip, number)
	if h.bound(s.Network, b.local, s) != nil {
		return failedCall("bind", syscall.EADDRINUSE)
	}
	return nil
}

// bound finds an open socket that has the address for itself; s wants it too.
func (h *Host) bound(network string, at poll.Addr, s poll.Spec) socket {
	for _, o := range h.sockets {
		b := o.base()
		_, isConn := o.(*conn)
		switch {
		case family(b.spec.Network) != family(network), isConn:
		case at.Path != "" || b.local.Path != "":
			if at.Path == b.local.Path {
				return o
			}
		case b.local.AddrPort.Port() != at.AddrPort.Port():
		case s.ReusePort && b.spec.ReusePort, s.Multicast && b.spec.Multicast:
		case overlap(b.local.AddrPort.Addr(), at.AddrPort.Addr()):
			return o
		}
	}
	return nil
}

// family is tcp, udp, unix or unixgram.
func family(network string) string {
	switch network {
	case "tcp4", "tcp6", "udp4", "udp6":
		return network[:3]
	}
	return network
}

// overlap reports whether two bound addresses get some of the same packets.
func overlap(a, b netip.Addr) bool {
	return a == b || covers(a, b) || covers(b, a)
}

// covers reports whether a, an address that is bound, gets packets to b.
func covers(a, b netip.Addr) bool {
	return a == b || a == netip.IPv6Unspecified() || a == netip.IPv4Unspecified() && b.Is4()
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
