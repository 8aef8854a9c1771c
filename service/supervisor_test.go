package service

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// A frail service notes when it starts, and fails after each of its lives.
type frail struct {
	*step
	lives []time.Duration // negative: Start fails; beyond them it lives on
}

func (f *frail) Start(co *deferred.Co, h Host) error {
	f.diary.note("%v", f.diary.clock.Elapsed().Round(time.Millisecond))
	f.host = h
	if len(f.lives) == 0 {
		return nil
	}
	life := f.lives[0]
	f.lives = f.lives[1:]
	if life < 0 {
		return errBroken
	}
	h.Loop().CallLater(life, func() { Fail(h, errBroken) })
	return nil
}

func (f *frail) Stop(co *deferred.Co) error {
	if f.ends > 0 || f.stops != nil {
		return f.step.Stop(co)
	}
	return nil
}

func supervised(t *testing.T, lives ...time.Duration) (*sim.Clock, *diary, *frail, *Supervisor, *guard) {
	d := &diary{clock: sim.NewClock(t)}
	f := &frail{&step{name: "f", diary: d}, lives}
	return d.clock, d, f, &Supervisor{Service: f, Backoff: Backoff{Jitter: -1}}, &guard{Host: On(d.clock)}
}

// TestF40 plays crash loops in virtual time: the times of all Starts are exact.
func TestF40RestartTimes(t *testing.T) {
	const s = time.Second
	for _, tc := range []struct {
		name  string
		lives []time.Duration
		want  string
		state string
	}{
		{"it lives", nil, "0s", ""},
		{"three at once", []time.Duration{s, s, s}, "0s, 1s, 2s, 3s", "started anew 3 times, last because of: broken"},
		{"never more than three within five seconds", []time.Duration{4 * s, 4 * s, 4 * s, 4 * s, 4 * s, 4 * s},
			"0s, 4s, 8s, 12s, 16s, 20s, 24s", "started anew 6 times"},
		{"five seconds are over when they are", []time.Duration{s, s, s, 3 * s}, "0s, 1s, 2s, 3s, 6s", "started anew 4 times"},
		{"then it waits, longer each time", []time.Duration{0, 0, 0, 0, 0, s, -1, 0},
			"0s, 0s, 0s, 0s, 1s, 2.5s, 5.75s, 9.125s, 14.188s", "started anew 8 times"},
		{"until it has lived for five seconds", []time.Duration{0, 0, 0, 0, 0, 5 * s, 0, 0, 0},
			"0s, 0s, 0s, 0s, 1s, 2.5s, 7.5s, 7.5s, 7.5s, 8.5s", "started anew 9 times"},
		{"or nearly", []time.Duration{0, 0, 0, 0, 0, 5*s - 1, 0},
			"0s, 0s, 0s, 0s, 1s, 2.5s, 9.75s, 13.125s", "started anew 7 times"},
		{"a Start that fails is a failure", []time.Duration{s, -1, -1, -1, -1},
			"0s, 1s, 1s, 1s, 2s, 3.5s", "started anew 5 times"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, d, _, v, top := supervised(t, tc.lives...)
			if err := do(c, func(co *deferred.Co) error { return v.Start(co, top) }).err; err != nil {
				t.Fatal(err)
			}
			c.Advance(time.Hour)
			d.check(t, tc.want)
			if got := v.State(); !strings.Contains(got, tc.state) || len(top.heard) > 0 {
				t.Errorf("got %q, heard %q, want %q", got, top.heard, tc.state)
			}
			do(c, v.Stop)
		})
	}
}

// The delays have jitter by default, as Backoff's do: never twice the same.
func TestF40Jitter(t *testing.T) {
	c, d, _, v, top := supervised(t, 0, 0, 0, 0, 0, 0, 0)
	v.Backoff = Backoff{}
	do(c, func(co *deferred.Co) error { return v.Start(co, top) })
	c.Advance(time.Minute)
	if got := strings.Join(d.entries, " "); strings.HasSuffix(got, " 1s 2.5s 4.75s 8.125s") || len(d.entries) != 8 {
		t.Errorf("got %s, want delays left to chance", got)
	}
	do(c, v.Stop)
}

// It gives up, stays down, and says so to the Host above.
func TestF40Escalates(t *testing.T) {
	c, d, _, v, top := supervised(t, 0, 0, 0, 0, 0, 0, 0, 0)
	v.Backoff.MaxTries = 2
	g := new(Group)
	g.Add("feed", v)
	do(c, func(co *deferred.Co) error { return g.Start(co, top) })
	c.Advance(1500 * time.Millisecond)
	if got, want := g.Status()[0].String(), "feed: running, starts anew in 1s after 4 restarts: broken"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Advance(time.Hour)
	d.check(t, "bind f, 0s, 0s, 0s, 0s, 1s, 2.5s")
	if got, want := fmt.Sprint(top.heard), "[feed: gave up after 5 restarts: broken]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := g.Status()[0].String(), "feed: failed, gave up after 5 restarts: broken"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := do(c, g.Stop).err; err != nil {
		t.Error(err)
	}
	if do(c, func(co *deferred.Co) error { return g.Start(co, top) }); len(d.entries) == 0 {
		t.Error("want it to start anew after a Stop")
	}
	do(c, g.Stop)
}

