package poll

import (
	"os"

	"golang.org/x/sys/unix"
)

// Terminal makes a pseudo-terminal: two descriptors of its master's side, which
// we read and write, and the file that is a terminal to a child.
// https://man7.org/linux/man-pages/man4/pts.4.html
func Terminal() (reading, writing FD, file *os.File, err error) {
	n, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, -1, nil, &os.PathError{Op: "open", Path: "/dev/ptmx", Err: err}
	}
	master := FD(n)
	if file, err = slave(n); err == nil {
		writing, err = twin(master)
	}
	if err != nil {
		CloseFD(master)
		if file != nil {
			file.Close()
		}
		return -1, -1, nil, err
	}
	return master, writing, file, nil
}

// slave opens the other side by its master, not by a name, which may mean
// something else in another mount namespace.
func slave(master int) (*os.File, error) {
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return nil, wrap("ioctl TIOCSPTLCK", err)
	}
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER,
		unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return nil, failed("ioctl TIOCGPTPEER", errno)
	}
	return os.NewFile(fd, "terminal"), nil
}

// Resize sets the size of the terminal that h, one of Terminal's, is a side of;
// its foreground process group hears of it by SIGWINCH.
func (d *descriptors) Resize(h Handle, rows, columns uint16) error {
	it := d.table.get(h)
	if it == nil {
		return ErrClosed
	}
	return wrap("ioctl TIOCSWINSZ", unix.IoctlSetWinsize(int(it.fd), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}))
}
