package sim

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
	"github.com/twistor-go/twistor/reactor"
)

const (
	maxChildFD = 255
	firstPID   = 1000
)

// writes marks, as the mode of its Spec, the parent's end of a pipe that the
// parent writes.
const writes = 1

// start is reactor.World's Start.
func (h *Host) start(l twistor.Loop, command twistor.Command, pipes []reactor.Pipe) (reactor.Child, error) {
	run := h.programs[command.Path]
	if run == nil {
		if !strings.Contains(command.Path, "/") {
			return nil, &exec.Error{Name: command.Path, Err: exec.ErrNotFound}
		}
		return nil, &os.PathError{Op: "fork/exec", Path: command.Path, Err: syscall.ENOENT}
	}
	h.world.ids++
	h.spawned++
	c := &Child{
		Command: command, host: h, loop: l, pid: firstPID + h.spawned,
		ends: map[int]*conn{}, traps: map[os.Signal]func(){},
		exit: &exitSocket{watched: watched{id: h.world.ids, host: h}},
	}
	c.exit.child = c
	for fd := range maxChildFD + 1 {
		if f, ok := command.Files[fd]; f != nil {
			return nil, fmt.Errorf("sim: a file for a simulated child: %w", errors.ErrUnsupported)
		} else if ok {
			c.ends[fd] = nil
		}
	}
	for i := range pipes {
		if err := c.pipe(&pipes[i]); err != nil {
			for _, p := range pipes[:i] {
				p.Socket.(*conn).close(false)
			}
			return nil, err
		}
	}
	h.children++
	l.Post(func() { c.begin(run) })
	return spawned{c}, nil
}

// pipe makes one pipe, of two connections' ends.
func (c *Child) pipe(p *reactor.Pipe) error {
	w := c.host.world
	spec := poll.Spec{Network: "unix"}
	theirs := w.newConn(c.host, spec)
	if p.Write {
		spec.Mode = writes
	}
	ours := w.newConn(c.host, spec)
	if err := ours.count(); err != nil {
		return failedCall("pipe", err)
	}
	ours.peer, theirs.peer = theirs, ours
	ours.dialed, theirs.dialed = true, true
	ours.remote.Path = fmt.Sprintf("%s[%d]:%d", c.Command.Path, c.pid, p.FD)
	c.host.remember(ours)
	c.ends[p.FD] = theirs
	p.Socket = ours
	return nil
}

// begin runs the program.
func (c *Child) begin(run Program) {
	if c.over {
		return // killed before it could
	}
	c.body = deferred.Inline(c.loop, func(co *deferred.Co) (int, error) { return run(co, c), nil })
	c.body.Done(func(status int, err error) {
		switch {
		case errors.Is(err, deferred.ErrStopped):
			return // the loop stops, and nobody hears of it
		case c.over:
			return
		case err != nil: // a panic is no part of a test
			c.host.world.book.report(err)
			status = 2
		}
		if status == 0 {
			c.finish(nil)
		} else {
			c.finish(&twistor.ExitError{Code: status})
		}
	})
}

// An exitSocket is ready when a child has ended.
type exitSocket struct {
	watched
	child *Child
}

func (s *exitSocket) ready() poll.Ready {
	if s.child.over {
		return poll.In
	}
	return 0
}

func (s *exitSocket) close(bool) { s.shut = true }

// spawned is a Child as the reactor sees it.
type spawned struct{ c *Child }

func (s spawned) PID() int          { return s.c.pid }
func (s spawned) Exit() poll.Socket { return s.c.exit }
func (s spawned) Exited() bool      { return s.c.over }
func (s spawned) Wait() error       { return s.c.status }

// Signal arrives in the next turn.
func (s spawned) Signal(sig os.Signal) error {
	s.c.loop.Post(func() { s.c.deliver(sig) })
	return nil
}

// KillGroup ends whoever was left holding pipes.
func (s spawned) KillGroup() {
	s.c.loop.Post(func() {
		for _, end := range slices.Clone(s.c.kept) {
			s.c.drop(end)
		}
	})
}

// Abandon leaves the child alone: it ends with the loop, which it runs on.
func (s spawned) Abandon() {}
