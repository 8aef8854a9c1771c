package sim_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// A listener to a child, without a World.
type hearing struct {
	events []string
	p      twistor.Process
}

func (h *hearing) note(format string, args ...any) {
	h.events = append(h.events, fmt.Sprintf(format, args...))
}
func (h *hearing) Spawned(p twistor.Process)       { h.p = p; h.note("spawned") }
func (h *hearing) OutputReceived(fd int, p []byte) { h.note("%d: %s", fd, p) }
func (h *hearing) OutputClosed(fd int)             { h.note("closed %d", fd) }
func (h *hearing) Exited(err error)                { h.note("exited %v", err) }
func (h *hearing) Ended(err error)                 { h.note("ended %v", err) }

// TestR27Clock: a Clock records children, and the test plays them.
func TestR27Clock(t *testing.T) {
	c := sim.NewClock(t)
	h := &hearing{}
	if _, err := c.Spawn(twistor.Command{Path: "cat"}, h); err != nil {
		t.Fatal(err)
	}
	s := c.Spawned()[0]
	fmt.Fprint(h.p.Input(0), "meow")
	if got := s.Input(0).(*sim.Transport).Take(); got != "meow" || s.Command.Path != "cat" {
		t.Errorf("%s was written %q, want meow to cat", s.Command.Path, got)
	}
	s.Output(1, "purr")
	h.p.Pause(2)
	s.Output(2, "hiss")
	s.Output(1, "purr")
	h.p.Resume(2)
	c.Advance(0)
	if err := h.p.Signal(os.Interrupt); err != nil || len(s.Signals) != 1 || s.Signals[0] != os.Interrupt {
		t.Errorf("signals: got %v, %v", s.Signals, err)
	}
	s.Exit(&twistor.ExitError{Code: 9})
	want := "spawned, 1: purr, 1: purr, 2: hiss, closed 1, closed 2, exited exit status 9, ended exit status 9"
	if got := strings.Join(h.events, ", "); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if len(c.Spawned()) != 0 || !s.Over() || h.p.Signal(os.Kill) != os.ErrProcessDone {
		t.Error("after Exit: want it over")
	}
	c.FailSpawn = os.ErrPermission
	if p, err := c.Spawn(twistor.Command{Path: "cat"}, h); p != nil || err == nil {
		t.Errorf("FailSpawn: got %v, %v", p, err)
	}
}
