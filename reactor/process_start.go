package reactor

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

// startNothing is for a World that has no processes.
func startNothing(twistor.Loop, twistor.Command, []Pipe) (Child, error) {
	return nil, fmt.Errorf("child processes in this world: %w", errors.ErrUnsupported)
}

// startSystem starts a child of this process.
func startSystem(_ twistor.Loop, c twistor.Command, pipes []Pipe) (Child, error) {
	path, err := exec.LookPath(c.Path)
	if err != nil {
		return nil, err
	}
	user, err := userOf(c)
	if err != nil {
		return nil, err
	}
	spec := poll.ProcessSpec{
		Path: path, Args: append([]string{c.Path}, c.Args...), Env: environment(c.Env), Dir: c.Dir,
		Group: c.Group, Terminal: c.PTY, User: user,
	}
	var g gift
	defer g.close()
	if c.PTY {
		err = g.terminal(pipes)
	} else {
		err = g.fill(c, pipes)
	}
	if err != nil {
		return nil, unsupported(err)
	}
	spec.Files = g.files
	p, err := poll.StartProcess(spec)
	if err != nil {
		return nil, unsupported(err)
	}
	g.ours = nil // the caller's now
	return &systemChild{Process: p}, nil
}

// environment drops all but the last of each name: what programs make of two
// differs.
func environment(env []string) []string {
	if env == nil {
		return nil
	}
	last := make(map[string]int, len(env))
	for i, e := range env {
		name, _, _ := strings.Cut(e, "=")
		last[name] = i
	}
	once := make([]string, 0, len(env))
	for i, e := range env {
		if name, _, _ := strings.Cut(e, "="); last[name] == i {
			once = append(once, e)
		}
	}
	return once
}

func unsupported(err error) error {
	if err == errors.ErrUnsupported {
		return fmt.Errorf("on this system: %w", err)
	}
	return err
}

// A gift is what a child gets, and what of it we close when it has it.
type gift struct {
	files []*os.File // by the child's number
	made  []*os.File // of these, ours to close
	ours  []poll.FD  // our ends, to be closed if there is no child
}

// put sets what the child gets at fd.
func (g *gift) put(fd int, f *os.File) {
	for len(g.files) <= fd {
		g.files = append(g.files, nil)
	}
	g.files[fd] = f
}

// fill makes pipes, and takes Files.
func (g *gift) fill(c twistor.Command, pipes []Pipe) error {
	for _, fd := range slices.Sorted(maps.Keys(c.Files)) {
		f := c.Files[fd]
		if f == nil {
			null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			g.made = append(g.made, null)
			f = null
		}
		g.put(fd, f)
	}
	for i := range pipes {
		p := &pipes[i]
		reading, writing, err := poll.Pipe()
		if err != nil {
			return err
		}
		ours, theirs := reading, writing
		if p.Write {
			ours, theirs = writing, reading
		}
		f := poll.FileOf(theirs, fmt.Sprintf("pipe %d", p.FD))
		g.made, g.ours = append(g.made, f), append(g.ours, ours)
		g.put(p.FD, f)
		p.Socket = ours
	}
	return nil
}

// terminal makes a terminal.
func (g *gift) terminal(pipes []Pipe) error {
	reading, writing, file, err := poll.Terminal()
	if err != nil {
		return err
	}
	g.made, g.ours = append(g.made, file), append(g.ours, reading, writing)
	for fd := range 3 {
		g.put(fd, file)
	}
	pipes[0].Socket, pipes[1].Socket = writing, reading
	return nil
}

func (g *gift) close() {
	for _, f := range g.made {
		f.Close()
	}
	for _, fd := range g.ours {
		poll.CloseFD(fd)
	}
}

// A systemChild is a real child.
type systemChild struct {
	*poll.Process
	taken bool // Exit was asked for
}

// Exit implements Child.
func (c *systemChild) Exit() poll.Socket {
	c.taken = true
	return c.Process.Exit()
}

// Wait implements Child.
func (c *systemChild) Wait() error {
	state, err := c.Process.Wait()
	switch {
	case err != nil:
		return &twistor.ExitError{Code: -1, Err: err}
	case state.Success():
		return nil
	}
	e := &twistor.ExitError{Code: state.ExitCode(), Err: &exec.ExitError{ProcessState: state}}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.Signal = status.Signal()
	}
	return e
}

// KillGroup implements Child.
func (c *systemChild) KillGroup() { c.SignalGroup(syscall.SIGKILL) }

// Abandon implements Child: a goroutine waits for the child, so that it does not
// stay a zombie, and ends with it.
func (c *systemChild) Abandon() {
	if exit, ok := c.Process.Exit().(poll.FD); ok && !c.taken {
		poll.CloseFD(exit)
	}
	go c.Process.Wait()
}
