package process

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// DefaultMaxOutputBytes is how much a Run keeps of output, and of errors.
const DefaultMaxOutputBytes = 1 << 20

// ErrTooMuchOutput ends a Run whose program wrote more than MaxOutputBytes.
var ErrTooMuchOutput = errors.New("more output than is kept")

// A Run is one run of a program. Immutable after first use.
type Run struct {
	// Command is what to run; it gets a Group.
	twistor.Command
	// Input is what the program reads. Empty: /dev/null, unless the Command
	// says what is at 0.
	Input []byte
	// MaxOutputBytes is how much may be written to output, and to errors; 0: 1
	// MiB; negative: no limit. Beyond, the program is killed.
	MaxOutputBytes int
}

// A Result is what came of a Run.
type Result struct {
	Output, Errors []byte // what was written to 1 and 2
	Code           int    // the status; 0 is success, -1 one that a signal killed
}

// An Error says how a Run failed. It wraps why: a *twistor.ExitError,
// ErrTooMuchOutput, twistor.ErrStopped.
type Error struct {
	Path   string
	Result Result // until then
	Err    error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("process: %s: %v", e.Path, e.Err)
	if said := firstLine(e.Result.Errors); said != "" {
		text += fmt.Sprintf(": %q", said)
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Start runs the program. The Deferred fires when it has ended and its pipes
// are closed: a status that is not 0 is a Result, too. It fails with an *Error
// if a signal killed the program or it wrote too much, and with Spawn's error if
// there is no program. Cancel, and Timeout, kill it. Loop-only.
func (r Run) Start(l twistor.Loop) *deferred.Deferred[Result] {
	d := deferred.New[Result](l)
	j := &job{path: r.Path, most: r.MaxOutputBytes, done: d}
	if j.most == 0 {
		j.most = DefaultMaxOutputBytes
	}
	c := r.Command
	c.Group = true
	if len(r.Input) == 0 && !c.PTY && !has(c, 0) {
		files := map[int]*os.File{0: nil}
		maps.Copy(files, c.Files)
		c.Files = files
	}
	p, err := spawn(l, c, j)
	if err != nil {
		d.Fail(err)
		return d
	}
	d.OnCancel(j.kill)
	if in := p.Input(0); in != nil && len(r.Input) > 0 {
		// What is to be written is here already: no more of it comes to be.
		in.SetLimits(twistor.Limits{Max: -1, Linger: -1})
		in.Write(r.Input)
		if !c.PTY {
			in.Close()
		}
	}
	return d
}

// has reports whether the child's fd is spoken for.
func has(c twistor.Command, fd int) bool {
	_, file := c.Files[fd]
	return file || slices.Contains(c.Reads, fd) || slices.Contains(c.Writes, fd)
}

// spawn starts a child of l.
func spawn(l twistor.Loop, c twistor.Command, p twistor.ProcessProtocol) (twistor.Process, error) {
	s, ok := l.(twistor.Spawner)
	if !ok {
		return nil, fmt.Errorf("process: %s: this loop has no child processes: %w", c.Path, errors.ErrUnsupported)
	}
	return s.Spawn(c, p)
}

// Output runs c and returns what it wrote to its output. A status that is not 0
// is an *Error, which has what it wrote to its errors; else that is dropped.
func Output(co *deferred.Co, l twistor.Loop, c twistor.Command) ([]byte, error) {
	r, err := Run{Command: c}.Start(l).Await(co)
	if err != nil {
		return nil, err
	}
	if r.Code != 0 {
		return r.Output, &Error{c.Path, r, &twistor.ExitError{Code: r.Code}}
	}
	return r.Output, nil
}

// Value runs c and returns its status. The error is that of Run.Start.
func Value(co *deferred.Co, l twistor.Loop, c twistor.Command) (int, error) {
	r, err := Run{Command: c}.Start(l).Await(co)
	return r.Code, err
}

// A job is the protocol of a Run.
type job struct {
	path    string
	most    int
	done    *deferred.Deferred[Result]
	process twistor.Process
	result  Result
	why     error // we killed it
}

func (j *job) Spawned(p twistor.Process) { j.process = p }

func (j *job) OutputReceived(fd int, p []byte) {
	kept := &j.result.Output
	if fd == 2 {
		kept = &j.result.Errors
	}
	if fd > 2 || j.why != nil {
		return
	}
	if j.most >= 0 && len(p) > j.most-len(*kept) {
		p = p[:j.most-len(*kept)]
		j.why = fmt.Errorf("%w: want up to %d bytes", ErrTooMuchOutput, j.most)
		j.kill()
	}
	*kept = append(*kept, p...)
}

func (j *job) OutputClosed(int) {}
func (j *job) Exited(error)     {}

func (j *job) Ended(err error) {
	exit, ok := errors.AsType[*twistor.ExitError](err)
	if ok {
		j.result.Code = exit.Code
	}
	switch {
	case j.why != nil:
		err = j.why
	case ok && exit.Code > 0:
		err = nil
	}
	if err != nil {
		j.done.Fail(&Error{j.path, j.result, err})
		return
	}
	j.done.Succeed(j.result)
}

func (j *job) kill() { j.process.Signal(os.Kill) }
