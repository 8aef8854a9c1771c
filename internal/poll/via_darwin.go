package poll

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// viaOption asks for the address an IPv4 packet came to.
const viaOption = unix.IP_PKTINFO

func via4(kind int, body []byte) (netip.Addr, bool) {
	if kind != unix.IP_PKTINFO || len(body) < unix.SizeofInet4Pktinfo {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4((*unix.Inet4Pktinfo)(unsafe.Pointer(&body[0])).Spec_dst), true
}

func putVia4(ip [4]byte) []byte {
	c := controlMessage(unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
	(*unix.Inet4Pktinfo)(unsafe.Pointer(&c[unix.CmsgLen(0)])).Spec_dst = ip
	return c
}
