package sim_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// A kid is a ProcessProtocol that notes what it hears, with the time.
type kid struct {
	w      *sim.World
	p      twistor.Process
	events []string
	out    map[int]string
	input  error
	err    error
	over   bool
}

func newKid(w *sim.World) *kid { return &kid{w: w, out: map[int]string{}} }

func (k *kid) note(event string) {
	k.events = append(k.events, fmt.Sprint(event, " ", k.w.Elapsed()))
}

func (k *kid) Spawned(p twistor.Process)       { k.p = p; k.note("spawned") }
func (k *kid) OutputReceived(fd int, p []byte) { k.out[fd] += string(p) }
func (k *kid) OutputClosed(fd int)             { k.note(fmt.Sprint("closed ", fd)) }
func (k *kid) InputClosed(_ int, err error)    { k.input = err }
func (k *kid) Exited(err error)                { k.err = err; k.note("exited") }
func (k *kid) Ended(err error)                 { k.err, k.over = err, true; k.note("ended") }

// spawn starts c on h.
func spawn(t *testing.T, w *sim.World, h *sim.Host, c twistor.Command) *kid {
	t.Helper()
	k := newKid(w)
	if _, err := h.Loop().(twistor.Spawner).Spawn(c, k); err != nil {
		t.Fatal(err)
	}
	return k
}

func upper(co *deferred.Co, c *sim.Child) int {
	for {
		p, err := c.Read(co, 0)
		if err == io.EOF {
			return 0
		}
		if err == nil {
			err = c.Write(co, 1, strings.ToUpper(string(p)))
		}
		if err != nil {
			return 1
		}
	}
}

// TestR27Program: a child of a simulated host reads, writes and ends as a real
// one does, on any network of seeds.
func TestR27Program(t *testing.T) {
	sim.Seeds(t, 30, func(t *testing.T, w *sim.World) {
		h := w.Host("host")
		h.Program("upper", upper)
		k := spawn(t, w, h, twistor.Command{Path: "upper"})
		text := strings.Repeat("abcdefgh", 2000/8)
		k.p.Input(0).SetLimits(twistor.Limits{Max: -1})
		io.WriteString(k.p.Input(0), text)
		k.p.Input(0).Close()
		w.Run(func() bool { return k.over })
		if k.out[1] != strings.ToUpper(text) || k.err != nil || k.input != net.ErrClosed {
			t.Errorf("got %d bytes, %v, input %v; want %d, nil, %v", len(k.out[1]), k.err, k.input, len(text), net.ErrClosed)
		}
		if h.Children() != 0 {
			t.Errorf("%d children, want none", h.Children())
		}
	})
}

// TestR30Simulated: status, signals and what cannot be started.
func TestR30Simulated(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	h.Program("fail", func(*deferred.Co, *sim.Child) int { return 3 })
	h.Program("sleep", func(co *deferred.Co, c *sim.Child) int { co.Sleep(time.Hour); return 0 })
	h.Program("polite", func(co *deferred.Co, c *sim.Child) int {
		asked := deferred.New[struct{}](co.Loop())
		c.Trap(syscall.SIGTERM, func() { asked.Succeed(struct{}{}) })
		asked.Await(co)
		c.Write(co, 1, "bye")
		return 0
	})
	k := spawn(t, w, h, twistor.Command{Path: "fail"})
	w.Run(func() bool { return k.over })
	if e, ok := errors.AsType[*twistor.ExitError](k.err); !ok || e.Code != 3 || e.Signal != nil {
		t.Errorf("status 3: got %v", k.err)
	}
	k = spawn(t, w, h, twistor.Command{Path: "sleep"})
	w.Advance(time.Second)
	k.p.Signal(os.Kill)
	w.Run(func() bool { return k.over })
	if e, ok := errors.AsType[*twistor.ExitError](k.err); !ok || e.Code != -1 || e.Signal != os.Kill {
		t.Errorf("killed: got %v", k.err)
	}
	if err := k.p.Signal(os.Kill); err != os.ErrProcessDone {
		t.Errorf("Signal after the end: got %v, want %v", err, os.ErrProcessDone)
	}
	k = spawn(t, w, h, twistor.Command{Path: "polite"})
	w.Advance(time.Second)
	k.p.Signal(syscall.SIGTERM)
	w.Run(func() bool { return k.over })
	if k.err != nil || k.out[1] != "bye" {
		t.Errorf("asked to end: got %v, %q", k.err, k.out[1])
	}
	for _, path := range []string{"none", "/bin/none"} {
		if p, err := h.Loop().(twistor.Spawner).Spawn(twistor.Command{Path: path}, newKid(w)); p != nil || err == nil {
			t.Errorf("%s: got %v, %v; want an error", path, p, err)
		}
	}
}

