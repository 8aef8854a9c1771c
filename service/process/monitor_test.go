package process_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/process"
	"github.com/twistor-go/twistor/sim"
)

// A rig is a Monitor on a simulated host, and when its programs began.
type rig struct {
	*testing.T
	w      *sim.World
	h      *sim.Host
	m      *process.Monitor
	starts []time.Duration
}

func newRig(t *testing.T) *rig {
	w := sim.New(t, 0)
	return &rig{T: t, w: w, h: w.Host("host"), m: &process.Monitor{}}
}

// program makes a program that lives for d; negative: until it is asked to end,
// and then -d longer.
func (r *rig) program(path string, d func(life int) time.Duration) {
	life := 0
	r.h.Program(path, func(co *deferred.Co, c *sim.Child) int {
		r.starts = append(r.starts, r.w.Elapsed())
		d := d(life)
		life++
		if d >= 0 {
			co.Sleep(d)
			return 1
		}
		asked := deferred.New[struct{}](co.Loop())
		c.Trap(syscall.SIGTERM, func() { asked.Succeed(struct{}{}) })
		asked.Await(co)
		co.Sleep(-d)
		return 0
	})
}

func always(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

func (r *rig) add(name, path string) {
	r.Helper()
	if err := r.m.Add(name, twistor.Command{Path: path}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) start() {
	r.Helper()
	r.h.Do(func(co *deferred.Co) error { return r.m.Start(co, service.On(r.h.Loop())) })
}

func (r *rig) stop() {
	r.Helper()
	r.h.Do(r.m.Stop)
	if n := r.h.Children(); n != 0 {
		r.Errorf("after Stop: %d children, want none", n)
	}
}

func (r *rig) wantStarts(what string, want ...time.Duration) {
	r.Helper()
	if !slices.Equal(r.starts, want) {
		r.Errorf("%s: started at %v, want %v", what, r.starts, want)
	}
}

const s = time.Second

// TestZ01Delays: a short life is followed by a delay that doubles, up to its
// maximum; a long one by none, and it makes the delay short again (F-40).
func TestZ01Delays(t *testing.T) {
	r := newRig(t)
	r.program("p", func(life int) time.Duration {
		if life == 4 {
			return 10 * s
		}
		return s / 2
	})
	r.add("p", "p")
	r.start()
	r.w.Advance(31 * s)
	r.stop()
	// Lives of half a second, then one of ten seconds, then short ones again.
	r.wantStarts("lives", 0, 3*s/2, 4*s, 17*s/2, 17*s, 27*s, 28*s+s/2, 31*s)

	r = newRig(t)
	r.m.MaxDelay = 3 * s
	r.program("p", always(0))
	r.add("p", "p")
	r.start()
	r.w.Advance(10 * s)
	r.stop()
	r.wantStarts("MaxDelay 3 s", 0, s, 3*s, 6*s, 9*s)

	r = newRig(t)
	r.m.MinDelay, r.m.Threshold = 2*s, 10*s
	r.program("p", always(5*s))
	r.add("p", "p")
	r.start()
	r.w.Advance(20 * s)
	r.stop()
	r.wantStarts("MinDelay 2 s, Threshold 10 s", 0, 7*s, 16*s)
}

// TestZ01Threshold: a life of exactly Threshold is long enough.
func TestZ01Threshold(t *testing.T) {
	r := newRig(t)
	r.program("p", always(s))
	r.add("p", "p")
	r.start()
	r.w.Advance(3*s + s/2)
	r.stop()
	r.wantStarts("lives of 1 s", 0, s, 2*s, 3*s)
}

// TestF40Delays: after 13 short lives the delay is an hour and stays so.
func TestF40Delays(t *testing.T) {
	r := newRig(t)
	r.program("p", always(0))
	r.add("p", "p")
	r.start()
	want, at, delay := []time.Duration{0}, time.Duration(0), s
	for range 20 {
		at += delay
		want = append(want, at)
		delay = min(2*delay, time.Hour)
	}
	r.w.Advance(at)
	r.stop()
	r.wantStarts("lives of no time", want...)
}

// TestF40GivesUp: after MaxFailures it is given up, and its supervisor told.
func TestF40GivesUp(t *testing.T) {
	r := newRig(t)
	var told []string
	r.m.MaxFailures = 3
	r.m.GaveUp = func(name string, err error) { told = append(told, fmt.Sprint(name, ": ", err)) }
	r.program("p", always(0))
	r.add("p", "p")
	r.start()
	r.w.Advance(time.Hour)
	r.wantStarts("lives", 0, s, 3*s)
	if got := r.m.States()[0]; !got.GaveUp || got.Failures != 3 || got.PID != 0 || !slices.Equal(told, []string{"p: exit status 1"}) {
		t.Errorf("state %+v, told %q", got, told)
	}
	if errs := r.w.Errors(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "given up") {
		t.Errorf("logged errors %v, want one", errs)
	}
	if err := r.m.Restart("p"); err != nil {
		t.Fatal(err)
	}
	r.w.Advance(0)
	r.wantStarts("after Restart", 0, s, 3*s, time.Hour)
	r.stop()
}

// TestZ01Stop: a program is asked to end, and killed when it has not after
// KillTime; Stop waits for it.
func TestZ01Stop(t *testing.T) {
	for _, c := range []struct {
		name       string
		life       time.Duration
		kill, want time.Duration
	}{
		{"at once", -1, 0, 1},
		{"after 3 s", -3 * s, 0, 3 * s},
		{"never", -time.Hour, 0, 5 * s},
		{"never, KillTime 2 s", -time.Hour, 2 * s, 2 * s},
		{"never, no KillTime", -time.Hour, -1, 0},
	} {
		r := newRig(t)
		r.m.KillTime = c.kill
		r.program("p", always(c.life))
		r.add("p", "p")
		r.add("q", "p")
		r.start()
		r.w.Advance(10 * s)
		if n := r.h.Children(); n != 2 {
			t.Errorf("%s: %d children, want 2", c.name, n)
		}
		r.stop()
		if got := r.w.Elapsed() - 10*s; got != c.want {
			t.Errorf("%s: Stop took %v, want %v", c.name, got, c.want)
		}
		r.w.Advance(time.Hour)
		r.wantStarts(c.name, 0, 0)
		r.start() // and again
		r.w.Advance(s)
		r.stop()
	}
}

// TestZ01StopCancelled: who waits no longer has the programs killed.
func TestZ01StopCancelled(t *testing.T) {
	r := newRig(t)
	r.m.KillTime = time.Hour
	r.program("p", always(-time.Hour))
	r.add("p", "p")
	r.start()
	r.w.Advance(s)
	stop := deferred.Inline(r.h.Loop(), func(co *deferred.Co) (struct{}, error) { return struct{}{}, r.m.Stop(co) })
	stop.Timeout(s)
	r.w.Run(func() bool { return r.h.Children() == 0 })
	if err := sim.Failure(t, stop); !errors.Is(err, deferred.ErrTimeout) || r.w.Elapsed() != 2*s {
		t.Errorf("got %v at %v, want %v at 2s", err, r.w.Elapsed(), deferred.ErrTimeout)
	}
}

// TestZ01StartAgain: what a Stop that was given up has left is waited for, and
// started again when it is gone.
func TestZ01StartAgain(t *testing.T) {
	r := newRig(t)
	r.m.KillTime = time.Hour
	r.program("p", always(-10*s))
	r.add("p", "p")
	r.start()
	r.h.Program("p", nil) // and a later life is another program
	r.h.Program("p", func(co *deferred.Co, c *sim.Child) int {
		r.starts = append(r.starts, r.w.Elapsed())
		co.Sleep(time.Hour)
		return 0
	})
	r.w.Advance(s)
	stop := deferred.Inline(r.h.Loop(), func(co *deferred.Co) (struct{}, error) { return struct{}{}, r.m.Stop(co) })
	r.w.Advance(s)
	stop.Cancel()
	stop.Done(nil)
	r.start()
	r.w.Advance(s)
	r.wantStarts("after Start", 0, 2*s)
	if n := r.h.Children(); n != 1 {
		t.Errorf("%d children, want 1", n)
	}
	r.stop()
}

// TestF40Jitter: chance moves a delay as far as it may, and no further.
func TestF40Jitter(t *testing.T) {
	r := newRig(t)
	r.m.Jitter, r.m.MaxDelay = 0.5, s
	r.program("p", always(0))
	r.add("p", "p")
	r.start()
	r.w.Advance(200 * s)
	r.stop()
	least, most := time.Hour, time.Duration(0)
	for i, at := range r.starts[1:] {
		d := at - r.starts[i]
		least, most = min(least, d), max(most, d)
	}
	if least < s/2 || least > 6*s/10 || most > 3*s/2 || most < 14*s/10 {
		t.Errorf("delays from %v to %v, want 0.5 s to 1.5 s", least, most)
	}
}

// TestZ01Refused: what makes no sense is refused by Start.
func TestZ01Refused(t *testing.T) {
	for _, m := range []*process.Monitor{{MaxFailures: -1}, {Jitter: 2}, {Jitter: -1}, {MinDelay: -1}, {MaxDelay: -1}} {
		w := sim.New(t, 0)
		h := w.Host("host")
		h.Do(func(co *deferred.Co) error {
			if err := m.Start(co, service.On(h.Loop())); err == nil || !strings.Contains(err.Error(), "want none negative") {
				t.Errorf("%+v: got %v", *m, err)
			}
			return nil
		})
	}
}

// TestZ01Names: names are unique, programs come and go while the Monitor runs,
// and each can be restarted, which is no failure.
func TestZ01Names(t *testing.T) {
	r := newRig(t)
	r.program("p", always(-1))
	r.add("a", "p")
	if err := r.m.Add("a", twistor.Command{Path: "p"}); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("a name twice: got %v", err)
	}
	r.start()
	r.w.Advance(s / 4)
	r.add("b", "p")
	r.w.Advance(s / 4)
	r.wantStarts("Add while running", 0, s/4)

	first := r.m.States()
	if err := r.m.Restart("a"); err != nil {
		t.Fatal(err)
	}
	r.w.Advance(s / 4)
	r.wantStarts("Restart", 0, s/4, s/2+1)
	r.m.RestartAll()
	r.w.Advance(s / 4)
	r.wantStarts("RestartAll", 0, s/4, s/2+1, 3*s/4+1, 3*s/4+1)
	if got := r.m.States(); got[0].Restarts != 2 || got[1].Restarts != 1 || got[0].Failures != 0 || got[0].PID == first[0].PID {
		t.Errorf("states %+v after %+v", got, first)
	}
	if err := r.m.Restart("c"); err == nil {
		t.Error("Restart of nobody: want an error")
	}
	r.m.Remove("c").Done(func(_ struct{}, err error) {
		if err == nil {
			t.Error("Remove of nobody: want an error")
		}
	})
	gone := r.m.Remove("b")
	r.add("b", "p") // the name is free at once
	r.w.Advance(s)
	sim.Result(t, gone)
	if got := r.h.Children(); got != 2 || len(r.m.States()) != 2 {
		t.Errorf("after Remove and Add: %d children, %d states; want 2 of each", got, len(r.m.States()))
	}
	r.stop()
}

// TestZ01CannotStart: a program that is not there is tried again with the same
// delays, and runs when it has come.
func TestZ01CannotStart(t *testing.T) {
	r := newRig(t)
	r.add("p", "/bin/p")
	r.start()
	r.w.Advance(2 * s)
	if got := r.m.States()[0]; got.Failures != 2 || got.Next != sim.Epoch.Add(3*s) || !errors.Is(got.Err, os.ErrNotExist) {
		t.Errorf("state %+v, want 2 failures, the next at 3 s, %v", got, os.ErrNotExist)
	}
	r.program("/bin/p", always(-1))
	r.w.Advance(2 * s)
	r.wantStarts("once it is there", 3*s)
	r.stop()
}

// TestZ02Lines: what programs write is logged in lines with their names, those
// too long in parts, the last one without its end too.
func TestZ02Lines(t *testing.T) {
	r := newRig(t)
	r.h.Program("p", func(co *deferred.Co, c *sim.Child) int {
		for _, part := range []string{"one\ntw", "o\r\n\nlong " + strings.Repeat("x", 9000) + "\nend"} {
			c.Write(co, 1, part)
			co.Sleep(s)
		}
		c.Write(co, 2, "bad news\n")
		co.Sleep(time.Hour)
		return 0
	})
	r.add("web", "p")
	r.start()
	r.w.Advance(10 * s)
	r.stop()
	log := r.w.Logged()
	for _, want := range []string{`msg=one host=host process=web`, `msg=two host=host process=web`, `msg="" host=host process=web`,
		`msg="long x`, `msg=end host=host process=web`, `msg="bad news" host=host process=web output=errors`} {
		if !strings.Contains(log, want) {
			t.Errorf("want %q in the log", want)
		}
	}
	for line := range strings.Lines(log) {
		if len(line) > 8<<10+200 {
			t.Errorf("a log line of %d bytes, want up to 8 KiB of the program's", len(line))
		}
	}
	if got, want := strings.Count(log, "x"), 9000; got < want {
		t.Errorf("%d bytes of the long line, want %d", got, want)
	}
}

func ExampleMonitor() {
	w := sim.New(nil, 0)
	h := w.Host("host")
	h.Program("worker", func(co *deferred.Co, c *sim.Child) int {
		fmt.Println("working at", w.Elapsed())
		co.Sleep(100 * time.Millisecond)
		return 1
	})
	m := &process.Monitor{}
	m.Add("worker", twistor.Command{Path: "worker"})
	h.Do(func(co *deferred.Co) error { return m.Start(co, service.On(h.Loop())) })
	w.Advance(4 * time.Second)
	fmt.Println(m.States()[0].Failures, "short lives, next at", m.States()[0].Next.Sub(sim.Epoch))
	h.Do(m.Stop)
	// Output:
	// working at 0s
	// working at 1.1s
	// working at 3.2s
	// 3 short lives, next at 7.3s
}
