package policy

import (
	"net"
	"net/netip"

	"github.com/twistor-go/twistor"
)

// hostOf is the peer as limits count it: its IPv4 address, or the /64 of its
// IPv6 address, because that is what one customer gets: whoever has one
// address of a /64 has them all. It is not valid for a peer without an IP
// address, such as that of a UNIX socket.
// https://www.rfc-editor.org/rfc/rfc6177#section-2
func hostOf(t twistor.Transport) netip.Prefix {
	var ip netip.Addr
	switch a := t.RemoteAddr().(type) {
	case *net.TCPAddr:
		ip = a.AddrPort().Addr()
	case interface{ AddrPort() netip.AddrPort }:
		ip = a.AddrPort().Addr()
	case nil:
		return netip.Prefix{}
	default:
		ap, err := netip.ParseAddrPort(a.String())
		if err != nil {
			return netip.Prefix{}
		}
		ip = ap.Addr()
	}
	ip = ip.Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
