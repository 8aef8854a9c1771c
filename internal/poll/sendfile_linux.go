package poll

import (
	"os"

	"golang.org/x/sys/unix"
)

// maxSendBytes is the most one sendfile moves, so that it ends soon.
const maxSendBytes = 4 << 20

// SendFile implements Sender. EINVAL and ENOSYS say that f is of a kind that
// cannot be sent like this: it is to be copied.
func (d *descriptors) SendFile(h Handle, f *os.File, off int64, n int) (int, error) {
	it := d.table.get(h)
	if it == nil {
		return 0, ErrClosed
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	sent, to := 0, int(it.fd)
	var failure error
	err = raw.Control(func(from uintptr) { // f stays open as long as this lasts
		for {
			at := off
			sent, failure = unix.Sendfile(to, int(from), &at, min(n, maxSendBytes))
			if failure != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return 0, err
	}
	if failure != nil {
		return 0, wrap("sendfile", failure)
	}
	return sent, nil
}
