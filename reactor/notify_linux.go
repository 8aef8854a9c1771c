package reactor

import (
	"io"
	"net"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

// notices are the directories that a loop watches, by one inotify descriptor.
type notices struct {
	l     *loop
	in    *poll.Inotify
	watch *watch
	dirs  []*notice
}

// A notice is one caller's interest in one directory.
type notice struct {
	n  *notices
	id int // the system's number of the directory; callers may share one
	f  func(name string, op twistor.FileOp)
}

func (l *loop) notify(dir string, f func(name string, op twistor.FileOp)) (io.Closer, error) {
	if l.notices == nil {
		in, err := poll.OpenInotify()
		if err != nil {
			return nil, err
		}
		n := &notices{l: l, in: in}
		if n.watch, err = l.watchFD(in.FD(), n); err != nil {
			in.Close()
			return nil, err
		}
		l.notices = n
	}
	n := l.notices
	id, err := n.in.Add(dir)
	if err != nil {
		if len(n.dirs) == 0 {
			n.watch.Close()
		}
		return nil, err
	}
	x := &notice{n: n, id: id, f: f}
	n.dirs = append(n.dirs, x)
	return x, nil
}

// Readable implements twistor.WatchProtocol.
func (n *notices) Readable() { n.in.Read(n.tell) }

// Writable implements twistor.WatchProtocol.
func (n *notices) Writable() {}

// Disconnected implements twistor.WatchProtocol.
func (n *notices) Disconnected(error) {
	n.in.Close()
	n.dirs = nil
}

func (n *notices) tell(c poll.Change) {
	op := fileOp(c.Op)
	for i := 0; i < len(n.dirs); i++ { // callbacks may add and remove
		if x := n.dirs[i]; x.id == c.Watch || c.Watch < 0 {
			x.f(c.Name, op)
		}
	}
}

func fileOp(op poll.ChangeOp) (to twistor.FileOp) {
	for _, m := range [...]struct {
		from poll.ChangeOp
		to   twistor.FileOp
	}{
		{poll.Written, twistor.FileWritten},
		{poll.Created, twistor.FileCreated},
		{poll.Removed, twistor.FileRemoved},
		{poll.Lost, twistor.FileLost},
	} {
		if op&m.from != 0 {
			to |= m.to
		}
	}
	return to
}

// Close implements io.Closer.
func (x *notice) Close() error {
	n := x.n
	before := len(n.dirs)
	n.dirs = without(n.dirs, x)
	if len(n.dirs) == before {
		return net.ErrClosed
	}
	for _, other := range n.dirs {
		if other.id == x.id {
			return nil
		}
	}
	if len(n.dirs) == 0 {
		n.l.notices = nil
		return n.watch.Close()
	}
	return n.in.Remove(x.id)
}
