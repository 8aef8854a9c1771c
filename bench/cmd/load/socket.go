//go:build linux

package main

import (
	"log"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dial connects socket number i. It resets on close, which leaves no TIME_WAIT
// behind, and comes from one of eight addresses, since one has fewer ports
// than the idle suite has connections.
func dial(i int) int {
	to, err := net.ResolveTCPAddr("tcp4", *address)
	if err != nil {
		log.Fatal(err)
	}
	fd := unconnected(i)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}); err != nil {
		log.Fatalf("connection %d: %v", i, err)
	}
	return fd
}

// unconnected is the socket that dial connects.
func unconnected(i int) int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		log.Fatal(err)
	}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	// Who waits in a read, as while it connects, does not wait for ever.
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10})
	unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + i%8)}}); err != nil {
		log.Fatal(err)
	}
	return fd
}

// rw reads or writes once, out of the Go scheduler's sight.
func rw(trap uintptr, fd int, p []byte) (int, unix.Errno) {
	n, _, e := unix.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
	return int(int64(n)), e
}

// A poller is an epoll descriptor and room for its events.
type poller struct {
	fd     int
	events []unix.EpollEvent
}

func newPoller() *poller {
	fd, err := unix.EpollCreate1(0)
	if err != nil {
		log.Fatal(err)
	}
	return &poller{fd: fd, events: make([]unix.EpollEvent, 1024)}
}

// watch adds or changes fd; its events will carry i.
func (p *poller) watch(op, fd, i int, events uint32) {
	if err := unix.EpollCtl(p.fd, op, fd, &unix.EpollEvent{Events: events, Fd: int32(i)}); err != nil {
		log.Fatal(err)
	}
}

// wait returns what is ready, within 20 ms so that the clock is looked at.
func (p *poller) wait() []unix.EpollEvent { return p.waitFor(20) }

func (p *poller) waitFor(ms int) []unix.EpollEvent {
	n, _, _ := unix.RawSyscall6(unix.SYS_EPOLL_WAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), uintptr(ms), 0, 0)
	if int(n) < 0 {
		return nil
	}
	return p.events[:n]
}
