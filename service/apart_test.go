package service

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// A settler is a Service that notes on which loop it is called.
type settler struct {
	name    string
	loop    twistor.Loop // from Start
	host    Host
	strayed bool
	calls   []string
	ends    time.Duration
}

func (s *settler) note(call string, l deferred.Loop) {
	s.calls = append(s.calls, call)
	s.strayed = s.strayed || l != deferred.Loop(s.loop)
}

func (s *settler) count(call string) (n int) {
	for _, c := range s.calls {
		if c == call {
			n++
		}
	}
	return n
}

func (s *settler) Start(co *deferred.Co, h Host) error {
	s.loop, s.host = h.Loop(), h
	s.note("start", co.Loop())
	if s.name == "broken" {
		return errBroken
	}
	return nil
}
func (s *settler) Reload(co *deferred.Co) error { s.note("reload", co.Loop()); return nil }
func (s *settler) Stop(co *deferred.Co) error {
	s.note("stop", co.Loop())
	return co.Sleep(s.ends)
}

func program(t *testing.T, loops int) (*sim.World, *sim.Host, *Group, []*settler) {
	w := sim.New(t, 3)
	h := w.Host("server")
	h.LoopCount = loops
	g, inner := new(Group), new(Group)
	var settlers []*settler
	for i := range 4 {
		s := &settler{name: fmt.Sprint(i)}
		settlers = append(settlers, s)
		if i < 2 {
			g.Add(s.name, Apart(s))
		} else {
			inner.Add(s.name, Apart(s))
		}
	}
	g.Add("in", inner)
	return w, h, g, settlers
}

// Those who live apart are spread over the other loops, in turn, also from
// Groups within; they are called there only, and keep their loop.
func TestApart(t *testing.T) {
	_, h, g, settlers := program(t, 3)
	loops := h.Loops()
	top := &guard{Host: On(h.Loop())}
	var places []string
	for range 2 {
		h.Do(func(co *deferred.Co) error { return g.Start(co, top) })
		h.Do(g.Reload)
		for _, s := range settlers {
			places = append(places, fmt.Sprint(slices.Index(loops, s.loop)))
			if s.host.Store() != nil || s.host.Loop() != s.loop {
				t.Errorf("%s has a Store, or another loop", s.name)
			}
			if _, ok := s.host.(Heir); ok {
				t.Errorf("the Host of %s is an Heir", s.name)
			}
		}
		h.Do(g.Stop)
	}
	if got, want := strings.Join(places, " "), "1 2 1 2 1 2 1 2"; got != want {
		t.Errorf("they live on %s, want %s", got, want)
	}
	for _, s := range settlers {
		if got, want := strings.Join(s.calls, " "), "start reload stop start reload stop"; got != want || s.strayed {
			t.Errorf("%s: got %s, strayed %v", s.name, got, s.strayed)
		}
	}
	if got, want := Name(settlers[3].host), "in/3"; got != want {
		t.Errorf("got the name %q, want %q", got, want)
	}
}

// What fails there is heard at home; so is the error of Start.
func TestApartFails(t *testing.T) {
	w, h, g, settlers := program(t, 2)
	top := &guard{Host: On(h.Loop())}
	h.Do(func(co *deferred.Co) error { return g.Start(co, top) })
	s := settlers[2]
	s.loop.Post(func() { Fail(s.host, errBroken) })
	w.Advance(time.Millisecond)
	if got, want := fmt.Sprint(top.heard), "[in: 2: broken]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	broken := g.Add("broken", Apart(&settler{name: "broken"}))
	w.Advance(time.Millisecond)
	if err := sim.Failure(t, broken); !errors.Is(err, errBroken) {
		t.Errorf("got %v, want %v", err, errBroken)
	}
	settlers[3].ends = time.Hour
	began := w.Elapsed()
	var err error
	h.Do(func(co *deferred.Co) error { err = StopWithin(co, g, 20*time.Second); return nil })
	if got := w.Elapsed() - began; got > 20*time.Second || !errors.Is(err, deferred.ErrTimeout) || !strings.Contains(err.Error(), "in: 3: did not stop within") {
		t.Errorf("got %v after %v, want the straggler named", err, got)
	}
}

