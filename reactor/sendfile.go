package reactor

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/twistor-go/twistor/deferred"
)

// errWaiting says that a file's next chunk is being read.
var errWaiting = errors.New("reactor: waiting for a file")

const fileChunk = 64 << 10

// SendFile implements twistor.Transport.
func (b bare) SendFile(s *io.SectionReader) *deferred.Deferred[int64] {
	c := b.conn
	if c.state&(doomed|endWrite|writeEnded|writeFailed|connecting) != 0 {
		return deferred.Failed[int64](c.l, c.writeError())
	}
	f := &fileBlock{s: s, left: s.Size(), done: deferred.New[int64](c.l)}
	if r, off, _ := s.Outer(); c.l.sender != nil {
		if file, ok := r.(*os.File); ok {
			f.f, f.off = file, off
		}
	}
	blk := c.l.blocks.wrap(nil)
	blk.file = f
	c.out.push(blk)
	c.soil()
	return f.done
}

// sendFile sends a piece of the file at the queue's head.
func (c *conn) sendFile(f *fileBlock) (int, error) {
	l := c.l
	if f.left == 0 {
		l.blocks.put(c.out.pop())
		l.fileEnded(f, nil)
		return 0, nil
	}
	var n int
	var err error
	switch {
	case f.f != nil:
		n, err = l.sender.SendFile(c.h, f.f, f.off, int(min(f.left, flushBudget)))
		if err == nil && n == 0 {
			f.left = 0 // the file is shorter than it was
			return 0, nil
		}
		if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS) {
			f.f = nil // not a file that the system can send: read it
			return 0, nil
		}
	case len(f.chunk) > 0:
		n, err = l.poller.Write(c.h, f.chunk)
		if err == nil {
			f.chunk = f.chunk[n:]
		}
	default:
		return 0, c.readChunk(f)
	}
	if err != nil {
		return 0, err
	}
	f.off += int64(n)
	f.left -= int64(n)
	f.sent += int64(n)
	c.extra().fileSent += int64(n)
	return n, nil
}

// readChunk reads the next chunk on the pool.
func (c *conn) readChunk(f *fileBlock) error {
	if f.reading {
		return errWaiting
	}
	f.reading = true
	at, n := f.sent, min(f.left, fileChunk)
	read := deferred.Go(c.l, func(context.Context) ([]byte, error) {
		p := make([]byte, n)
		k, err := f.s.ReadAt(p, at)
		if err == io.EOF {
			err = nil
		}
		return p[:k], err
	})
	read.Done(func(p []byte, err error) {
		f.reading = false
		if c.is(doomed) || c.out.head == nil || c.out.head.file != f {
			return
		}
		switch {
		case err != nil:
			c.l.blocks.put(c.out.pop())
			c.l.fileEnded(f, err)
			c.state |= aborted // the peer must not take half a file for a whole one
			c.doom(err)
		case len(p) == 0:
			f.left = 0
		default:
			f.chunk = p
		}
		c.soil()
	})
	return errWaiting
}

// fileEnded fires a file's Deferred, from a callback of its own.
func (l *loop) fileEnded(f *fileBlock, err error) {
	l.deeds = append(l.deeds, func() {
		if err != nil {
			f.done.Fail(err)
		} else {
			f.done.Succeed(f.sent)
		}
	})
}
