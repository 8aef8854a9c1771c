//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"os"

	"golang.org/x/sys/unix"
)

// File implements Filer.
func (d *descriptors) File(h Handle) (*os.File, error) {
	it := d.table.get(h)
	if it == nil {
		return nil, ErrClosed
	}
	fd, err := unix.FcntlInt(uintptr(it.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, wrap("fcntl", err)
	}
	return os.NewFile(uintptr(fd), "socket"), nil
}

// KeepPath implements Filer.
func (d *descriptors) KeepPath(h Handle) {
	if it := d.table.get(h); it != nil {
		it.bound = nil
	}
}

// own makes an adopted UNIX port the owner of the file at path, if that is it.
func (it *descriptor) own(path string) {
	var there unix.Stat_t
	if unix.Lstat(path, &there) == nil && there.Mode&unix.S_IFMT == unix.S_IFSOCK {
		it.bound = &boundPath{path: path, dev: uint64(there.Dev), ino: uint64(there.Ino)}
	}
}
