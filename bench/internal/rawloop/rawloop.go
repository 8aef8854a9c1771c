//go:build linux

// Package rawloop is the smallest possible epoll loop in Go: one thread, level
// triggered, one shared read buffer, immediate writes. It is no framework: it
// shows what the language and its runtime allow.
package rawloop

import (
	"net"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// call makes the reads and writes. RawSyscall is out of the Go scheduler's
// sight, which is right for calls that never block; RAW=0 shows what the
// scheduler's bookkeeping costs.
var call = unix.RawSyscall

func init() {
	if os.Getenv("RAW") == "0" {
		call = unix.Syscall
	}
}

type conn struct{ out []byte }

// Serve answers what arrives on addr with what handle returns for it; the
// returned bytes may alias in.
func Serve(addr string, handle func(in []byte) []byte) error {
	runtime.LockOSThread()
	ta, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return err
	}
	ln, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	unix.SetsockoptInt(ln, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err := unix.Bind(ln, &unix.SockaddrInet4{Port: ta.Port, Addr: [4]byte(ta.IP.To4())}); err != nil {
		return err
	}
	if err := unix.Listen(ln, 4096); err != nil {
		return err
	}
	ep, err := unix.EpollCreate1(0)
	if err != nil {
		return err
	}
	ctl := func(op, fd int, events uint32) {
		unix.EpollCtl(ep, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
	}
	ctl(unix.EPOLL_CTL_ADD, ln, unix.EPOLLIN)
	conns := make([]conn, 20000)
	buf := make([]byte, 64<<10)
	events := make([]unix.EpollEvent, 512)
	shut := func(fd int) {
		conns[fd].out = nil
		unix.Close(fd)
	}
	for {
		// First look without blocking, outside the Go scheduler's sight.
		n, _, _ := unix.RawSyscall6(unix.SYS_EPOLL_WAIT, uintptr(ep), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
		if int(n) <= 0 {
			m, _ := unix.EpollWait(ep, events, -1)
			n = uintptr(max(m, 0))
		}
		for _, ev := range events[:n] {
			fd := int(ev.Fd)
			if fd == ln {
				for {
					c, _, err := unix.Accept4(ln, unix.SOCK_NONBLOCK)
					if err != nil {
						break
					}
					unix.SetsockoptInt(c, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
					ctl(unix.EPOLL_CTL_ADD, c, unix.EPOLLIN)
				}
				continue
			}
			c := &conns[fd]
			if len(c.out) > 0 {
				w, e := write(fd, c.out)
				if e != 0 && e != unix.EAGAIN {
					shut(fd)
					continue
				}
				c.out = c.out[w:]
				if len(c.out) == 0 {
					c.out = nil
					ctl(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN)
				}
				continue // no reading while output is pending
			}
			r, _, e := call(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)))
			if e == unix.EAGAIN {
				continue
			}
			if e != 0 || r == 0 {
				shut(fd)
				continue
			}
			out := handle(buf[:r])
			if len(out) == 0 {
				continue
			}
			w, e := write(fd, out)
			if e != 0 && e != unix.EAGAIN {
				shut(fd)
				continue
			}
			if w < len(out) {
				c.out = append([]byte(nil), out[w:]...)
				ctl(unix.EPOLL_CTL_MOD, fd, unix.EPOLLOUT)
			}
		}
	}
}

func write(fd int, b []byte) (int, unix.Errno) {
	n, _, e := call(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}
