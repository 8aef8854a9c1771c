package reactor

import (
	"context"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
	"github.com/twistor-go/twistor/internal/tlslayer"
)

// A World is what a reactor knows of the outside: sockets, time, chance, files,
// names. The zero Config uses the real one; package sim makes others, in which
// the same reactor runs on a seeded network and clock.
//
// A nil field is the real thing. Immutable after first use.
type World struct {
	// Open makes the Poller of one loop.
	Open func() (poll.Poller, error)
	// Now is the wall time and the monotonic nanoseconds; Poller.Wait's until
	// counts on the second.
	Now func() (wall time.Time, mono int64)
	// Entropy is where Loop.Rand comes from.
	Entropy io.Reader
	// FS is Loop.FS.
	FS twistor.FS
	// Resolve looks a name up; it is called on the pool and may block.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Do runs a job of Loop.Work; deliver hands what it returned to the loop,
	// from any goroutine. Nil: a deferred.Pool.
	Do func(job func(context.Context) func(), deliver func(func())) (cancel func(), err error)
	// TLS is what secures connections. Nil: crypto/tls.
	TLS tlslayer.Engine
	// Report hears of failures that nobody handles; nil: they are logged.
	Report func(err error)
	// Notify watches a directory for changes; see twistor.Notifier.
	Notify func(l twistor.Loop, dir string, f func(name string, op twistor.FileOp)) (io.Closer, error)
	// Start starts a child process with our ends of its pipes, whose Sockets it
	// fills in. Nil in a World with an Open: there are none.
	Start func(l twistor.Loop, c twistor.Command, pipes []Pipe) (Child, error)
	// Debug records where Deferreds and timers were made.
	Debug bool
}

// A Pipe is our end of a pipe to a child process.
type Pipe struct {
	FD     int  // the child's number
	Write  bool // we write, the child reads
	Socket poll.Socket
}

// A Child is a child process, seen from below. Loop-only.
type Child interface {
	PID() int
	// Exit is ready In when Exited, at times before; then Wait need not wait.
	// Nil: Wait is called at once, on a goroutine.
	Exit() poll.Socket
	Exited() bool
	// Wait waits for the end and reaps, once: nil or a *twistor.ExitError.
	Wait() error
	// Signal is not called after Wait; KillGroup is.
	Signal(s os.Signal) error
	KillGroup()
	// Abandon is called in place of Wait when the loop stops before the end.
	Abandon()
}

var _ deferred.Loop = twistor.Loop(nil)
