//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxRights is how many descriptors go with one message.
const maxRights = 64

// WriteRights implements Rights.
func (d *descriptors) WriteRights(h Handle, p []byte, fds []int) (int, error) {
	it := d.table.get(h)
	if it == nil {
		return 0, ErrClosed
	}
	if len(fds) > maxRights {
		return 0, fmt.Errorf("poll: %d descriptors with one message: want at most %d: %w", len(fds), maxRights, unix.EINVAL)
	}
	if len(fds) > 0 && len(p) == 0 {
		return 0, fmt.Errorf("poll: descriptors without a byte to go with: %w", unix.EINVAL)
	}
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	for {
		n, err := unix.SendmsgN(int(it.fd), p, oob, nil, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, wrap("sendmsg", err)
		}
		return n, nil
	}
}

// ReadRights implements Rights.
func (d *descriptors) ReadRights(h Handle, p []byte) (int, []int, error) {
	it := d.table.get(h)
	if it == nil {
		return 0, nil, ErrClosed
	}
	if len(p) == 0 {
		return 0, nil, nil
	}
	if d.rights == nil {
		d.rights = make([]byte, unix.CmsgSpace(maxRights*4))
	}
	for {
		n, oobn, flags, _, err := unix.Recvmsg(int(it.fd), p, d.rights, cmsgCloexec)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, nil, wrap("recvmsg", err)
		}
		fds, err := rightsIn(d.rights[:oobn])
		if flags&unix.MSG_CTRUNC != 0 {
			err = ErrTooManyRights
		}
		if err != nil {
			for _, fd := range fds {
				closeFD(fd)
			}
			return 0, nil, err
		}
		if cmsgCloexec == 0 {
			for _, fd := range fds {
				unix.CloseOnExec(fd)
			}
		}
		if n == 0 {
			return 0, fds, io.EOF
		}
		return n, fds, nil
	}
}

// rightsIn finds the descriptors in control data, also when their list was cut.
func rightsIn(control []byte) (fds []int, err error) {
	for len(control) >= unix.SizeofCmsghdr {
		head, body, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return fds, os.NewSyscallError("recvmsg", err)
		}
		if head.Level == unix.SOL_SOCKET && head.Type == unix.SCM_RIGHTS {
			for ; len(body) >= 4; body = body[4:] {
				fds = append(fds, int(int32(binary.NativeEndian.Uint32(body))))
			}
		} // else credentials, say, which nobody asked for
		control = rest
	}
	return fds, nil
}
