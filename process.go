package twistor

import (
	"os"
)

// A Spawner is a Loop that can have child processes. Both reactor (where the
// system is a UNIX) and sim are.
type Spawner interface {
	// Spawn starts a child and tells p about it, Spawned first and before Spawn
	// returns. An error says that there is no child, and p hears nothing.
	Spawn(c Command, p ProcessProtocol) (Process, error)
}

// A Command is a child process to be. Path is what to run; one without a slash
// is looked up in PATH. Immutable after first use.
type Command struct {
	Path     string
	Args     []string         // without Path
	Env      []string         // nil: ours; empty: empty
	Dir      string           // "": ours
	Files    map[int]*os.File // the child's number: what it gets there, instead of a pipe
	Reads    []int            // more pipes, by the child's number: those we read,
	Writes   []int            // and those we write
	PTY      bool             // a terminal of its own at 0, 1 and 2, its controlling one; excludes Files, Reads, Writes
	Group    bool             // a process group of its own, which Signal reaches as a whole
	UID, GID int              // 0: ours
}

// A ProcessProtocol hears of one child: of what it writes, and of its end.
type ProcessProtocol interface {
	Spawned(p Process)               // once, first
	OutputReceived(fd int, p []byte) // p is valid only during the call; 1 is its output, 2 its errors
	OutputClosed(fd int)             // no more of it
	Exited(err error)                // nil for status 0, else *exec.ExitError; once
	Ended(err error)                 // exited, and every pipe closed; once, last
}

// A Process is a child. Loop-only.
type Process interface {
	PID() int
	// Input is what the child reads at fd: Write queues, Close ends it. nil: no
	// pipe of ours. Its standard input is 0, a terminal too.
	Input(fd int) Transport
	// Pause holds OutputReceived of fd back until Resume; the child waits when
	// its pipe is full.
	Pause(fd int)
	Resume(fd int)
	// Signal sends s; os.ErrProcessDone if the child is reaped.
	Signal(s os.Signal) error
}
