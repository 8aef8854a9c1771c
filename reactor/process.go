package reactor

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
)

// processLinger is how long pipes stay open after a child's end that a child of
// its own holds.
const processLinger = 5 * time.Second

// A process is a child process. Owned by the loop.
type process struct {
	l        *loop
	p        twistor.ProcessProtocol
	child    Child
	pid      int
	name     string // of the program, for addresses
	group    bool
	terminal bool
	linger   time.Duration // after Exited; negative: for ever
	exit     poll.Handle   // ready when the child has ended; 0: a goroutine waits, or it is reaped
	inputs   []*input
	outputs  []*output
	open     int // pipes
	timer    deferred.Timer

	reaped  bool  // Exited is told, or never will be
	err     error // of Exited, and of Ended
	awaited bool  // a goroutine waits for the child's end
	stopped bool  // the loop has: Ended is all that is still told
	ended   bool
}

var (
	_ twistor.Process = (*process)(nil)
	_ twistor.Resizer = (*process)(nil)
)

// Spawn implements twistor.Spawner. It blocks for about a millisecond, until
// the child runs its program.
func (l *loop) Spawn(c twistor.Command, p twistor.ProcessProtocol) (twistor.Process, error) {
	x, err := l.spawn(c, p)
	if err != nil {
		return nil, fmt.Errorf("reactor: spawn %q: %w", c.Path, err)
	}
	p.Spawned(x)
	return x, nil
}

func (l *loop) spawn(c twistor.Command, p twistor.ProcessProtocol) (*process, error) {
	pipes, err := pipesOf(c, p)
	if err != nil {
		return nil, err
	}
	if err := l.start(); err != nil {
		return nil, err
	}
	start := l.r.world.Start
	if start == nil {
		if start = startSystem; !l.r.real {
			start = startNothing
		}
	}
	child, err := start(l, c, pipes)
	if err != nil {
		return nil, err
	}
	x := &process{
		l: l, p: p, child: child, pid: child.PID(), name: filepath.Base(c.Path),
		group: c.Group, terminal: c.PTY, linger: c.Linger, open: len(pipes),
	}
	if x.linger == 0 {
		x.linger = processLinger
	}
	if err := x.attach(pipes); err != nil {
		x.giveUp(pipes)
		return nil, err
	}
	l.processes = append(l.processes, x)
	return x, nil
}

// attach has the Poller watch the pipes and the child's end.
func (x *process) attach(pipes []Pipe) error {
	l := x.l
	for i := range pipes {
		p := &pipes[i]
		network := "file"
		if p.Write {
			network = "sink"
		}
		h, err := l.poller.Adopt(p.Socket, poll.Spec{Network: network})
		if err != nil {
			return err
		}
		p.Socket = nil
		if p.Write {
			x.inputs = append(x.inputs, newInput(x, p.FD, h))
			continue
		}
		o := &output{x: x, fd: p.FD, h: h}
		x.outputs = append(x.outputs, o)
		l.register(h, o)
	}
	if sock := x.child.Exit(); sock != nil {
		h, err := l.poller.Adopt(sock, poll.Spec{Network: "process"})
		if err == nil {
			x.exit = h
			l.register(h, x)
			return nil
		}
		l.poller.Drop(sock, false)
	}
	x.awaited = true
	go x.await(x.child)
	return nil
}

// giveUp ends a child that cannot be watched, of which nobody has heard.
func (x *process) giveUp(pipes []Pipe) {
	x.stopped, x.ended = true, true
	for _, p := range pipes {
		if p.Socket != nil {
			x.l.poller.Drop(p.Socket, false)
		}
	}
	for _, o := range x.outputs {
		o.release()
	}
	for _, in := range x.inputs {
		bare{in.conn}.Abort()
	}
	x.child.Signal(os.Kill)
	x.child.Abandon()
}

// await is a goroutine that waits for the child, where a Poller cannot. It ends
// with the child.
func (x *process) await(child Child) {
	err := child.Wait()
	if x.l.mail.putAlways(func() { x.exited(err) }) {
		x.l.rouse()
	}
}

// ready serves the child's end.
func (x *process) ready(poll.Ready) {
	if !x.child.Exited() {
		return
	}
	x.forgetExit()
	x.exited(x.child.Wait())
}

