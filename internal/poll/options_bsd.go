//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package poll

import (
	"io/fs"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// prepareAccepted sets nothing: not all of these systems copy a listening
// socket's options to its connections.
func prepareAccepted(int) error { return nil }

// finishAccepted sets a new connection's options. Errors are of connections
// that have ended already, which Read will tell.
func finishAccepted(fd int) { prepareDialed(fd) }

// laterPort: here the system always chooses a dial's port when it binds.
func laterPort(int) {}

// maxBacklog is how many connections may wait to be accepted, at most.
var maxBacklog = sync.OnceValue(func() int {
	for _, name := range [...]string{"kern.ipc.soacceptqueue", "kern.ipc.somaxconn", "kern.somaxconn"} {
		if n, err := unix.SysctlUint32(name); err == nil && n > 0 {
			return int(n)
		}
	}
	return unix.SOMAXCONN
})

// umask is the process's, so that one at a time may change it.
var umask sync.Mutex

// bindMode binds so that the file has mode from its first moment on. Only the
// umask can do that here: files that others make in the same moment may come
// out tighter than they meant, never wider than mode.
func bindMode(fd int, at unix.Sockaddr, mode fs.FileMode) error {
	umask.Lock()
	defer umask.Unlock()
	old := unix.Umask(int(^mode.Perm() & fs.ModePerm))
	defer unix.Umask(old)
	return unix.Bind(fd, at)
}

// widen gives the file at path the mode that bind did not, if it is no link.
func widen(path string, _ *boundPath, mode fs.FileMode) error {
	return wrap("fchmodat", unix.Fchmodat(unix.AT_FDCWD, path, uint32(mode), unix.AT_SYMLINK_NOFOLLOW))
}

func setMember4(fd, option int, group [4]byte, index int) error {
	ip, err := addressOf(index)
	if err != nil {
		return err
	}
	return unix.SetsockoptIPMreq(fd, unix.IPPROTO_IP, option, &unix.IPMreq{Multiaddr: group, Interface: ip})
}

func setMulticast4(fd, ttl, index int, loopback bool) error {
	ip, err := addressOf(index)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptByte(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, byte(ttl)); err != nil {
		return err
	}
	if err := unix.SetsockoptByte(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, byte(number(loopback))); err != nil {
		return err
	}
	return unix.SetsockoptInet4Addr(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, ip)
}

// addressOf is an interface's first IPv4 address, by which these systems name
// it; of interface 0, which is any, it is the unspecified one.
func addressOf(index int) ([4]byte, error) {
	if index == 0 {
		return [4]byte{}, nil
	}
	i, err := net.InterfaceByIndex(index)
	if err != nil {
		return [4]byte{}, err
	}
	all, err := i.Addrs()
	if err != nil {
		return [4]byte{}, err
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			return p.Addr().As4(), nil
		}
	}
	return [4]byte{}, unix.EADDRNOTAVAIL
}
