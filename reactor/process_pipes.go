package reactor

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

// maxChildFD is the highest number that a child may get something at.
const maxChildFD = 255

// pipesOf checks a Command, and says which pipes the child gets, by its number.
func pipesOf(c twistor.Command, p twistor.ProcessProtocol) ([]Pipe, error) {
	switch {
	case p == nil:
		return nil, errors.New("want a ProcessProtocol")
	case c.Path == "":
		return nil, errors.New("no Path: want a program")
	case c.PTY && len(c.Files)+len(c.Reads)+len(c.Writes) > 0:
		return nil, errors.New("PTY with Files, Reads or Writes: want one or the other")
	case c.UID < 0 || c.GID < 0:
		return nil, fmt.Errorf("UID %d, GID %d: want neither negative", c.UID, c.GID)
	}
	for _, text := range append([]string{c.Path, c.Dir}, append(c.Args[:len(c.Args):len(c.Args)], c.Env...)...) {
		if i := strings.IndexByte(text, 0); i >= 0 {
			return nil, fmt.Errorf("%q has a NUL: the system would end it there", shorten(text))
		}
	}
	if c.PTY {
		return []Pipe{{FD: 0, Write: true}, {FD: 1}}, nil
	}
	type use struct{ given, file, write bool }
	var uses [maxChildFD + 1]use
	uses[0].write = true
	note := func(fd int, u use) error {
		if fd < 0 || fd > maxChildFD {
			return fmt.Errorf("descriptor %d of the child: want 0 to %d", fd, maxChildFD)
		}
		if uses[fd].given {
			return fmt.Errorf("descriptor %d of the child is given twice: want it once in Files, Reads or Writes", fd)
		}
		uses[fd] = u
		return nil
	}
	var failed error
	for _, fd := range slices.Sorted(maps.Keys(c.Files)) {
		failed = errors.Join(failed, note(fd, use{true, true, false}))
	}
	for _, fd := range c.Reads {
		failed = errors.Join(failed, note(fd, use{true, false, false}))
	}
	for _, fd := range c.Writes {
		failed = errors.Join(failed, note(fd, use{true, false, true}))
	}
	if failed != nil {
		return nil, failed
	}
	var pipes []Pipe
	for fd, u := range uses {
		if !u.file && (u.given || fd <= 2) {
			pipes = append(pipes, Pipe{FD: fd, Write: u.write})
		}
	}
	return pipes, nil
}

// shorten keeps an error readable.
func shorten(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

// An output is a pipe that we read.
type output struct {
	x      *process
	fd     int
	h      poll.Handle // 0: closed
	paused bool
}

// ready reads once: what is left comes in the next turn.
func (o *output) ready(poll.Ready) {
	if o.paused || o.h == 0 {
		return // it has hung up, and is read after Resume
	}
	l := o.x.l
	buf := l.buffer(false)
	n, err := l.poller.Read(o.h, buf)
	switch {
	case err == poll.ErrAgain:
	case err == io.EOF, errors.Is(err, syscall.EIO): // of a terminal that nobody has open any more
		o.close()
	case err != nil:
		l.log.Warn("cannot read what a child writes", "op", "read", "peer", o.x.addr(o.fd), "err", err)
		o.close()
	default:
		done := false
		defer func() {
			if !done { // as a panic ends its connection
				o.close()
			}
		}()
		o.x.p.OutputReceived(o.fd, buf[:n])
		done = true
	}
}

func (o *output) hold(paused bool) {
	o.paused = paused
	if o.h != 0 {
		want := poll.In
		if paused {
			want = 0
		}
		o.x.l.poller.Want(o.h, want)
	}
}

// close ends the pipe and tells of it, from a callback of its own.
func (o *output) close() {
	if o.h == 0 {
		return
	}
	o.release()
	o.x.l.deeds = append(o.x.l.deeds, func() {
		o.x.closed()
		o.x.p.OutputClosed(o.fd)
	})
}

func (o *output) release() {
	l := o.x.l
	l.unregister(o.h)
	l.poller.Close(o.h, false)
	o.h = 0
}
