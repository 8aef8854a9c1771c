package service

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

var errRefused = errors.New("connection refused")

// A caller is a Dialer of ears on a Clock, and the connections it made.
type caller struct {
	*sim.Clock
	*Dialer[*sim.Ear]
	host *guard
	ears []*sim.Ear
}

func newCaller(t *testing.T) *caller {
	c := &caller{Clock: sim.NewClock(t)}
	c.host = &guard{Host: On(c.Clock)}
	c.Dialer = &Dialer[*sim.Ear]{
		Endpoint: "tcp:server:79",
		Backoff:  Backoff{Jitter: -1},
		Build: func(tr twistor.Transport) *sim.Ear {
			e := &sim.Ear{}
			e.Build(tr)
			c.ears = append(c.ears, e)
			return e
		},
	}
	return c
}

func (c *caller) start(t *testing.T) {
	t.Helper()
	if err := do(c.Clock, func(co *deferred.Co) error { return c.Dialer.Start(co, c.host) }).err; err != nil {
		t.Fatal(err)
	}
}

// attempt is the one dial that goes on; it fails the test if there is none.
func (c *caller) attempt(t *testing.T) *sim.Attempt {
	t.Helper()
	open := c.Attempts()
	if len(open) != 1 {
		t.Fatalf("at %v: %d dials go on, want 1", c.Elapsed(), len(open))
	}
	return open[0]
}

// refuse lets dials fail, and returns when each came.
func (c *caller) refuse(t *testing.T, n int) (at []string) {
	t.Helper()
	for range n {
		for waited := 0; len(c.Attempts()) == 0 && c.Pending() > 0 && waited < 1e6; waited++ {
			c.Advance(time.Millisecond)
		}
		at = append(at, c.Elapsed().Round(10*time.Millisecond).String())
		c.attempt(t).Fail(errRefused)
		c.Advance(0)
	}
	return at
}

func (c *caller) accept(t *testing.T) *sim.Transport {
	t.Helper()
	conn := c.attempt(t).Succeed()
	c.Advance(0)
	return conn
}

// TestA09RetryTimes: the times of all dials are exact.
func TestA09RetryTimes(t *testing.T) {
	c := newCaller(t)
	c.start(t)
	got := c.refuse(t, 5)
	if want := []string{"0s", "1s", "2.5s", "4.75s", "8.13s"}; !slices.Equal(got, want) {
		t.Errorf("got dials at %v, want %v", got, want)
	}
	if got, want := c.State(), "dials tcp:server:79 again in 5.063s, failures in a row: 5: "; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Advance(5 * time.Second)
	c.Advance(63 * time.Millisecond)
	conn := c.accept(t)
	if got := c.State(); got != "connected to tcp:server:79" {
		t.Errorf("got %q", got)
	}

	// It lasted longer than the wait before it: the row begins anew.
	c.Advance(6 * time.Second)
	conn.Reset()
	c.Advance(time.Second)
	conn = c.accept(t)
	// It did not: the row goes on.
	conn.End()
	c.Advance(1500*time.Millisecond - 1)
	if len(c.Attempts()) != 0 {
		t.Error("it dials too early")
	}
	c.Advance(1)
	c.accept(t)
	do(c.Clock, c.Stop)
	c.Advance(time.Second)
	if c.Pending() != 0 || len(c.Attempts()) != 0 {
		t.Errorf("%d timers and %d dials are left", c.Pending(), len(c.Attempts()))
	}
}

// TestP05 has the reconnecting factory's controls: MaxTries, Retry (which resets
// the delay as well) and Stop (which stops trying).
func TestP05MaxTriesAndRetry(t *testing.T) {
	c := newCaller(t)
	c.Backoff.MaxTries = 2
	waits := c.WhenConnected()
	c.start(t)
	c.refuse(t, 3)
	if err := sim.Failure(t, waits); !strings.Contains(err.Error(), "gave up dialing tcp:server:79 after 3 failures") || !errors.Is(err, errRefused) {
		t.Errorf("got %v", err)
	}
	if len(c.host.heard) != 1 || c.Pending() != 0 {
		t.Errorf("the Host heard %q, %d timers are left; want it to hear, and none", c.host.heard, c.Pending())
	}
	if err := sim.Failure(t, c.WhenConnected()); !errors.Is(err, errRefused) {
		t.Errorf("got %v, want the reason", err)
	}
	if got := c.State(); !strings.Contains(got, "gave up") {
		t.Errorf("got %q", got)
	}

	c.Retry()
	waits = c.WhenConnected()
	c.attempt(t).Fail(errRefused)
	c.Advance(0)
	c.Retry() // it need not wait
	c.Retry() // and dials once
	c.refuse(t, 1)
	before := c.Elapsed()
	c.Advance(time.Second) // the shortest delay again
	c.accept(t)
	if sim.Result(t, waits) != c.ears[0] || c.Elapsed()-before != time.Second {
		t.Error("want the connection")
	}
	c.Retry() // nothing to do
	if len(c.Attempts()) != 0 {
		t.Error("it dials though it is connected")
	}
	do(c.Clock, c.Stop)
}

