package reactor

import (
	"errors"
	"net"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

// A watch serves somebody else's descriptor.
type watch struct {
	l *loop
	h poll.Handle
	w twistor.WatchProtocol
}

// Watch implements twistor.Watcher: w hears when f can be read or written,
// until the Closer is closed, which leaves f open. Files of a disk cannot be
// watched, because they are always ready: use deferred.Go.
func (l *loop) Watch(f *os.File, w twistor.WatchProtocol) (twistor.Watch, error) {
	if f == nil || w == nil {
		return nil, errors.New("reactor: Watch: want a file and a WatchProtocol")
	}
	if err := l.start(); err != nil {
		return nil, err
	}
	if l.watcher == nil {
		return nil, errors.ErrUnsupported
	}
	x, err := l.watchFD(int(f.Fd()), w)
	if err != nil {
		return nil, &os.PathError{Op: "watch", Path: f.Name(), Err: err}
	}
	return x, nil
}

func (l *loop) watchFD(fd int, w twistor.WatchProtocol) (*watch, error) {
	h, err := l.watcher.Watch(fd)
	if err != nil {
		return nil, err
	}
	if err := l.poller.Want(h, poll.In); err != nil {
		l.poller.Close(h, false)
		return nil, err
	}
	x := &watch{l: l, h: h, w: w}
	l.register(h, x)
	l.watches = append(l.watches, x)
	return x, nil
}

// Want implements twistor.Watch.
func (x *watch) Want(readable, writable bool) error {
	if x.h == 0 {
		return net.ErrClosed
	}
	var w poll.Ready
	if readable {
		w |= poll.In
	}
	if writable {
		w |= poll.Out
	}
	return x.l.poller.Want(x.h, w)
}

func (x *watch) ready(r poll.Ready) {
	if r&(poll.In|poll.Hup) != 0 {
		x.w.Readable()
	}
	if r&poll.Out != 0 && x.h != 0 {
		x.w.Writable()
	}
}

// Close implements io.Closer.
func (x *watch) Close() error {
	if x.h == 0 {
		return net.ErrClosed
	}
	x.end(net.ErrClosed)
	return nil
}

func (x *watch) end(err error) {
	l := x.l
	l.unregister(x.h)
	l.poller.Close(x.h, false)
	x.h = 0
	l.watches = without(l.watches, x)
	l.deeds = append(l.deeds, func() { x.w.Disconnected(err) })
}
