package twistor

import (
	"io"
	"os"
)

// A Watcher is a Loop that can serve foreign descriptors, those of a C library
// or a device: package reactor's are, on systems that have descriptors.
type Watcher interface {
	// Watch tells w when f can be read, until the Watch is closed or the loop
	// stops. Files of a disk are always ready and are refused: use deferred.Go.
	Watch(f *os.File, w WatchProtocol) (Watch, error)
}

// A Watch is what a Watcher does with one descriptor. It begins with Readable.
type Watch interface {
	Want(readable, writable bool) error // what to be told of
	io.Closer                           // Disconnected follows; the file stays open
}

// A WatchProtocol serves a descriptor of one's own, level-triggered: it hears
// again what it did not act on. All is Loop-only.
type WatchProtocol interface {
	Readable()
	Writable()
	Disconnected(err error) // once, last; net.ErrClosed after Close, ErrStopped
}
