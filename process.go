package twistor

import (
	"io"
	"os"
)

// A Spawner is a Loop that can have child processes; a Watcher one that can
// serve foreign descriptors. Both reactor and sim are both.
type Spawner interface {
	Spawn(c Command, p ProcessProtocol) (Process, error)
}
type Watcher interface {
	Watch(f *os.File, w WatchProtocol) (Watch, error)
}

// A Command is a child process.
type Command struct {
	Path     string
	Args     []string // without Path
	Env      []string // nil: ours; empty: empty
	Dir      string
	Files    map[int]*os.File // beyond pipes for 0, 1, 2
	Reads    []int            // more pipes, by the child's number: those we read,
	Writes   []int            // and those we write
	PTY      bool
	UID, GID int // 0: ours
}

// A ProcessProtocol hears of one child: R27-R31, P07.
type ProcessProtocol interface {
	Spawned(p Process)
	OutputReceived(fd int, p []byte)
	OutputClosed(fd int)
	Exited(err error) // nil for status 0, else *exec.ExitError; once
	Ended(err error)  // exited, and every pipe closed; once, last
}

// A Process is a child.
type Process interface {
	PID() int
	Input(fd int) Transport // its standard input is 0
	Signal(s os.Signal) error
}

// A Watch is what a Watcher does with one descriptor. It begins with Readable.
type Watch interface {
	Want(readable, writable bool) error // what to be told of
	io.Closer                           // Disconnected follows; the file stays open
}

// A WatchProtocol serves a descriptor of one's own, level-triggered: it hears
// again what it did not act on.
type WatchProtocol interface {
	Readable()
	Writable()
	Disconnected(err error)
}
