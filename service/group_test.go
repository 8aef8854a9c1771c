package service

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// A diary is what services wrote down, in the order in which it happened.
type diary struct {
	clock   *sim.Clock
	entries []string
}

func (d *diary) note(format string, args ...any) {
	d.entries = append(d.entries, fmt.Sprintf(format, args...))
}

// check compares what was written since the last check.
func (d *diary) check(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(d.entries, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	d.entries = nil
}

// A step is a service that writes down what happens to it.
type step struct {
	name    string
	diary   *diary
	starts  error         // what Start returns
	stops   error         // what Stop returns
	begins  time.Duration // that Start takes
	ends    time.Duration // that Stop takes
	binds   error
	reloads error
	panics  string // what it does in "start", "stop" or "reload"
	host    Host
	onStart func()
}

func (s *step) Bind(Host) error {
	s.diary.note("bind %s", s.name)
	return s.binds
}

func (s *step) Start(co *deferred.Co, h Host) error {
	s.diary.note("start %s", s.name)
	s.host = h
	if s.onStart != nil {
		s.onStart()
	}
	if s.panics == "start" {
		panic("oh")
	}
	if s.begins > 0 {
		if err := co.Sleep(s.begins); err != nil {
			s.diary.note("%s gives up", s.name)
			return err
		}
		s.diary.note("started %s", s.name)
	}
	return s.starts
}

func (s *step) Stop(co *deferred.Co) error {
	s.diary.note("stop %s", s.name)
	if s.panics == "stop" {
		panic("oh")
	}
	if s.ends > 0 {
		if err := co.Sleep(s.ends); err != nil {
			s.diary.note("cut %s at %v", s.name, s.diary.clock.Elapsed())
			return err
		}
		s.diary.note("stopped %s", s.name)
	}
	return s.stops
}

func (s *step) Reload(*deferred.Co) error {
	s.diary.note("reload %s", s.name)
	if s.panics == "reload" {
		panic("oh")
	}
	return s.reloads
}

// group returns a Group of steps with these names, and its diary.
func group(t *testing.T, names string) (*sim.Clock, *diary, *Group, map[string]*step) {
	d := &diary{clock: sim.NewClock(t)}
	g, steps := new(Group), map[string]*step{}
	for _, name := range strings.Fields(names) {
		steps[name] = &step{name: name, diary: d}
		g.Add(name, steps[name])
	}
	return d.clock, d, g, steps
}

var errBroken = errors.New("broken")

func names(g *Group) string {
	var names []string
	for name := range g.All() {
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func wantPanic(t *testing.T, why string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: want a panic", why)
		}
	}()
	f()
}

func TestA02GroupOrder(t *testing.T) {
	c, d, g, steps := group(t, "a b c")
	for _, s := range steps {
		s.stops = errBroken
	}
	if err := start(c, g); err != nil {
		t.Fatal(err)
	}
	err := do(c, g.Stop).err
	d.check(t, "bind a, bind b, bind c, start a, start b, start c, stop c, stop b, stop a")
	if got, want := fmt.Sprint(err), "c: broken\nb: broken\na: broken"; !errors.Is(err, errBroken) || got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestA02GroupNames(t *testing.T) {
	_, _, g, steps := group(t, "a b")
	if got := g.Get("a"); got != Service(steps["a"]) || g.Get("c") != nil {
		t.Errorf("Get: got %v and %v", got, g.Get("c"))
	}
	for name, s := range g.All() {
		if s != Service(steps[name]) {
			t.Errorf("All: got %v for %s", s, name)
		}
		g.Remove(name) // disturbs nobody
	}
	if got := names(g); got != "" {
		t.Errorf("got %s, want none", got)
	}
	g.Add("a", steps["a"])
	wantPanic(t, "a name twice", func() { g.Add("a", steps["b"]) })
	wantPanic(t, "a nil Service", func() { g.Add("b", nil) })
	if err := sim.Failure(t, g.Remove("x")); err == nil || !strings.Contains(err.Error(), `no "x"`) {
		t.Errorf("Remove of nobody: got %v", err)
	}
}

func TestA02GroupThatFailsToStart(t *testing.T) {
	c, d, g, steps := group(t, "a b c")
	steps["b"].starts = errBroken
	if err := start(c, g); !errors.Is(err, errBroken) || err.Error() != "b: broken" {
		t.Errorf("got %v, want b: broken", err)
	}
	d.check(t, "bind a, bind b, bind c, start a, start b, stop a")
	if err := do(c, g.Stop).err; err != nil {
		t.Errorf("Stop of what does not run: %v", err)
	}
	steps["b"].starts = nil
	if err := start(c, g); err != nil {
		t.Fatal(err)
	}
	d.check(t, "start a, start b, start c") // bound already
	if err := start(c, g); err != ErrRunning {
		t.Errorf("got %v, want %v", err, ErrRunning)
	}
	d.check(t, "")
}

// A panic is the failure of the one who panics.
func TestGroupContainsPanics(t *testing.T) {
	c, d, g, steps := group(t, "a b")
	steps["b"].panics = "start"
	var panicked *deferred.PanicError
	if err := start(c, g); !errors.As(err, &panicked) || !strings.HasPrefix(err.Error(), "b: ") {
		t.Errorf("got %v, want b's panic", err)
	}
	steps["b"].panics = "stop"
	if err := start(c, g); err != nil {
		t.Fatal(err)
	}
	if err := do(c, g.Stop).err; !errors.As(err, &panicked) || !strings.HasPrefix(err.Error(), "b: ") {
		t.Errorf("got %v, want b's panic", err)
	}
	d.check(t, "bind a, bind b, start a, start b, stop a, start a, start b, stop b, stop a")
}

func TestA02AddToARunningGroup(t *testing.T) {
	c, d, g, steps := group(t, "a")
	if err := start(c, g); err != nil {
		t.Fatal(err)
	}
	b := &step{name: "b", diary: d, begins: time.Second}
	added := g.Add("b", b)
	c.Advance(time.Second - 1)
	sim.NoResult(t, added)
	c.Advance(1)
	sim.Result(t, added)
	d.check(t, "bind a, start a, bind b, start b, started b")

	broken := g.Add("c", &step{name: "c", diary: d, starts: errBroken})
	c.Advance(0)
	if err := sim.Failure(t, broken); err.Error() != "c: broken" || g.Get("c") != nil {
		t.Errorf("got %v, %s, want c to be out again", err, names(g))
	}
	broken = g.Add("c", &step{name: "c", diary: d, binds: errBroken})
	c.Advance(0)
	if err := sim.Failure(t, broken); err.Error() != "c: broken" || g.Get("c") != nil {
		t.Errorf("got %v, %s, want c to be out again", err, names(g))
	}
	hasty := g.Add("c", &step{name: "c", diary: d, begins: time.Hour})
	hasty.Cancel()
	c.Advance(0)
	d.check(t, "bind c, start c, bind c, bind c, start c, c gives up")

	g.Add("e", &step{name: "e", diary: d, starts: errBroken}) // nobody looks
	c.Advance(0)
	do(c, g.Stop)
	d.check(t, "bind e, start e, stop b, stop a")
	if steps["a"].host == nil || names(g) != "a b" {
		t.Errorf("got %s, want a b", names(g))
	}
	c.Core().Close()
	if got := fmt.Sprint(c.Errors()); !strings.Contains(got, "e: broken") {
		t.Errorf("got %v, want a report of who failed", got)
	}
}

func TestA01Remove(t *testing.T) {
	c, d, g, steps := group(t, "a b c")
	if err := start(c, g); err != nil {
		t.Fatal(err)
	}
	d.check(t, "bind a, bind b, bind c, start a, start b, start c")
	steps["b"].ends = time.Second
	removed, again := g.Remove("b"), g.Remove("b")
	if c.Advance(0); names(g) != "a b c" {
		t.Errorf("got %s, want b to be there until it has stopped", names(g))
	}
	c.Advance(time.Second)
	sim.Result(t, removed)
	sim.Result(t, again)
	d.check(t, "stop b, stopped b")
	steps["c"].stops = errBroken
	failed := g.Remove("c")
	if c.Advance(0); sim.Failure(t, failed).Error() != "c: broken" || names(g) != "a" {
		t.Errorf("got %v, %s, want c to be out", failed, names(g))
	}
	d.check(t, "stop c")

	g.Add("b", steps["b"]) // bound in its former life, and not as this one
	c.Advance(0)
	hasty := g.Remove("b")
	hasty.Cancel()
	c.Advance(0)
	d.check(t, "bind b, start b, stop b, cut b at 1s")
	do(c, g.Stop)
	sim.Result(t, g.Remove("a"))
	if d.check(t, "stop a"); names(g) != "" {
		t.Errorf("got %s, want none", names(g))
	}
}

// What may happen while a Group starts, and how it ends. Each member takes a
// second to start, and the event comes in the middle of b's.
func TestA02WhileStarting(t *testing.T) {
	const before = "bind a, bind b, bind c, start a, started a, start b, "
	for _, tc := range []struct {
		name  string
		event func(c *sim.Clock, d *diary, g *Group) *deferred.Signal
		want  string
		fails string // what Start says
	}{
		{"stop", func(c *sim.Clock, _ *diary, g *Group) *deferred.Signal {
			return do(c, g.Stop).d
		}, "b gives up, stop a, stopped a", "told to stop"},
		{"stop, and give up", func(c *sim.Clock, _ *diary, g *Group) *deferred.Signal {
			stop := do(c, g.Stop)
			c.CallLater(500*time.Millisecond, stop.d.Cancel)
			return stop.d.Catch(func(error) (struct{}, error) { return struct{}{}, nil })
		}, "b gives up, stop a, cut a at 2s", "told to stop"},
		{"add", func(_ *sim.Clock, d *diary, g *Group) *deferred.Signal {
			return g.Add("d", &step{name: "d", diary: d})
		}, "started b, start c, started c, bind d, start d", ""},
		{"add one that fails", func(_ *sim.Clock, d *diary, g *Group) *deferred.Signal {
			return g.Add("d", &step{name: "d", diary: d, starts: errBroken}).Catch(func(error) (struct{}, error) { return struct{}{}, nil })
		}, "started b, start c, started c, bind d, start d, stop c, stopped c, stop b, stopped b, stop a, stopped a", "d: broken"},
		{"remove one that has started", func(_ *sim.Clock, _ *diary, g *Group) *deferred.Signal {
			return g.Remove("a")
		}, "stop a, started b, start c, stopped a, started c", ""},
		{"remove the one that starts", func(_ *sim.Clock, _ *diary, g *Group) *deferred.Signal {
			return g.Remove("b")
		}, "b gives up, start c, started c", ""},
		{"remove one that is to come", func(_ *sim.Clock, _ *diary, g *Group) *deferred.Signal {
			return g.Remove("c")
		}, "started b", ""},
		{"start", func(c *sim.Clock, _ *diary, g *Group) *deferred.Signal {
			if err := start(c, g); err != ErrRunning {
				t.Errorf("a second Start: got %v, want %v", err, ErrRunning)
			}
			return deferred.Succeeded(struct{}{})
		}, "started b, start c, started c", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, d, g, steps := group(t, "a b c")
			for _, s := range steps {
				s.begins, s.ends = time.Second, time.Second
			}
			started := do(c, func(co *deferred.Co) error { return g.Start(co, On(c)) })
			c.Advance(1500 * time.Millisecond)
			event := tc.event(c, d, g)
			c.Advance(time.Minute)
			sim.Result(t, event)
			d.check(t, before+tc.want)
			if got := fmt.Sprint(started.err); got != "<nil>" && tc.fails == "" || !strings.Contains(got, tc.fails) {
				t.Errorf("Start: got %v, want %q", got, tc.fails)
			}
		})
	}
}

// Each takes a second to stop, and the event comes in the middle of b's.
func TestA02WhileStopping(t *testing.T) {
	for _, tc := range []struct {
		name  string
		event func(c *sim.Clock, d *diary, g *Group) *deferred.Signal
		want  string
		names string
	}{
		{"start", func(c *sim.Clock, _ *diary, g *Group) *deferred.Signal {
			return do(c, func(co *deferred.Co) error { return g.Start(co, On(c)) }).d
		}, "stopped b, stop a, stopped a, start a, start b, start c", "a b c"},
		{"stop", func(c *sim.Clock, _ *diary, g *Group) *deferred.Signal {
			return do(c, g.Stop).d
		}, "stopped b, stop a, stopped a", "a b c"},
		{"add", func(_ *sim.Clock, d *diary, g *Group) *deferred.Signal {
			return g.Add("d", &step{name: "d", diary: d})
		}, "stopped b, stop a, stopped a", "a b c d"},
		{"remove one that has stopped", func(_ *sim.Clock, _ *diary, g *Group) *deferred.Signal {
			return g.Remove("c")
		}, "stopped b, stop a, stopped a", "a b"},
		{"remove the one that stops", func(_ *sim.Clock, _ *diary, g *Group) *deferred.Signal {
			return g.Remove("b")
		}, "stopped b, stop a, stopped a", "a c"},
		{"remove one that is to come", func(_ *sim.Clock, _ *diary, g *Group) *deferred.Signal {
			return g.Remove("a")
		}, "stop a, stopped b, stopped a", "b c"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, d, g, steps := group(t, "a b c")
			if err := start(c, g); err != nil {
				t.Fatal(err)
			}
			for _, s := range steps {
				s.ends = time.Second
			}
			stopped := do(c, g.Stop)
			c.Advance(1500 * time.Millisecond)
			d.check(t, "bind a, bind b, bind c, start a, start b, start c, stop c, stopped c, stop b")
			event := tc.event(c, d, g)
			c.Advance(time.Minute)
			sim.Result(t, event)
			d.check(t, tc.want)
			if got := names(g); got != tc.names || stopped.err != nil {
				t.Errorf("got %s, %v, want %s", got, stopped.err, tc.names)
			}
		})
	}
}

