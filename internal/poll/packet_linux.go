package poll

import "golang.org/x/sys/unix"

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

// packets is the room for one batch.
type packets struct{}
