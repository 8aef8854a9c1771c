package service

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// do runs a part of a service on the clock, and returns how it ended; errBusy
// if it waits.
func do(c *sim.Clock, f func(co *deferred.Co) error) *outcome {
	o := &outcome{err: errBusy}
	o.d = deferred.Inline(c, func(co *deferred.Co) (struct{}, error) { return struct{}{}, f(co) })
	o.d.Done(func(_ struct{}, err error) { o.err = err })
	c.Advance(0)
	return o
}

type outcome struct {
	d   *deferred.Signal
	err error
}

var errBusy = errors.New("it still waits")

func start(c *sim.Clock, s Service) error {
	return do(c, func(co *deferred.Co) error { return s.Start(co, On(c)) }).err
}

// A house is the factory of guests, which say good-bye when they are dismissed,
// unless they are deaf.
type house struct {
	deaf           bool
	opened, closed int
	shared         bool
}

func (h *house) Opened(twistor.Loop) error { h.opened++; return nil }
func (h *house) Closed()                   { h.closed++ }
func (h *house) Build(t twistor.Transport) twistor.Protocol {
	_, h.shared = t.(twistor.Sharer)
	return &guest{t, h}
}

type guest struct {
	twistor.Transport
	house *house
}

func (g *guest) Connected()         {}
func (g *guest) Received(p []byte)  { g.Write(p) }
func (g *guest) Disconnected(error) {}
func (g *guest) Dismissed() {
	if !g.house.deaf {
		io.WriteString(g, "good-bye\n")
		g.Close()
	}
}

// Also A08: the ports of a service, from Start to Stop.
func TestE25Listen(t *testing.T) {
	c := sim.NewClock(t)
	h := &house{}
	s := ListenAll([]string{"tcp:8001", "tcp:127.0.0.1:8002"}, h)
	if err := start(c, s); err != nil {
		t.Fatal(err)
	}
	ports := c.Ports()
	if len(ports) != 2 || h.opened != 1 {
		t.Fatalf("got %d ports, opened %d times, want 2 and once", len(ports), h.opened)
	}
	a, b, gone := ports[0].Accept(), ports[1].Accept(), ports[1].Accept()
	a.Receive("hello")
	if got := a.Take(); got != "hello" {
		t.Errorf("got %q, want what the protocol wrote", got)
	}
	gone.Reset()

	stopped := do(c, s.Stop)
	if c.Advance(10 * time.Millisecond); stopped.err != nil {
		t.Errorf("Stop: %v", stopped.err)
	}
	for _, conn := range []*sim.Transport{a, b} {
		if got := conn.Written(); got != "good-bye\n" || !conn.Closed() {
			t.Errorf("got %q, closed %v, want a good-bye", got, conn.Closed())
		}
	}
	if gone.Written() != "" || !ports[0].Closed() || !ports[1].Closed() || h.closed != 1 {
		t.Errorf("ports closed %v %v, factory closed %d times", ports[0].Closed(), ports[1].Closed(), h.closed)
	}
}

// UC19: Stop waits for connections that take their time, until it is cancelled,
// or the time that it is given is up.
func TestListenStopWaits(t *testing.T) {
	for _, cancel := range []bool{true, false} {
		c := sim.NewClock(t)
		const limit = 5 * time.Minute
		s := Listen("tcp:8001", &house{deaf: true})
		if err := start(c, s); err != nil {
			t.Fatal(err)
		}
		port := c.Ports()[0]
		a, b := port.Accept(), port.Accept()
		stopped := do(c, func(co *deferred.Co) error { return StopWithin(co, s, limit) })
		c.Advance(limit - time.Second)
		a.Reset()
		if c.Advance(0); stopped.err != errBusy || b.Aborted() {
			t.Fatalf("got %v, want Stop to wait for the second connection", stopped.err)
		}
		if cancel {
			stopped.d.Cancel()
		} else {
			c.Advance(time.Second)
		}
		if c.Advance(0); !b.Aborted() || stopped.err == errBusy {
			t.Errorf("cancelled %v: the connection is there still, want it aborted", cancel)
		}
	}
}

// Who has been told everything, and does not close, is soon left; who reads
// slowly is not.
func TestListenStopFarewell(t *testing.T) {
	c := sim.NewClock(t)
	s := Listen("tcp:8001", &house{})
	if err := start(c, s); err != nil {
		t.Fatal(err)
	}
	client := c.Ports()[0].Accept()
	client.Hold()
	stopped := do(c, s.Stop)
	if c.Advance(20 * time.Second); stopped.err != errBusy {
		t.Fatalf("got %v, want Stop to wait for what is to be sent", stopped.err)
	}
	client.Drain(-1)
	c.Advance(time.Second)
	if client.Aborted() || stopped.err != nil || client.Written() != "good-bye\n" {
		t.Errorf("aborted %v, %v, got %q, want all to be sent", client.Aborted(), stopped.err, client.Written())
	}
}

// A08: a place that cannot be had fails Start, and leaves nothing open.
func TestListenFails(t *testing.T) {
	c := sim.NewClock(t)
	h := &house{}
	err := start(c, ListenAll([]string{"tcp:8001", "tcp:8001"}, h))
	if err == nil || len(c.Ports()) != 0 || h.opened != h.closed {
		t.Errorf("got %v, %d ports open, opened %d, closed %d: want a failure that leaves nothing",
			err, len(c.Ports()), h.opened, h.closed)
	}
	if err := start(c, Listen("tcp:80x", h)); err == nil || !strings.Contains(err.Error(), "port") {
		t.Errorf("got %v, want an error about the port", err)
	}
}

// A seat changes no bytes, so sharing them stays possible.
func TestListenShares(t *testing.T) {
	c := sim.NewClock(t)
	h := &house{}
	s := Listen("tcp:8001", h)
	if err := start(c, s); err != nil {
		t.Fatal(err)
	}
	conn := c.Ports()[0].Accept()
	if err := conn.Protocol().(*seat).WriteShared([]byte("x")); err != nil || conn.Written() != "x" || !h.shared {
		t.Errorf("got %v, %q, sharer %v, want x to be written", err, conn.Written(), h.shared)
	}
	do(c, s.Stop)
}
