package endpoint_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/sim"
)

// again is a child that says everything again until its input ends.
func again(co *deferred.Co, c *sim.Child) int {
	for {
		p, err := c.Read(co, 0)
		if err != nil {
			return len(c.Command.Args) // none: well
		}
		if c.Write(co, 1, string(p)) != nil {
			return 99
		}
	}
}

// A half is an Ear that goes on when the peer has ended its direction.
type half struct{ *sim.Ear }

func (h half) ReadClosed() { h.Events = append(h.Events, "read closed") }

// dialEar dials, and returns who hears of it.
func dialEar(t *testing.T, w *sim.World, h *sim.Host, s string) *sim.Ear {
	t.Helper()
	e := &sim.Ear{}
	d := endpoint.Dial(h.Loop(), s, e)
	w.Run(func() bool { _, ok := d.Result(); return ok })
	sim.Result(t, d)
	return e
}

// TestE22Conversation: what is written goes to the child's input, what it writes
// is received, and the end of its input ends it; status 0 is io.EOF.
func TestE22Conversation(t *testing.T) {
	sim.Seeds(t, 20, func(t *testing.T, w *sim.World) {
		h := w.Host("host")
		h.Program("echo", again)
		e := dialEar(t, w, h, "process:echo")
		text := strings.Repeat("hello ", 500)
		io.WriteString(e, text)
		w.Run(func() bool { return string(e.Bytes) == text })
		e.CloseWrite()
		w.Run(func() bool { return e.Err != nil })
		if e.Err != io.EOF || e.Events[0] != "connected" {
			t.Errorf("got %v, first %s; want %v", e.Err, e.Events[0], io.EOF)
		}
	})
}

// TestE22Status: a status that is not 0 is what Disconnected says.
func TestE22Status(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	h.Program("echo", again)
	e := dialEar(t, w, h, "process:echo:one:two")
	e.CloseWrite()
	w.Run(func() bool { return e.Err != nil })
	if x, ok := errors.AsType[*twistor.ExitError](e.Err); !ok || x.Code != 2 {
		t.Errorf("got %v, want exit status 2", e.Err)
	}
}

// TestE22Close: Close ends the child's input and drops what it still says; a
// child that does not end is killed after Linger. Abort kills at once.
func TestE22Close(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	h.Program("echo", again)
	h.Program("deaf", func(co *deferred.Co, c *sim.Child) int {
		for c.Write(co, 1, strings.Repeat("x", 1000)) == nil {
			co.Sleep(time.Second)
		}
		return 1
	})
	for _, c := range []struct {
		name string
		end  func(e *sim.Ear)
		want error
		took time.Duration
	}{
		{"echo", func(e *sim.Ear) { io.WriteString(e, "last words"); e.Close() }, net.ErrClosed, 0},
		{"deaf", func(e *sim.Ear) { e.Close() }, net.ErrClosed, 30 * time.Second},
		{"deaf", func(e *sim.Ear) { e.SetLimits(twistor.Limits{Linger: time.Minute}); e.Close() }, net.ErrClosed, time.Minute},
		{"deaf", func(e *sim.Ear) { e.Abort() }, twistor.ErrAborted, 0},
		{"deaf", func(e *sim.Ear) { e.Pause(); e.Close() }, net.ErrClosed, 30 * time.Second},
	} {
		e := dialEar(t, w, h, "process:"+c.name)
		w.Advance(10 * time.Second)
		began, events := w.Elapsed(), len(e.Events)
		c.end(e)
		w.Run(func() bool { return e.Err != nil })
		if e.Err != c.want || w.Elapsed()-began != c.took || len(e.Events) != events+1 {
			t.Errorf("%s: got %v after %v, %q; want %v after %v and nothing else", c.name, e.Err, w.Elapsed()-began, e.Events[events:], c.want, c.took)
		}
	}
	w.Settle()
	if h.Children() != 0 {
		t.Errorf("%d children left", h.Children())
	}
}

// TestE22HalfClose: the end of the child's output is heard, and writing to it
// goes on.
func TestE22HalfClose(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	var got string
	h.Program("mute", func(co *deferred.Co, c *sim.Child) int {
		c.Close(1)
		p, _ := c.Read(co, 0)
		got = string(p)
		return 0
	})
	e := half{&sim.Ear{}}
	endpoint.Dial(h.Loop(), "process:mute", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		e.Transport = t
		return e
	}))
	w.Advance(time.Second)
	io.WriteString(e, "still here")
	w.Run(func() bool { return e.Err != nil })
	if got != "still here" || fmt.Sprint(e.Events) != "[connected read closed disconnected EOF]" {
		t.Errorf("the child read %q, we heard %q", got, e.Events)
	}
}

