package twistor

import (
	"fmt"
	"os"
	"time"
)

// A Spawner is a Loop that can have child processes. Both reactor (where the
// system is a UNIX) and sim are.
type Spawner interface {
	// Spawn starts a child and tells p about it, Spawned first and before Spawn
	// returns. An error says that there is no child, and p hears nothing: no
	// such program, nobody may run it, no more processes or descriptors.
	Spawn(c Command, p ProcessProtocol) (Process, error)
}

// A Command is a child process to be. Immutable after first use.
//
// The child gets a pipe at each of 0, which we write, and 1 and 2, which we
// read, and nothing else that we have open, but for what is said here.
type Command struct {
	// Path is what to run; one without a slash is looked up in our PATH.
	Path string
	Args []string // without Path
	Env  []string // "NAME=value", the last one of a name counts; nil: ours; empty: empty
	Dir  string   // "": ours

	// Files say by the child's number what it gets there instead of a pipe: a
	// nil one is /dev/null. They stay the caller's, are made to block, and may
	// be closed when Spawn has returned. Reads and Writes are more pipes: those we read, and
	// those we write. Numbers go up to 255, each is for one of the three.
	Files  map[int]*os.File
	Reads  []int
	Writes []int

	// PTY gives the child a terminal of its own at 0, 1 and 2, its controlling
	// one, in a session of its own. It excludes Files, Reads and Writes.
	PTY bool
	// Group gives the child a process group of its own, which Signal reaches as
	// a whole.
	Group bool
	// UID and GID are whose rights the child has. UID 0: ours. GID 0: that of
	// UID in the system's database; without UID, ours. It has the supplementary
	// groups that the database gives UID, and none without UID.
	UID, GID int

	// Linger is how long pipes may stay open after the child has exited, which
	// it takes a child of its own that got them: then they are closed, and what
	// is left of its Group is killed. 0: 5 s; negative: for ever.
	Linger time.Duration
}

// A ProcessProtocol hears of one child: of what it writes, and of its end. It
// may be a Drainer, which hears when an Input that was Full takes more, and an
// InputCloser. A panic in OutputReceived closes that pipe.
type ProcessProtocol interface {
	Spawned(p Process)               // once, first
	OutputReceived(fd int, p []byte) // p is valid only during the call; 1 is its output, 2 its errors
	OutputClosed(fd int)             // no more of it; once for each pipe that we read
	// Exited says that the child has ended and is reaped, once; what it wrote
	// before may still come. err is nil for status 0, else an *ExitError.
	Exited(err error)
	// Ended is the last event, once: the child has exited and every pipe is
	// closed. err is that of Exited, or ErrStopped without Exited: the loop
	// stopped, and closed the pipes (a terminal hangs up); the child was not
	// told otherwise.
	Ended(err error)
}

// An InputCloser is a ProcessProtocol that hears of the end of each Input, once:
// net.ErrClosed after our Close, io.EOF if the child closed it.
type InputCloser interface{ InputClosed(fd int, err error) }

// A Process is a child. Loop-only.
type Process interface {
	// PID is the system's number of the child; after Exited it may be another's.
	PID() int
	// Input is what the child reads at fd: Write queues, within Limits, Close
	// ends it after that. nil: no pipe of ours. Its standard input is 0, a
	// terminal too, which Close does not end: write "\x04" for that.
	Input(fd int) Transport
	// Pause holds OutputReceived of fd back until Resume; the child waits when
	// its pipe is full. After Exited nothing is closed while it is paused.
	Pause(fd int)
	Resume(fd int)
	// CloseOutput closes our end of fd: OutputClosed follows, and a child that
	// goes on writing there gets SIGPIPE.
	CloseOutput(fd int)
	// Signal sends s to the child, or to its Group; os.ErrProcessDone if the
	// child is reaped.
	Signal(s os.Signal) error
}

// A Resizer is a Process with a PTY, whose size it can set, in characters.
type Resizer interface{ Resize(rows, columns int) error }

// An ExitError says how a child ended that did not end well.
type ExitError struct {
	// Code is the child's status, from 1 to 255. -1: Signal killed it or, if
	// that is nil, nobody knows, and Err says why.
	Code   int
	Signal os.Signal
	// Err is the *exec.ExitError of a real child, which knows more of it; nil in
	// the simulator.
	Err error
}

func (e *ExitError) Error() string {
	switch {
	case e.Signal != nil:
		return fmt.Sprintf("killed by signal: %v", e.Signal)
	case e.Code < 0 && e.Err != nil:
		return fmt.Sprintf("exit status unknown: %v", e.Err)
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

func (e *ExitError) Unwrap() error { return e.Err }
