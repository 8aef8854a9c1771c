package cred

import (
	"crypto/tls"
	"net"
	"net/netip"

	"github.com/twistor-go/twistor"
)

// An Origin is where a login comes from: what is known of the peer before it
// says who it is. Immutable after first use.
type Origin struct {
	// Peer is its address; the zero Addr: it has none, as at a UNIX socket.
	Peer netip.Addr
	// Secure says that nobody can listen in: passwords may travel as they are.
	// Mechanisms obeys it; a protocol with a command for passwords asks it before
	// it offers that.
	Secure bool
	// TLS is the connection's; nil: none. SCRAM-SHA-256-PLUS binds to it.
	TLS *tls.ConnectionState
	// Mind is what the avatar may speak to: whatever the protocol and its Realm
	// agreed on, such as the protocol itself; nil: nothing.
	Mind any
}

// OriginOf is where t comes from. TLS is secure, and so is a UNIX socket.
func OriginOf(t twistor.Transport) Origin {
	o := Origin{TLS: t.TLS()}
	o.Secure = o.TLS != nil
	switch a := t.RemoteAddr().(type) {
	case nil:
	case *net.UnixAddr:
		o.Secure = true
	case interface{ AddrPort() netip.AddrPort }:
		o.Peer = a.AddrPort().Addr()
	default:
		if ap, err := netip.ParseAddrPort(a.String()); err == nil {
			o.Peer = ap.Addr()
		}
	}
	o.Peer = o.Peer.Unmap().WithZone("")
	return o
}

// host is the peer as tries are counted: its IPv4 address, or the /64 of its
// IPv6 address, because whoever has one address of a /64 has them all.
// https://www.rfc-editor.org/rfc/rfc6177#section-2
func (o Origin) host() netip.Prefix {
	peer := o.Peer.Unmap().WithZone("")
	bits := 32
	if peer.Is6() {
		bits = 64
	}
	p, err := peer.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