// TestF39 stops services of which some hang: each has its share of the time,
// all are stopped, and the error and the log name those who were late.
func TestF39EachHasItsShare(t *testing.T) {
	c, d, g, steps := group(t, "a b c d")
	inner := new(Group)
	steps["e"] = &step{name: "e", diary: d}
	inner.Add("e", steps["e"])
	g.Add("in", inner)
	if err := start(c, g); err != nil {
		t.Fatal(err)
	}
	d.entries = nil
	steps["a"].ends = time.Second
	steps["b"].ends = time.Hour
	steps["d"].ends = time.Hour
	steps["e"].ends = time.Hour
	stopped := do(c, func(co *deferred.Co) error { return StopWithin(co, g, 30*time.Second) })
	c.Advance(30 * time.Second)
	// 30 s, of which four are kept for the others: 26. Of those 4, d has 1. c takes nothing: b has 2, and a the last one.
	d.check(t, "stop e, cut e at 26s, stop d, cut d at 27s, stop c, stop b, cut b at 29s, stop a, stopped a")
	got := fmt.Sprint(stopped.err)
	for _, want := range []string{"in: e: did not stop within 26s", "d: did not stop within 1s", "b: did not stop within 2s"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s\nwant %s in it", got, want)
		}
	}
	if !errors.Is(stopped.err, deferred.ErrTimeout) || strings.Contains(got, "c:") || strings.Contains(got, "a:") {
		t.Errorf("got %s, want ErrTimeout of in, d and b only", got)
	}
	for _, want := range []string{"service=in/e", "service=d", "service=b"} {
		if strings.Count(c.Logged(), want+" ") != 1 {
			t.Errorf("want %s once in the log:\n%s", want, c.Logged())
		}
	}
}