func TestA09WhenConnected(t *testing.T) {
	c := newCaller(t)
	c.MaxWaiters = 4
	before := c.WhenConnected()
	c.start(t)
	patient, hasty, gone := c.WhenConnected(), c.WhenConnectedWithin(2), c.WhenConnected()
	if err := sim.Failure(t, c.WhenConnected()); err != deferred.ErrQueueFull {
		t.Errorf("a fifth of four: got %v", err)
	}
	gone.Cancel()
	c.refuse(t, 1)
	sim.NoResult(t, hasty)
	c.refuse(t, 1)
	if err := sim.Failure(t, hasty); !errors.Is(err, errRefused) {
		t.Errorf("got %v, want the reason", err)
	}
	c.Advance(1500 * time.Millisecond)
	c.accept(t)
	for _, d := range []*deferred.Deferred[*sim.Ear]{before, patient, c.WhenConnected()} {
		if sim.Result(t, d) != c.ears[0] {
			t.Error("got another connection")
		}
	}
	do(c.Clock, c.Stop)
	c.Advance(time.Second)
	if err := sim.Failure(t, c.WhenConnected()); err != ErrStopped {
		t.Errorf("after Stop: got %v, want %v", err, ErrStopped)
	}

	c.start(t)
	waits := c.WhenConnected()
	dial := c.attempt(t)
	do(c.Clock, c.Stop)
	if err := sim.Failure(t, waits); err != ErrStopped || !dial.Over() {
		t.Errorf("got %v, the dial is over: %v", err, dial.Over())
	}
}

// Prepare stands between the dial and those who wait, and may turn a connection
// down.
func TestA09Prepare(t *testing.T) {
	c := newCaller(t)
	var outcome []error
	c.Prepare = func(co *deferred.Co, e *sim.Ear) error {
		io.WriteString(e, "login\n")
		if err := co.Sleep(time.Second); err != nil {
			outcome = append(outcome, err)
			return err
		}
		if len(c.ears) == 1 {
			return errBroken
		}
		return nil
	}
	waits := c.WhenConnected()
	c.start(t)
	first := c.accept(t)
	c.Advance(time.Second)
	if sim.NoResult(t, waits); first.Written() != "login\n" || !first.Closed() {
		t.Errorf("got %q, closed %v, want it turned down", first.Written(), first.Closed())
	}
	c.Advance(time.Second) // the first delay
	second := c.accept(t)
	second.Reset() // while it is prepared
	c.Advance(0)
	if sim.NoResult(t, waits); len(outcome) != 1 || !errors.Is(outcome[0], deferred.ErrCanceled) {
		t.Errorf("got %v, want Prepare cancelled", outcome)
	}
	c.Advance(1500 * time.Millisecond)
	c.accept(t)
	c.Advance(time.Second - 1)
	sim.NoResult(t, waits)
	c.Advance(1)
	if sim.Result(t, waits) != c.ears[2] {
		t.Error("got another connection than the prepared one")
	}
	do(c.Clock, c.Stop)
	c.Advance(time.Second)

	c.start(t)
	third := c.accept(t)
	stopped := do(c.Clock, c.Stop)
	c.Advance(time.Second)
	if stopped.err != nil || !third.Closed() || len(outcome) != 2 {
		t.Errorf("Stop while it is prepared: got %v, closed %v, %v", stopped.err, third.Closed(), outcome)
	}
}

// Who was turned down and does not close is dropped at the next dial.
func TestDialerDropsTheRejected(t *testing.T) {
	c := newCaller(t)
	c.Prepare = func(co *deferred.Co, e *sim.Ear) error {
		co.Sleep(time.Second)
		io.WriteString(e, "unsent")
		return errBroken
	}
	c.start(t)
	conn := c.accept(t)
	conn.Hold()
	c.Advance(2*time.Second - 1)
	if conn.Aborted() {
		t.Error("want it to have time to close")
	}
	if c.Advance(1); !conn.Aborted() {
		t.Error("it is there still")
	}
	do(c.Clock, c.Stop)
}

// Stop fires when the connection is closed: one that takes its time is waited
// for, and one that does not go is aborted.
func TestA09StopWaits(t *testing.T) {
	c := newCaller(t)
	hosts := &house{deaf: true}
	d := &Dialer[*guest]{Endpoint: "tcp:server:79", Build: func(tr twistor.Transport) *guest { return &guest{tr, hosts} }}
	if err := start(c.Clock, d); err != nil {
		t.Fatal(err)
	}
	conn := c.accept(t)
	stopped := do(c.Clock, d.Stop)
	again := do(c.Clock, d.Stop)
	c.Advance(time.Second)
	if stopped.err != errBusy || again.err != errBusy || !strings.Contains(d.State(), "closes") {
		t.Fatalf("got %v, %v, %q, want both to wait", stopped.err, again.err, d.State())
	}
	conn.End()
	c.Advance(10 * time.Millisecond)
	if stopped.err != nil || again.err != nil {
		t.Errorf("got %v and %v", stopped.err, again.err)
	}
	if err := start(c.Clock, d); err != nil {
		t.Fatal(err)
	}
	conn = c.accept(t)
	stopped = do(c.Clock, func(co *deferred.Co) error { return StopWithin(co, d, time.Minute) })
	if c.Advance(59 * time.Second); stopped.err != errBusy || conn.Aborted() {
		t.Fatalf("got %v, aborted %v, want Stop to wait for the connection", stopped.err, conn.Aborted())
	}
	if c.Advance(time.Second); !errors.Is(stopped.err, deferred.ErrTimeout) || !conn.Aborted() {
		t.Errorf("got %v, aborted %v, want it aborted after a minute", stopped.err, conn.Aborted())
	}
	if err := do(c.Clock, d.Stop).err; err != nil {
		t.Errorf("a third Stop: %v", err)
	}
}

