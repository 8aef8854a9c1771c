package reactor

import (
	"errors"
	"io"

	"github.com/twistor-go/twistor"
)

// Notify implements twistor.Notifier.
func (l *loop) Notify(dir string, f func(name string, op twistor.FileOp)) (io.Closer, error) {
	if f == nil {
		return nil, errors.New("reactor: Notify: want a function")
	}
	if err := l.start(); err != nil {
		return nil, err
	}
	if l.r.world.Notify != nil {
		return l.r.world.Notify(l, dir, f)
	}
	return l.notify(dir, f)
}