// A second signal cancels Stop: nobody waits any more, and everybody is told.
func TestF39HurryWhenCancelled(t *testing.T) {
	c, d, g, steps := group(t, "a b c")
	if err := start(c, g); err != nil {
		t.Fatal(err)
	}
	d.entries = nil
	for _, s := range steps {
		s.ends = time.Hour
	}
	stopped := do(c, g.Stop)
	c.Advance(time.Second)
	second := do(c, g.Stop)
	stopped.d.Cancel()
	c.Advance(0)
	d.check(t, "stop c, cut c at 1s, stop b, cut b at 1s, stop a, cut a at 1s")
	if got := fmt.Sprint(stopped.err); !strings.Contains(got, "c: did not stop in time") || second.err == errBusy {
		t.Errorf("got %v, and %v for who waits too, want c to be named", got, second.err)
	}
	if err := start(c, g); err != nil {
		t.Errorf("it does not start any more: %v", err)
	}
}

func TestGroupReload(t *testing.T) {
	c, d, g, steps := group(t, "a b c")
	inner := new(Group)
	inner.Add("e", &step{name: "e", diary: d, reloads: errBroken})
	g.Add("in", inner)
	if err := do(c, g.Reload).err; err != nil {
		t.Errorf("of a Group that does not run: %v", err)
	}
	if err := start(c, g); err != nil {
		t.Fatal(err)
	}
	d.entries = nil
	steps["a"].reloads, steps["b"].panics = errBroken, "reload"
	got := fmt.Sprint(do(c, g.Reload).err)
	d.check(t, "reload a, reload b, reload c, reload e")
	if !strings.Contains(got, "a: broken") || !strings.Contains(got, "b: ") || !strings.Contains(got, "in: e: broken") || strings.Contains(got, "\nc:") {
		t.Errorf("got %s, want every failure with its name", got)
	}
}