// A Start that is cancelled leaves nothing running, and neither does a Stop,
// whenever that is: before anybody there has heard of it, or when it is over
// there and the answer is on its way.
func TestApartCancelled(t *testing.T) {
	for steps := range 8 {
		w := sim.New(t, 0)
		h := w.Host("server")
		h.LoopCount = 2
		s := &settler{}
		a := Apart(s)
		cancelled := func(body func(co *deferred.Co) error) (ended bool) {
			d := deferred.Inline(h.Loop(), func(co *deferred.Co) (struct{}, error) { return struct{}{}, body(co) })
			h.Do(func(co *deferred.Co) error {
				for range steps {
					co.Yield()
				}
				d.Cancel()
				return nil
			})
			w.Advance(time.Second)
			o, _ := d.Result()
			return o.Err == nil // before it was cancelled
		}
		began := cancelled(func(co *deferred.Co) error { return a.Start(co, On(h.Loop())) })
		if starts, stops := s.count("start"), s.count("stop"); began == (starts == stops) {
			t.Errorf("after %d turns: %d starts and %d stops, Start went well: %v", steps, starts, stops, began)
		}
		h.Do(a.Stop)
		s.ends = time.Hour
		h.Do(func(co *deferred.Co) error { return a.Start(co, On(h.Loop())) })
		cancelled(a.Stop)
		if starts, stops := s.count("start"), s.count("stop"); starts != stops || starts == 0 {
			t.Errorf("after %d turns: %d starts and %d stops", steps, starts, stops)
		}
	}
}

// In a program of one loop it is home; a port there is like any other.
func TestApartAlone(t *testing.T) {
	c := sim.NewClock(t)
	s := Apart(ListenAll([]string{"tcp:79"}, &house{}))
	if err := do(c, s.Stop).err; err != nil {
		t.Errorf("Stop of what never started: %v", err)
	}
	if err := start(c, s); err != nil || len(c.Ports()) != 1 {
		t.Fatalf("got %v, %d ports", err, len(c.Ports()))
	}
	if err := do(c, s.(Reloader).Reload).err; err != nil {
		t.Errorf("Reload of what has none: %v", err)
	}
	if err := do(c, s.Stop).err; err != nil || len(c.Ports()) != 0 {
		t.Errorf("got %v, %d ports are open", err, len(c.Ports()))
	}
}

// A mood is a Service that says how it is doing.
type mood struct {
	step
	state string
}

func (m *mood) State() string { return m.state }

func TestF40StatusShown(t *testing.T) {
	c, d, g, steps := group(t, "a b")
	inner := new(Group)
	inner.Add("m", &mood{step{name: "m", diary: d, begins: time.Second}, "happy"})
	g.Add("in", inner)
	check := func(want string) {
		t.Helper()
		var got []string
		for _, s := range g.Status() {
			got = append(got, s.String())
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("got  %s\nwant %s", s, want)
		}
	}
	check("a: stopped; b: stopped; in: stopped; in/m: stopped")
	do(c, func(co *deferred.Co) error { return g.Start(co, &guard{Host: On(c)}) })
	check("a: running; b: running; in: starting; in/m: starting")
	c.Advance(time.Second)
	check("a: running; b: running; in: running; in/m: running, happy")
	Fail(steps["b"].host, errBroken)
	check("a: running; b: failed, broken; in: running; in/m: running, happy")
	steps["a"].ends = time.Second
	do(c, g.Stop)
	check("a: stopping; b: stopped; in: stopped; in/m: stopped")
	c.Advance(time.Second)
	check("a: stopped; b: stopped; in: stopped; in/m: stopped")
}
