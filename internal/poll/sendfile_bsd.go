//go:build darwin || dragonfly || freebsd

package poll

import (
	"os"

	"golang.org/x/sys/unix"
)

// SendFile implements Sender.
func (d *descriptors) SendFile(h Handle, f *os.File, off int64, n int) (int, error) {
	it := d.table.get(h)
	if it == nil {
		return 0, ErrClosed
	}
	if n <= 0 {
		return 0, nil // the system would take 0 for all
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	sent, to := 0, int(it.fd)
	var failure error
	err = raw.Control(func(from uintptr) {
		for {
			at := off
			sent, failure = unix.Sendfile(to, int(from), &at, min(n, maxSendBytes))
			if failure != unix.EINTR || sent > 0 {
				return
			}
		}
	})
	if err != nil {
		return 0, err
	}
	if sent > 0 {
		return sent, nil // some went before the error
	}
	return 0, wrap("sendfile", failure)
}

// maxSendBytes is the most one sendfile moves, so that it ends soon.
const maxSendBytes = 4 << 20
