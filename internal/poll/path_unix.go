//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A boundPath is the file of a UNIX socket that we bound: Close removes it,
// unless another has taken its place.
type boundPath struct {
	path     string
	dev, ino uint64
}

// remove deletes the file if it is still ours. The socket is still open then:
// a live one's file is replaced by nobody.
func (b *boundPath) remove() {
	var now unix.Stat_t
	if unix.Lstat(b.path, &now) == nil && uint64(now.Dev) == b.dev && uint64(now.Ino) == b.ino {
		unix.Unlink(b.path)
	}
}

// listenPath opens a UNIX port, or a bound packet socket.
//
// A file that a dead socket left is removed; a live one is EADDRINUSE, and so
// is anything that is not a socket. All of it happens under a lock on PATH.lock
// (made and removed here), from before bind until after listen: between those
// two a socket looks dead. Who finds the lock held gets EADDRINUSE too: another
// is opening that very path.
func (it *descriptor) listenPath(s Spec) error {
	fd, err := newSocket(unix.AF_UNIX, it.kind())
	if err != nil {
		return err
	}
	it.fd, it.family = int32(fd), unix.AF_UNIX
	if s.Addr.Path[0] != '@' {
		unlock, err := lockPath(s.Addr.Path + ".lock")
		if err != nil {
			closeFD(fd)
			return err
		}
		defer unlock()
	}
	err = it.bindPath(s.Addr.Path, s.Mode, true)
	if err == nil && it.sort == sortPort {
		if err = listen(fd, s.Backlog); err != nil && it.bound != nil {
			it.bound.remove()
		}
	}
	if err != nil {
		closeFD(fd)
	}
	return err
}

func (it *descriptor) kind() int {
	if it.sort == sortPacket {
		return unix.SOCK_DGRAM
	}
	return unix.SOCK_STREAM
}

// bindPath makes the file at path, and takes the place of a dead socket if
// replace says so.
func (it *descriptor) bindPath(path string, mode fs.FileMode, replace bool) error {
	fd, at := int(it.fd), &unix.SockaddrUnix{Name: path}
	if path[0] == '@' {
		return wrap("bind", unix.Bind(fd, at))
	}
	if mode == 0 {
		mode = 0o600
	}
	err := bindMode(fd, at, mode)
	if err == unix.EADDRINUSE && replace && removeDead(path, it.kind()) {
		err = bindMode(fd, at, mode)
	}
	if err != nil {
		return wrap("bind", err)
	}
	var made unix.Stat_t
	if err := unix.Lstat(path, &made); err != nil {
		return wrap("lstat", err)
	}
	it.bound = &boundPath{path: path, dev: uint64(made.Dev), ino: uint64(made.Ino)}
	if fs.FileMode(made.Mode)&fs.ModePerm != mode.Perm() {
		// The umask took something away: bind makes a file tighter, never wider.
		if err := widen(path, it.bound, mode.Perm()); err != nil {
			it.bound.remove()
			return err
		}
	}
	return nil
}

// removeDead removes the file of a socket that nobody serves.
func removeDead(path string, kind int) bool {
	var there unix.Stat_t
	if unix.Lstat(path, &there) != nil || there.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return false
	}
	probe, err := newSocket(unix.AF_UNIX, kind)
	if err != nil {
		return false
	}
	defer closeFD(probe)
	// A full backlog is EAGAIN, another kind of socket EPROTOTYPE: both live.
	if unix.Connect(probe, &unix.SockaddrUnix{Name: path}) != unix.ECONNREFUSED {
		return false
	}
	return unix.Unlink(path) == nil
}

// lockPath takes the lock file at path, without waiting. unlock removes it.
func lockPath(path string) (unlock func(), err error) {
	for range 10 {
		fd, err := unix.Open(path, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
			closeFD(fd)
			if err == unix.EWOULDBLOCK {
				err = unix.EADDRINUSE
			}
			return nil, &os.SyscallError{Syscall: "flock", Err: err}
		}
		// Its last owner may have removed the file after we opened it.
		var mine, there unix.Stat_t
		if unix.Fstat(fd, &mine) == nil && unix.Lstat(path, &there) == nil && mine.Ino == there.Ino && mine.Dev == there.Dev {
			return func() { unix.Unlink(path); closeFD(fd) }, nil
		}
		closeFD(fd)
	}
	return nil, &os.SyscallError{Syscall: "flock", Err: unix.EADDRINUSE}
}

// dialPath connects a UNIX socket. It is connected, or not, at once.
func (it *descriptor) dialPath(s Spec) error {
	fd, err := newSocket(unix.AF_UNIX, it.kind())
	if err != nil {
		return err
	}
	it.fd, it.family = int32(fd), unix.AF_UNIX
	if s.Local.Path != "" {
		// A stream that is no port looks dead, though it may live.
		err = it.bindPath(s.Local.Path, s.Mode, it.sort == sortPacket)
	}
	if err == nil {
		err = unix.EINTR
		for err == unix.EINTR {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: s.Addr.Path})
		}
		if errno, ok := err.(syscall.Errno); ok {
			err = refused("connect", errno)
		}
	}
	if err != nil {
		if it.bound != nil {
			it.bound.remove()
		}
		closeFD(fd)
	}
	return err
}
