package process_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/process"
	"github.com/twistor-go/twistor/sim"
)

// programs are what the tests run.
func programs(h *sim.Host) {
	h.Program("say", func(co *deferred.Co, c *sim.Child) int {
		c.Write(co, 1, c.Command.Args[0])
		c.Write(co, 2, c.Command.Args[1])
		return len(c.Command.Args) - 2
	})
	h.Program("upper", func(co *deferred.Co, c *sim.Child) int {
		for {
			p, err := c.Read(co, 0)
			if err != nil {
				return 0
			}
			c.Write(co, 1, strings.ToUpper(string(p)))
		}
	})
	h.Program("flood", func(co *deferred.Co, c *sim.Child) int {
		for c.Write(co, 1, strings.Repeat("x", 10_000)) == nil {
		}
		return 0
	})
	h.Program("sleep", func(co *deferred.Co, c *sim.Child) int { co.Sleep(time.Hour); return 0 })
}

// TestR52Output: what a program wrote, whatever its input was; a status that is
// not 0 is an error that says what it complained of.
func TestR52Output(t *testing.T) {
	sim.Seeds(t, 20, func(t *testing.T, w *sim.World) {
		h := w.Host("host")
		programs(h)
		h.Do(func(co *deferred.Co) error {
			l := co.Loop().(twistor.Loop)
			got, err := process.Output(co, l, twistor.Command{Path: "say", Args: []string{"out", "err"}})
			if string(got) != "out" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
			got, err = process.Output(co, l, twistor.Command{Path: "say", Args: []string{"out", "\nbad luck\nmore", ""}})
			if e, ok := errors.AsType[*process.Error](err); !ok || string(got) != "out" || e.Result.Code != 1 ||
				err.Error() != `process: say: exit status 1: "bad luck"` {
				t.Errorf("status 1: got %q, %v", got, err)
			}
			if x, ok := errors.AsType[*twistor.ExitError](err); !ok || x.Code != 1 {
				t.Errorf("status 1: %v wraps no ExitError", err)
			}
			code, err := process.Value(co, l, twistor.Command{Path: "say", Args: []string{"", "", "", ""}})
			if code != 2 || err != nil {
				t.Errorf("Value: got %d, %v; want 2", code, err)
			}
			text := strings.Repeat("input ", 500)
			r, err := process.Run{Command: twistor.Command{Path: "upper"}, Input: []byte(text)}.Start(l).Await(co)
			if string(r.Output) != strings.ToUpper(text) || err != nil {
				t.Errorf("with input: got %d bytes, %v", len(r.Output), err)
			}
			r, err = process.Run{Command: twistor.Command{Path: "upper"}}.Start(l).Await(co)
			if len(r.Output) != 0 || err != nil {
				t.Errorf("without input: got %q, %v", r.Output, err)
			}
			if _, err := process.Output(co, l, twistor.Command{Path: "none"}); err == nil || !strings.Contains(err.Error(), "none") {
				t.Errorf("no program: got %v", err)
			}
			return nil
		})
		if h.Children() != 0 {
			t.Errorf("%d children left", h.Children())
		}
	})
}

// TestR52Bounded: a program that writes without end, or runs for too long, is
// killed, and whoever cancels kills too.
func TestR52Bounded(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	programs(h)
	h.Do(func(co *deferred.Co) error {
		l := co.Loop().(twistor.Loop)
		_, err := process.Run{Command: twistor.Command{Path: "flood"}, MaxOutputBytes: 12_345}.Start(l).Await(co)
		e, ok := errors.AsType[*process.Error](err)
		if !ok || !errors.Is(err, process.ErrTooMuchOutput) || len(e.Result.Output) != 12_345 {
			t.Errorf("a flood: got %v", err)
		}
		_, err = process.Output(co, l, twistor.Command{Path: "flood"})
		if e, ok := errors.AsType[*process.Error](err); !ok || len(e.Result.Output) != process.DefaultMaxOutputBytes {
			t.Errorf("a flood, by default: got %v", err)
		}
		began := l.Now()
		_, err = process.Run{Command: twistor.Command{Path: "sleep"}}.Start(l).Timeout(10 * time.Second).Await(co)
		if !errors.Is(err, deferred.ErrTimeout) || l.Now().Sub(began) != 10*time.Second {
			t.Errorf("Timeout: got %v after %v", err, l.Now().Sub(began))
		}
		return nil
	})
	w.Settle()
	if h.Children() != 0 {
		t.Errorf("%d children left, want all killed", h.Children())
	}
}

// TestR52Killed: a program that a signal killed is an error with its signal.
func TestR52Killed(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	h.Program("killed", func(co *deferred.Co, c *sim.Child) int {
		c.Write(co, 1, "until then")
		co.Sleep(time.Second)
		c.Kill(syscall.SIGTERM)
		co.Sleep(time.Second)
		return 0
	})
	h.Do(func(co *deferred.Co) error {
		_, err := process.Output(co, co.Loop().(twistor.Loop), twistor.Command{Path: "killed"})
		e, ok := errors.AsType[*process.Error](err)
		x, wraps := errors.AsType[*twistor.ExitError](err)
		if !ok || !wraps || x.Signal != syscall.SIGTERM || e.Result.Code != -1 || string(e.Result.Output) != "until then" {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

// On a loop that cannot have children a Run says so.
func TestR52NoSpawner(t *testing.T) {
	c := sim.NewClock(t)
	var bare struct{ twistor.Loop }
	bare.Loop = c
	err := sim.Failure(t, process.Run{Command: twistor.Command{Path: "x"}}.Start(bare))
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, want %v", err, errors.ErrUnsupported)
	}
}

func ExampleOutput() {
	w := sim.New(nil, 0)
	h := w.Host("host")
	h.Program("greet", func(co *deferred.Co, c *sim.Child) int {
		c.Write(co, 1, "hello, "+c.Command.Args[0]+"\n")
		return 0
	})
	h.Do(func(co *deferred.Co) error {
		out, err := process.Output(co, h.Loop(), twistor.Command{Path: "greet", Args: []string{"world"}})
		fmt.Print(string(out))
		return err
	})
	// Output: hello, world
}