// A Supervisor of a Supervisor starts it anew when it has given up.
func TestF40Tree(t *testing.T) {
	c, d, _, inner, top := supervised(t, 0, 0, 0, 0)
	inner.MaxRestarts, inner.Backoff.MaxTries = -1, 1
	g := new(Group)
	g.Add("inner", inner)
	outer := &Supervisor{Service: g}
	do(c, func(co *deferred.Co) error { return outer.Start(co, top) })
	c.Advance(time.Hour)
	// Each inner life is a Start, a wait of 1 s, and a Start.
	if d.check(t, "bind f, 0s, 1s, 1s, 2s, 2s"); len(top.heard) > 0 {
		t.Errorf("heard %q, want the tree to live", top.heard)
	}
	if got := outer.Status(); len(got) != 1 || got[0].Name != "inner" || !strings.Contains(outer.State(), "started anew 2 times") {
		t.Errorf("got %v, %q", got, outer.State())
	}
	do(c, outer.Stop)
}

// A failed Service is stopped before it is started, and not for ever.
func TestF40StopsFirst(t *testing.T) {
	c, d, f, v, top := supervised(t, time.Second)
	f.ends = time.Hour
	do(c, func(co *deferred.Co) error { return v.Start(co, top) })
	c.Advance(time.Minute)
	d.check(t, "0s, stop f, cut f at 6s, 6s")
	if !strings.Contains(c.Logged(), "does not stop well") {
		t.Errorf("want its Stop in the log:\n%s", c.Logged())
	}
	do(c, func(co *deferred.Co) error { return StopWithin(co, v, 0) })
	c.Advance(time.Second)
}

// None of its methods is called while it calls Fail.
func TestF40FailReturnsFirst(t *testing.T) {
	c, d, _, v, top := supervised(t)
	f := &step{name: "f", diary: d}
	v.Service = f
	do(c, func(co *deferred.Co) error { return v.Start(co, top) })
	c.CallLater(time.Second, func() {
		Fail(f.host, errBroken)
		d.note("failed")
	})
	c.Advance(time.Second)
	d.check(t, "start f, failed, stop f, start f")
	do(c, v.Stop)
}

func TestF40FirstStart(t *testing.T) {
	c, d, _, v, top := supervised(t, -1)
	if err := do(c, func(co *deferred.Co) error { return v.Start(co, top) }).err; err != errBroken {
		t.Errorf("got %v, want %v: the first Start is not retried", err, errBroken)
	}
	c.Advance(time.Minute)
	d.check(t, "0s")
	if err := do(c, v.Stop).err; err != nil {
		t.Error(err)
	}
	if err := start(c, &Supervisor{}); err == nil {
		t.Error("without a Service: want an error")
	}

	// One that fails before its Start has returned is started anew after it.
	once := 0
	v.Service = &step{name: "s", diary: d, onStart: func() {
		if once++; once == 1 {
			Fail(v.ward(), errBroken)
			Fail(v.ward(), errBroken)
		}
	}}
	if err := do(c, func(co *deferred.Co) error { return v.Start(co, top) }).err; err != nil {
		t.Fatal(err)
	}
	if err := start(c, v); err != ErrRunning {
		t.Errorf("a second Start: got %v, want %v", err, ErrRunning)
	}
	c.Advance(time.Minute)
	d.check(t, "start s, stop s, start s")
	do(c, v.Stop)
}

// Stop comes at any time: while it waits, while it starts, while it stops.
func TestF40StopMeanwhile(t *testing.T) {
	for _, tc := range []struct {
		name string
		step step
		want string
	}{
		{"while it waits", step{}, "start f, stop f"},
		{"while it stops", step{ends: 2 * time.Second}, "start f, stop f, stopped f"},
		{"while it starts", step{begins: 2 * time.Second}, "start f, started f, stop f, start f, f gives up"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, d, _, v, top := supervised(t)
			f := &tc.step
			f.name, f.diary = "f", d
			v.Service = f
			if f.begins == 0 {
				v.MaxRestarts = -1
			}
			do(c, func(co *deferred.Co) error { return v.Start(co, top) })
			c.Advance(10 * time.Second)
			Fail(f.host, errBroken)
			c.Advance(500 * time.Millisecond)
			stopped := do(c, v.Stop)
			c.Advance(time.Minute)
			d.check(t, tc.want)
			if stopped.err != nil || c.Pending() != 0 || len(top.heard) > 0 {
				t.Errorf("got %v, %d timers, heard %q", stopped.err, c.Pending(), top.heard)
			}
		})
	}
}

// What a Supervisor is asked it passes on.
func TestSupervisorPasses(t *testing.T) {
	c, d, _, v, _ := supervised(t)
	s := &step{name: "s", diary: d, reloads: errors.New("no")}
	v.Service = s
	h := &heritage{Host: On(c)}
	if err := v.Bind(h); err != nil {
		t.Error(err)
	}
	if err := do(c, v.Reload).err; err != nil {
		t.Errorf("while it is down: %v", err)
	}
	do(c, func(co *deferred.Co) error { return v.Start(co, h) })
	if err := do(c, v.Reload).err; err == nil || err.Error() != "no" {
		t.Errorf("Reload: got %v, want no", err)
	}
	if _, ok := s.host.(Heir); !ok || Name(s.host) != "" {
		t.Error("its Host is no Heir")
	}
	do(c, v.Stop)
	d.check(t, "bind s, start s, reload s, stop s")
}