// Start while it disconnects restarts; a Stop takes that back.
func TestA09Restart(t *testing.T) {
	for _, back := range []bool{false, true} {
		c := newCaller(t)
		hosts := &house{deaf: true}
		d := &Dialer[*guest]{Endpoint: "tcp:server:79", Build: func(tr twistor.Transport) *guest { return &guest{tr, hosts} }}
		if err := start(c.Clock, d); err != nil {
			t.Fatal(err)
		}
		if err := start(c.Clock, d); err != ErrRunning {
			t.Errorf("a second Start: got %v, want %v", err, ErrRunning)
		}
		conn := c.accept(t)
		stopped := do(c.Clock, d.Stop)
		if err := start(c.Clock, d); err != nil {
			t.Errorf("Start while it disconnects: %v", err)
		}
		if err := start(c.Clock, d); err != ErrRunning {
			t.Errorf("a second one: got %v, want %v", err, ErrRunning)
		}
		waits := d.WhenConnected()
		if len(c.Attempts()) != 0 {
			t.Error("it dials before it has disconnected")
		}
		if back {
			do(c.Clock, d.Stop)
			if err := sim.Failure(t, waits); err != ErrStopped {
				t.Errorf("got %v, want %v", err, ErrStopped)
			}
		}
		conn.End()
		c.Advance(time.Second)
		if stopped.err != nil {
			t.Errorf("Stop: %v", stopped.err)
		}
		if back {
			if len(c.Attempts()) != 0 {
				t.Error("it was stopped twice, and dials")
			}
			continue
		}
		c.accept(t)
		if got := sim.Result(t, waits); got == nil || got.RemoteAddr() == nil {
			t.Errorf("got %v, want the new connection", got)
		}
		do(c.Clock, func(co *deferred.Co) error { return StopWithin(co, d, 0) })
		c.Advance(time.Second)
	}
}

func TestDialerRefuses(t *testing.T) {
	c := newCaller(t)
	for _, tc := range []struct {
		d    *Dialer[*sim.Ear]
		want string
	}{
		{&Dialer[*sim.Ear]{Endpoint: "tcp:server:79"}, "want a function"},
		{&Dialer[*sim.Ear]{Endpoint: "tcp:server:x", Build: c.Build}, "port"},
		{&Dialer[*sim.Ear]{Endpoint: "", Build: c.Build}, "endpoint"},
	} {
		if err := start(c.Clock, tc.d); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %s in it", err, tc.want)
		}
		if err := do(c.Clock, tc.d.Stop).err; err != nil {
			t.Errorf("Stop of what did not start: %v", err)
		}
	}
	// Build may refuse, by nil; then it dials again.
	c.Build = func(twistor.Transport) *sim.Ear { return nil }
	waits := c.WhenConnectedWithin(1)
	c.start(t)
	c.accept(t)
	if err := sim.Failure(t, waits); !errors.Is(err, twistor.ErrRefused) {
		t.Errorf("got %v, want %v", err, twistor.ErrRefused)
	}
	do(c.Clock, c.Stop)
}

// Over real hosts: it survives a server that goes and comes back.
func TestA09OverNetworks(t *testing.T) {
	sim.Seeds(t, 10, func(t *testing.T, w *sim.World) {
		server, client := w.Host("server"), w.Host("client")
		d := &Dialer[*sim.Ear]{
			Endpoint: "tcp:server:79",
			Build:    func(tr twistor.Transport) *sim.Ear { e := &sim.Ear{}; e.Build(tr); return e },
		}
		client.Do(func(co *deferred.Co) error { return d.Start(co, On(client.Loop())) })
		w.Advance(3 * time.Second)
		port := server.Accepting(":79")
		for range 3 {
			first := d.WhenConnected()
			w.Run(func() bool { _, ok := first.Result(); return ok })
			p := port.Accept()
			p.Send("hello")
			ear := sim.Result(t, first)
			w.Run(func() bool { return string(ear.Bytes) == "hello" })
			p.Close()
			w.Run(func() bool { return ear.Err != nil })
		}
		last := d.WhenConnected()
		w.Run(func() bool { _, ok := last.Result(); return ok })
		p := port.Accept()
		client.Do(d.Stop)
		p.ExpectEnd()
		p.Close()
	})
}