func (x *process) forgetExit() {
	if x.exit != 0 {
		x.l.unregister(x.exit)
		x.l.poller.Close(x.exit, false)
		x.exit = 0
	}
}

// exited tells of the end. What the child wrote is still read; but a pipe that
// another one holds is closed after a time.
func (x *process) exited(err error) {
	if x.stopped {
		return
	}
	x.reaped, x.err = true, err
	if x.open > 0 && x.linger >= 0 {
		x.timer = x.l.CallLater(x.linger, x.expire)
	}
	x.endSoon()
	x.p.Exited(err)
}

// expire closes what is still open a time after the child's end. While somebody
// pauses, nobody can know what is still to be read.
func (x *process) expire() {
	if slices.ContainsFunc(x.outputs, func(o *output) bool { return o.h != 0 && o.paused }) {
		x.timer.Reset(x.linger)
		return
	}
	if x.group {
		x.child.KillGroup()
	}
	for _, in := range x.inputs {
		bare{in.conn}.Abort()
	}
	for _, o := range x.outputs {
		o.close()
	}
}

// closed counts a pipe that has ended.
func (x *process) closed() {
	x.open--
	x.endSoon()
}

// endSoon has Ended called when nothing else is left to be told.
func (x *process) endSoon() {
	if x.open == 0 && x.reaped && !x.ended {
		x.l.deeds = append(x.l.deeds, x.end)
	}
}

func (x *process) end() {
	if x.ended {
		return
	}
	x.ended = true
	x.timer.Stop()
	x.l.processes = without(x.l.processes, x)
	x.p.Ended(x.err)
}

// stop is the loop's end: the pipes are closed, and the child goes its way. The
// inputs are closed with the connections.
func (x *process) stop() {
	if !x.reaped {
		x.reaped, x.err = true, twistor.ErrStopped
		x.forgetExit()
		if !x.awaited {
			x.child.Abandon()
		}
	}
	x.stopped = true
	x.timer.Stop()
	for _, o := range x.outputs {
		o.close()
	}
	x.endSoon()
}

// PID implements twistor.Process.
func (x *process) PID() int { return x.pid }

// Input implements twistor.Process.
func (x *process) Input(fd int) twistor.Transport {
	for _, in := range x.inputs {
		if in.fd == fd {
			return in
		}
	}
	return nil
}

// Pause implements twistor.Process.
func (x *process) Pause(fd int) { x.hold(fd, true) }

// Resume implements twistor.Process.
func (x *process) Resume(fd int) { x.hold(fd, false) }

func (x *process) hold(fd int, paused bool) {
	for _, o := range x.outputs {
		if o.fd == fd {
			o.hold(paused)
		}
	}
}

// CloseOutput implements twistor.Process.
func (x *process) CloseOutput(fd int) {
	for _, o := range x.outputs {
		if o.fd == fd {
			o.close()
		}
	}
}

// Signal implements twistor.Process.
func (x *process) Signal(s os.Signal) error {
	if x.reaped {
		return os.ErrProcessDone
	}
	return x.child.Signal(s)
}

// Resize implements twistor.Resizer.
func (x *process) Resize(rows, columns int) error {
	r, ok := x.l.poller.(poll.Resizer)
	if !ok || !x.terminal || len(x.inputs) == 0 || x.inputs[0].h == 0 {
		return fmt.Errorf("reactor: resize of %s: it has no terminal of ours: %w", x.addr(0), errors.ErrUnsupported)
	}
	if rows < 1 || columns < 1 || max(rows, columns) > math.MaxUint16 {
		return fmt.Errorf("reactor: resize to %d rows, %d columns: want 1 to 65535", rows, columns)
	}
	return r.Resize(x.inputs[0].h, uint16(rows), uint16(columns))
}

// addr is what an end of a pipe is called.
func (x *process) addr(fd int) string { return fmt.Sprintf("%s[%d]:%d", x.name, x.pid, fd) }

// A pipeAddr is the address of a pipe to a child.
type pipeAddr string

// Network implements net.Addr.
func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }

var _ net.Addr = pipeAddr("")
