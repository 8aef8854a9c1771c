//go:build dragonfly || freebsd || netbsd || openbsd

package poll

import (
	"net/netip"
	"runtime"

	"golang.org/x/sys/unix"
)

// viaOption asks for the address an IPv4 packet came to.
const viaOption = unix.IP_RECVDSTADDR

func via4(kind int, body []byte) (netip.Addr, bool) {
	if kind != unix.IP_RECVDSTADDR || len(body) < 4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(body)), true
}

// putVia4 is IP_SENDSRCADDR, which FreeBSD and OpenBSD made the same number as
// IP_RECVDSTADDR. The others choose the source themselves.
func putVia4(ip [4]byte) []byte {
	if runtime.GOOS != "freebsd" && runtime.GOOS != "openbsd" {
		return nil
	}
	c := controlMessage(unix.IPPROTO_IP, unix.IP_RECVDSTADDR, 4)
	copy(c[unix.CmsgLen(0):], ip[:])
	return c
}