// What fails while it runs is told upwards, with its path; from a former life
// nothing is.
func TestFailGoesUp(t *testing.T) {
	c, _, g, steps := group(t, "a")
	outer := new(Group)
	outer.Add("in", g)
	top := &guard{Host: On(c)}
	begin := func() {
		if err := do(c, func(co *deferred.Co) error { return outer.Start(co, top) }).err; err != nil {
			t.Fatal(err)
		}
	}
	begin()
	former := steps["a"].host
	if got := Name(former); got != "in/a" {
		t.Errorf("got the name %q, want in/a", got)
	}
	Fail(former, errBroken)
	do(c, outer.Stop)
	Fail(former, errors.New("of one that is stopped"))
	begin()
	Fail(former, errors.New("of a former life"))
	if got, want := top.heard, []string{"in: a: broken"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}

	lonely := On(c)
	if Fail(lonely, errBroken); len(c.Errors()) != 1 || Name(lonely) != "" {
		t.Error("without a Guardian: want an error in the log, and no name")
	}
	wantPanic(t, "Fail without an error", func() { Fail(lonely, nil) })
}

// A guard is a Host that notes what fails.
type guard struct {
	Host
	heard []string
}

func (g *guard) Fail(err error) { g.heard = append(g.heard, err.Error()) }
