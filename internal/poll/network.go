package poll

import (
	"fmt"
	"net/netip"
	"syscall"
)

// A sort says what can be done with a socket.
type sort uint8

const (
	sortStream  sort = iota + 1 // bytes: Read, Write
	sortPort                    // connections: Accept
	sortPacket                  // datagrams: ReadBatch, WriteBatch
	sortForeign                 // watched for somebody else
	sortSink                    // bytes, one way: Write
	sortExit                    // ready when a child process has ended
)

func (s sort) String() string {
	switch s {
	case sortStream:
		return "connection"
	case sortPort:
		return "listening socket"
	case sortPacket:
		return "packet socket"
	}
	return "foreign descriptor"
}

// A network is what a Spec's word stands for.
type network struct {
	word    string
	packet  bool
	path    bool // addresses are paths
	version int  // of IP: 4, 6, or 0 for both
}

var networks = [...]network{
	{word: "tcp"},
	{word: "tcp4", version: 4},
	{word: "tcp6", version: 6},
	{word: "unix", path: true},
	{word: "udp", packet: true},
	{word: "udp4", packet: true, version: 4},
	{word: "udp6", packet: true, version: 6},
	{word: "unixgram", packet: true, path: true},
}

func parseNetwork(word string) (network, error) {
	for _, n := range networks {
		if n.word == word {
			return n, nil
		}
	}
	return network{}, fmt.Errorf("poll: network %q: want tcp, tcp4, tcp6, unix, udp, udp4, udp6 or unixgram: %w",
		word, syscall.EPROTONOSUPPORT)
}

// checkAddr says whether a is an address of n. Addresses without a host are for
// listening, and for where a dial comes from.
func (n network) checkAddr(a Addr, needHost bool) error {
	ip := a.AddrPort.Addr()
	switch {
	case n.path && a.Path == "" && needHost:
		return fmt.Errorf("poll: %s needs a path: %w", n.word, syscall.EINVAL)
	case n.path && a.Path == "@":
		return fmt.Errorf("poll: %s path \"@\": want a name after it: %w", n.word, syscall.EINVAL)
	case n.path && a.AddrPort.IsValid():
		return fmt.Errorf("poll: %s address %v: want a path: %w", n.word, a.AddrPort, syscall.EINVAL)
	case n.path && len(a.Path) > maxPathBytes:
		return fmt.Errorf("poll: %s path %.40q... of %d bytes: want at most %d, the system's limit: %w",
			n.word, a.Path, len(a.Path), maxPathBytes, syscall.ENAMETOOLONG)
	case n.path:
		return nil
	case a.Path != "":
		return fmt.Errorf("poll: %s address %q: want an address and port: %w", n.word, a.Path, syscall.EINVAL)
	case needHost && !ip.IsValid():
		return fmt.Errorf("poll: %s needs an address to dial: %w", n.word, syscall.EINVAL)
	case n.version == 4 && ip.IsValid() && !ip.Unmap().Is4(), n.version == 6 && ip.IsValid() && ip.Unmap().Is4():
		return fmt.Errorf("poll: %s address %v: want one of IPv%d: %w", n.word, ip, n.version, syscall.EAFNOSUPPORT)
	}
	return nil
}

// unmap takes the IPv4 address out of its IPv6 form.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// maxPathBytes is the longest path of a UNIX socket with its final NUL left
// out: 107 bytes on Linux, 103 on the BSDs.
const maxPathBytes = len(syscall.RawSockaddrUnix{}.Path) - 1

// dialed is the network of a Spec for Dial, whose addresses it checks.
func (s *Spec) dialed() (network, error) {
	n, err := parseNetwork(s.Network)
	if err == nil {
		err = n.checkAddr(s.Addr, true)
	}
	if err == nil {
		err = n.checkAddr(s.Local, false)
	}
	return n, err
}