// TestF41GraceSimulated: what a child's own child holds is closed exactly
// Linger after the end, and not while somebody pauses.
func TestF41GraceSimulated(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	h.Program("parent", func(co *deferred.Co, c *sim.Child) int { c.Keep(1); return 0 })
	k := spawn(t, w, h, twistor.Command{Path: "parent"})
	w.Run(func() bool { return k.over })
	if got, want := strings.Join(k.events, ", "), "spawned 0s, exited 0s, closed 2 0s, closed 1 5s, ended 5s"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	start := w.Elapsed()
	k = spawn(t, w, h, twistor.Command{Path: "parent", Linger: time.Second})
	k.p.Pause(1)
	w.Advance(10*time.Second + 500*time.Millisecond)
	if k.over {
		t.Error("ended while paused")
	}
	k.p.Resume(1)
	w.Run(func() bool { return k.over })
	if got := w.Elapsed() - start; got != 11*time.Second {
		t.Errorf("ended %v after the start, want 11s: a Linger begins anew while paused", got)
	}
}

// TestR30StopSimulated: closing the loop ends the protocol's life, and a crash
// nobody's.
func TestR30StopSimulated(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	h.Program("upper", upper)
	k := spawn(t, w, h, twistor.Command{Path: "upper"})
	w.Settle()
	if err := h.Reactor().Close(); err != nil {
		t.Fatal(err)
	}
	if !k.over || k.err != twistor.ErrStopped {
		t.Errorf("got %v, %v; want Ended(%v)", k.events, k.err, twistor.ErrStopped)
	}
	h2 := w.Host("other")
	h2.Program("upper", upper)
	k = spawn(t, w, h2, twistor.Command{Path: "upper"})
	w.Settle()
	h2.Crash()
	w.Advance(time.Hour)
	if k.over || h2.Children() != 0 {
		t.Errorf("after a crash: %v, %d children; want neither word nor child", k.events, h2.Children())
	}
}

// A simulated child that closes its input is noticed.
func TestF41ClosesInputSimulated(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	h.Program("deaf", func(co *deferred.Co, c *sim.Child) int { c.Close(0); co.Sleep(time.Minute); return 0 })
	k := spawn(t, w, h, twistor.Command{Path: "deaf"})
	w.Run(func() bool { return k.input != nil })
	if k.input != io.EOF || k.over {
		t.Errorf("got %v, over %v; want %v while the child lives", k.input, k.over, io.EOF)
	}
	w.Run(func() bool { return k.over })
}

func ExampleHost_Program() {
	w := sim.New(nil, 0)
	h := w.Host("host")
	h.Program("greet", func(co *deferred.Co, c *sim.Child) int {
		c.Write(co, 1, "hello, "+c.Command.Args[0])
		return 0
	})
	k := newKid(w)
	h.Loop().(twistor.Spawner).Spawn(twistor.Command{Path: "greet", Args: []string{"world"}}, k)
	w.Run(func() bool { return k.over })
	fmt.Println(k.out[1], k.err)
	// Output: hello, world <nil>
}
