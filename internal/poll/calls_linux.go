package poll

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxRawBytes is the most that is moved in a raw system call. Raw calls do not
// tell Go's scheduler, which saves a tenth of a message's cost; but a goroutine
// cannot be stopped in one, so that a long copy would delay every stop of the
// world: larger ones go through the scheduler.
const maxRawBytes = 64 << 10

// maxIovecs is how many buffers one writev takes (IOV_MAX).
const maxIovecs = 1024

// call does one system call that moves up to n bytes of what p points to,
// again while signals interrupt it.
func call(trap uintptr, fd int, p unsafe.Pointer, length, n int) (int, syscall.Errno) {
	for {
		var done uintptr
		var errno syscall.Errno
		if n <= maxRawBytes {
			done, _, errno = unix.RawSyscall(trap, uintptr(fd), uintptr(p), uintptr(length))
		} else {
			done, _, errno = unix.Syscall(trap, uintptr(fd), uintptr(p), uintptr(length))
		}
		if errno == 0 {
			return int(done), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

func readRaw(fd int, p []byte) (int, syscall.Errno) {
	return call(unix.SYS_READ, fd, unsafe.Pointer(unsafe.SliceData(p)), len(p), len(p))
}

func writeRaw(fd int, p []byte) (int, syscall.Errno) {
	return call(unix.SYS_WRITE, fd, unsafe.Pointer(unsafe.SliceData(p)), len(p), len(p))
}

// room is what system calls write to and read from, kept by the Poller.
type room struct {
	from    unix.RawSockaddrAny
	iov     *[maxIovecs]unix.Iovec // made by the first writev
	packets *packets               // made by the first packet
}

// writev writes of p what fits one call. The room forgets p afterwards.
func (m *room) writev(fd int, p [][]byte) (int, syscall.Errno) {
	if m.iov == nil {
		m.iov = new([maxIovecs]unix.Iovec)
	}
	used, total := 0, 0
	for _, b := range p {
		if len(b) == 0 {
			continue
		}
		if used == maxIovecs {
			break
		}
		m.iov[used].Base = unsafe.SliceData(b)
		m.iov[used].SetLen(len(b))
		used++
		total += len(b)
	}
	n, errno := call(unix.SYS_WRITEV, fd, unsafe.Pointer(m.iov), used, total)
	clear(m.iov[:used])
	return n, errno
}

// acceptRaw takes one connection of a listening socket. from is scratch.
func acceptRaw(fd int, from *unix.RawSockaddrAny) (int, syscall.Errno) {
	for {
		length := uint32(unix.SizeofSockaddrAny)
		conn, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(from)),
			uintptr(unsafe.Pointer(&length)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if errno == 0 {
			terminate(from, length)
			return int(conn), 0
		}
		if errno != unix.EINTR {
			return -1, errno
		}
	}
}

// terminate ends the path in an address of length bytes: the system writes no
// NUL after an abstract name, nothing at all of an unnamed peer's, and the room
// may hold an older address.
func terminate(raw *unix.RawSockaddrAny, length uint32) {
	b := (*[unix.SizeofSockaddrAny]byte)(unsafe.Pointer(raw))
	if length < 2 {
		b[0], b[1] = 0, 0
	}
	for i := max(length, 2); i < min(max(length, 2)+2, uint32(len(b))); i++ {
		b[i] = 0
	}
}

// newSocket makes a socket that does not block and is closed on exec.
func newSocket(family, kind int) (int, error) {
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, wrap("socket", err)
	}
	return fd, nil
}
