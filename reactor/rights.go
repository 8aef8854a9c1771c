package reactor

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

// maxFiles is how many descriptors one message carries at most.
const maxFiles = 64

// rights are descriptors queued to be sent with the first byte of a block.
type rights struct {
	b   *block
	fds []int // duplicates
}

func closeRights(rs []rights) {
	for _, r := range rs {
		closeFDs(r.fds)
	}
}

func closeFDs(fds []int) {
	for _, fd := range fds {
		poll.CloseFD(poll.FD(fd))
	}
}

// hasRights reports whether descriptors go with b.
func (c *conn) hasRights(b *block) bool {
	if c.x == nil {
		return false
	}
	for i := range c.x.rights {
		if c.x.rights[i].b == b {
			return true
		}
	}
	return false
}

// WriteFiles implements twistor.FileSender. The files may be closed when it
// returns.
func (c *conn) WriteFiles(p []byte, fs ...*os.File) error {
	switch {
	case !c.is(local) || c.l.rights == nil:
		return fmt.Errorf("reactor: files go over UNIX sockets only: %w", errors.ErrUnsupported)
	case c.state&(doomed|endWrite|writeEnded|writeFailed) != 0:
		return net.ErrClosed
	case len(p) == 0:
		return errors.New("reactor: WriteFiles: want a byte or more to go with the files")
	case len(fs) > maxFiles:
		return fmt.Errorf("reactor: WriteFiles: %d files: want %d or fewer", len(fs), maxFiles)
	}
	if err := c.room(len(p)); err != nil {
		return err
	}
	var r rights
	for _, f := range fs {
		fd, err := poll.Duplicate(f)
		if err != nil {
			closeFDs(r.fds)
			return err
		}
		r.fds = append(r.fds, int(fd))
	}
	// A block of its own: the files belong to its first byte.
	r.b = c.l.blocks.wrap(append([]byte(nil), p...))
	c.extra().rights = append(c.x.rights, r)
	c.out.push(r.b)
	c.out.n += len(p)
	c.queued(len(p))
	return nil
}

// writeRights writes the head block with the files that go with it.
func (c *conn) writeRights() (int, error) {
	r := c.x.rights[0]
	n, err := c.l.rights.WriteRights(c.h, r.b.b[r.b.r:r.b.w], r.fds)
	if err == nil {
		closeRights(c.x.rights[:1])
		c.x.rights = c.x.rights[1:]
	}
	return n, err
}

// readFiles reads bytes, after giving the files that came with them.
func (c *conn) readFiles(buf []byte) (int, error) {
	n, fds, err := c.l.rights.ReadRights(c.h, buf)
	if len(fds) == 0 {
		return n, err
	}
	p, ok := c.p.(twistor.FileReceiver)
	if !ok || c.is(closing) {
		closeFDs(fds)
		return n, err
	}
	for i, fd := range fds {
		p.FileReceived(os.NewFile(uintptr(fd), fmt.Sprintf("received-%d", i)))
	}
	return n, err
}
