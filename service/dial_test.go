package service

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// TestA06 has the simple client: Start waits for its connection, Stop ends it,
// and its end in between is told.
func TestA06Dial(t *testing.T) {
	c := sim.NewClock(t)
	top := &guard{Host: On(c)}
	ear := &sim.Ear{}
	s := Dial("tcp:server:79", twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		ear = &sim.Ear{}
		return ear.Build(tr)
	}))
	begin := func() (*outcome, *sim.Transport) {
		started := do(c, func(co *deferred.Co) error { return s.Start(co, top) })
		if len(c.Attempts()) != 1 || started.err != errBusy {
			t.Fatalf("got %d dials and %v, want Start to wait for one", len(c.Attempts()), started.err)
		}
		conn := c.Attempts()[0].Succeed()
		c.Advance(0)
		if started.err != nil {
			t.Fatal(started.err)
		}
		return started, conn
	}
	_, conn := begin()
	if err := start(c, s); err != ErrRunning {
		t.Errorf("a second Start: got %v, want %v", err, ErrRunning)
	}
	if err := do(c, s.Stop); !conn.Closed() {
		t.Errorf("got %v, the connection is open", err)
	}
	c.Advance(time.Second)

	_, conn = begin()
	conn.End()
	c.Advance(0)
	if got, want := fmt.Sprint(top.heard), "[connection to tcp:server:79 ended: EOF]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	do(c, s.Stop)
	begin()
	ear.Close() // our own protocol has finished
	c.Advance(time.Second)
	if !errors.Is(ear.Err, net.ErrClosed) || len(top.heard) != 1 {
		t.Errorf("got %v, heard %q, want no failure", ear.Err, top.heard)
	}
	do(c, s.Stop)

	failing := do(c, func(co *deferred.Co) error { return s.Start(co, top) })
	c.Attempts()[0].Fail(errRefused)
	c.Advance(0)
	if !errors.Is(failing.err, errRefused) {
		t.Errorf("got %v, want %v", failing.err, errRefused)
	}
	cancelled := do(c, func(co *deferred.Co) error { return s.Start(co, top) })
	cancelled.d.Cancel()
	c.Advance(0)
	if !errors.Is(cancelled.err, deferred.ErrCanceled) || len(c.Attempts()) != 0 {
		t.Errorf("got %v, and %d dials go on", cancelled.err, len(c.Attempts()))
	}
	if err := start(c, Dial("tcp:server", nil)); err == nil {
		t.Error("a bad endpoint: want an error")
	}
}
