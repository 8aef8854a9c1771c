package sim

import (
	"fmt"
	"os"
	"slices"

	"github.com/twistor-go/twistor"
)

// A Spawned is a child process that a Clock's Spawn recorded; the test plays the
// child. For children that run by themselves see Host.Program. Loop-only.
type Spawned struct {
	Command  twistor.Command
	Protocol twistor.ProcessProtocol
	// Signals are those that it was sent, in order. They do nothing by
	// themselves: call Exit.
	Signals []os.Signal

	clock  *Clock
	pid    int
	inputs map[int]*Transport
	open   []int // pipes that it writes
	paused map[int][]string
	over   bool
}

var (
	_ twistor.Spawner = (*Clock)(nil)
	_ twistor.Process = (*Spawned)(nil)
)

// Spawn records a child, unless FailSpawn says otherwise.
func (c *Clock) Spawn(command twistor.Command, p twistor.ProcessProtocol) (twistor.Process, error) {
	if c.FailSpawn != nil {
		return nil, fmt.Errorf("sim: spawn %q: %w", command.Path, c.FailSpawn)
	}
	s := &Spawned{
		Command: command, Protocol: p, clock: c, pid: firstPID + len(c.spawned) + 1,
		inputs: map[int]*Transport{}, paused: map[int][]string{},
	}
	has := func(fd int) bool { _, ok := command.Files[fd]; return !ok }
	if has(0) {
		s.input(0)
	}
	for _, fd := range command.Writes {
		s.input(fd)
	}
	for _, fd := range append([]int{1, 2}, command.Reads...) {
		if has(fd) && !(command.PTY && fd == 2) {
			s.open = append(s.open, fd)
		}
	}
	c.spawned = append(c.spawned, s)
	c.call(func() { p.Spawned(s) })
	c.rest(false)
	return s, nil
}

// input makes one Input, whose Protocol is nobody's.
func (s *Spawned) input(fd int) {
	t := NewTransport(s.clock)
	t.Start(&Ear{})
	s.inputs[fd] = t
}

// Spawned are the children that have not exited, in the order of their Spawns.
func (c *Clock) Spawned() (running []*Spawned) {
	for _, s := range c.spawned {
		if !s.over {
			running = append(running, s)
		}
	}
	return running
}

// Over reports whether the child has exited.
func (s *Spawned) Over() bool { return s.over }

// PID implements twistor.Process.
func (s *Spawned) PID() int { return s.pid }

// Input implements twistor.Process: it is a *Transport, which has what was
// Written.
func (s *Spawned) Input(fd int) twistor.Transport {
	if t := s.inputs[fd]; t != nil {
		return t
	}
	return nil
}

// Pause implements twistor.Process.
func (s *Spawned) Pause(fd int) {
	if _, ok := s.paused[fd]; !ok {
		s.paused[fd] = []string{}
	}
}

// Resume implements twistor.Process.
func (s *Spawned) Resume(fd int) {
	held := s.paused[fd]
	delete(s.paused, fd)
	for _, text := range held {
		s.clock.Post(func() {
			if slices.Contains(s.open, fd) {
				s.Output(fd, text)
			}
		})
	}
}

// Signal implements twistor.Process: it records sig.
func (s *Spawned) Signal(sig os.Signal) error {
	if s.over {
		return os.ErrProcessDone
	}
	s.Signals = append(s.Signals, sig)
	return nil
}

// Output has the child write to fd: what is paused comes after Resume.
func (s *Spawned) Output(fd int, text string) {
	held, paused := s.paused[fd]
	switch {
	case !slices.Contains(s.open, fd):
		panic(fmt.Sprintf("sim: Output to %d, which the child has not open", fd))
	case paused:
		s.paused[fd] = append(held, text)
		return
	}
	s.clock.call(func() { s.Protocol.OutputReceived(fd, []byte(text)) })
	s.clock.rest(false)
}

// CloseOutput implements twistor.Process, and has the child close fd, which the
// protocol hears alike.
func (s *Spawned) CloseOutput(fd int) {
	if !slices.Contains(s.open, fd) {
		return
	}
	s.open = slices.DeleteFunc(s.open, func(o int) bool { return o == fd })
	s.clock.call(func() { s.Protocol.OutputClosed(fd) })
	s.clock.rest(false)
}

// Exit ends the child: nil, or a *twistor.ExitError. Its pipes are closed, and
// the protocol hears of all; what is still paused is lost.
func (s *Spawned) Exit(err error) {
	if s.over {
		panic("sim: Exit of a child that has exited")
	}
	s.over = true
	for len(s.open) > 0 {
		s.CloseOutput(s.open[0])
	}
	for _, fd := range append([]int{0}, s.Command.Writes...) {
		if t := s.inputs[fd]; t != nil {
			t.Reset()
		}
	}
	s.clock.call(func() { s.Protocol.Exited(err) })
	s.clock.rest(false)
	s.clock.call(func() { s.Protocol.Ended(err) })
	s.clock.rest(false)
}