// TestE22Switch: another Protocol can take over, also when the child reads no
// more; a Pause holds what it says.
func TestE22Switch(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	h.Program("say", func(co *deferred.Co, c *sim.Child) int {
		c.Close(0)
		for _, p := range []string{"one", "two", "three"} {
			c.Write(co, 1, p)
			co.Sleep(time.Second)
		}
		return 0
	})
	e, next := dialEar(t, w, h, "process:say"), &sim.Ear{}
	next.Transport = e.Transport
	w.Advance(500 * time.Millisecond)
	e.Switch(next, []byte("unread "))
	w.Advance(time.Second)
	e.Pause()
	w.Advance(10 * time.Second)
	if string(e.Bytes) != "one" || string(next.Bytes) != "unread two" {
		t.Errorf("while paused: got %q, then %q", e.Bytes, next.Bytes)
	}
	e.Resume()
	w.Run(func() bool { return next.Err != nil })
	if string(next.Bytes) != "unread twothree" || e.Err != nil || next.Err != io.EOF {
		t.Errorf("got %q, %v; the former one heard %v", next.Bytes, next.Err, e.Err)
	}
}

// TestE22Overflow: a child that does not read is cut off at Limits.Max.
func TestE22Overflow(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	h.Program("deaf", func(co *deferred.Co, c *sim.Child) int { co.Sleep(time.Hour); return 0 })
	e := dialEar(t, w, h, "process:deaf")
	for range 100 {
		if _, err := e.Write(make([]byte, 100<<10)); err != nil {
			break
		}
		w.Advance(0)
	}
	w.Run(func() bool { return e.Err != nil })
	if !errors.Is(e.Err, twistor.ErrOverflow) || h.Children() != 0 {
		t.Errorf("got %v, %d children; want %v and none", e.Err, h.Children(), twistor.ErrOverflow)
	}
}

// TestE22Fails: no program, nobody who wants it, a cancelled dial, a panic.
func TestE22Fails(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	h.Program("echo", again)
	fails := func(d *deferred.Deferred[twistor.Protocol]) error {
		w.Settle()
		return sim.Failure(t, d)
	}
	if err := fails(endpoint.Dial(h.Loop(), "process:none", &sim.Ear{})); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("no program: got %v", err)
	}
	refuse := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return nil })
	if err := fails(endpoint.Dial(h.Loop(), "process:echo", refuse)); err != twistor.ErrRefused {
		t.Errorf("refused: got %v", err)
	}
	d := endpoint.Dial(h.Loop(), "process:echo", &sim.Ear{})
	d.Cancel()
	if err := fails(d); !errors.Is(err, deferred.ErrCanceled) {
		t.Errorf("cancelled: got %v", err)
	}
	bad := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { panic("of a test") })
	if _, ok := errors.AsType[*deferred.PanicError](fails(endpoint.Dial(h.Loop(), "process:echo", bad))); !ok {
		t.Error("a panic in Build: want a *deferred.PanicError")
	}
	e := &sim.Ear{On: func(_ *sim.Ear, event string) {
		if strings.HasPrefix(event, "received") {
			panic("of a test")
		}
	}}
	endpoint.Dial(h.Loop(), "process:echo", e).Done(nil)
	w.Settle()
	io.WriteString(e, "x")
	w.Settle()
	if _, ok := errors.AsType[*deferred.PanicError](e.Err); !ok {
		t.Errorf("a panic in Received: got %v, want a *deferred.PanicError", e.Err)
	}
	if n := h.Children(); n != 0 {
		t.Errorf("%d children left, want none", n)
	}
	if errs := w.Errors(); len(errs) != 2 {
		t.Errorf("logged %v, want both panics", errs)
	}
	if err := sim.Failure(t, endpoint.Dial(struct{ twistor.Loop }{sim.NewClock(t)}, "process:echo", e)); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a loop without children: got %v", err)
	}
}

// TestE22Words: arguments keep their equal signs and escaped colons, and options
// come first.
func TestE22Words(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("host")
	var got twistor.Command
	h.Program("/bin/p", func(co *deferred.Co, c *sim.Child) int {
		got = c.Command
		c.Write(co, 2, "bad\nnews")
		return 0
	})
	dialEar(t, w, h, `process:dir=/tmp:/bin/p:-a=b:c=d:e\:f:errors=drop:`)
	w.Settle()
	if got.Dir != "/tmp" || strings.Join(got.Args, "|") != "-a=b|c=d|e:f|errors=drop|" {
		t.Errorf("got %q in %q", got.Args, got.Dir)
	}
	if !strings.Contains(w.Logged(), `text="bad\nnews"`) {
		t.Errorf("errors are not logged: %s", w.Logged())
	}
	before := w.Logged()
	dialEar(t, w, h, "process:errors=drop:/bin/p")
	w.Settle()
	if w.Logged() != before {
		t.Errorf("errors=drop: logged %s", strings.TrimPrefix(w.Logged(), before))
	}
	for s, want := range map[string]string{
		"process:":                   "PROGRAM",
		"process:errors=drop:":       "PROGRAM",
		"process:errors=keep:/bin/p": "want log or drop",
		"process::x":                 "want a program",
		"process:a\x00":              "NUL",
	} {
		if _, err := endpoint.ParseDialer(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", s, err, want)
		}
	}
}
