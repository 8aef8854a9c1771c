package poll

import (
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"
)

// bindMode binds so that the file has at most mode from its first moment on:
// Linux gives it the mode of the socket itself, less the umask. Nothing else of
// the process is touched, as it would be by changing the umask.
func bindMode(fd int, at unix.Sockaddr, mode fs.FileMode) error {
	if err := unix.Fchmod(fd, uint32(mode.Perm())); err != nil {
		return err
	}
	return unix.Bind(fd, at)
}

// widen gives the file b the mode that the umask did not let it have. It goes
// by a descriptor of the file, not by its name, which somebody else might have
// given to a link meanwhile.
func widen(path string, b *boundPath, mode fs.FileMode) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return wrap("open", err)
	}
	defer closeFD(fd)
	var there unix.Stat_t
	if err := unix.Fstat(fd, &there); err != nil {
		return wrap("fstat", err)
	}
	if uint64(there.Dev) != b.dev || uint64(there.Ino) != b.ino {
		return wrap("chmod", unix.ESTALE)
	}
	return wrap("chmod", unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), uint32(mode)))
}
