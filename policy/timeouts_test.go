package policy_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// A server is the protocol inside the policies under test.
type server struct {
	twistor.Transport
	heard    strings.Builder
	received func(p []byte)
	err      error // Disconnected's
	drained  int
}

func (s *server) Connected() {}
func (s *server) Received(p []byte) {
	s.heard.Write(p)
	if s.received != nil {
		s.received(p)
	}
}
func (s *server) Drained()               { s.drained++ }
func (s *server) Disconnected(err error) { s.err = err }

// serve builds one server for each connection and keeps the last.
func serve(s **server) twistor.Factory {
	return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		*s = &server{Transport: t}
		return *s
	})
}

func isTimeout(err error, op string) bool {
	e, ok := errors.AsType[*policy.TimeoutError](err)
	return ok && e.Op == op && errors.Is(err, os.ErrDeadlineExceeded) && errors.Is(err, net.ErrClosed)
}

// TestL03Idle: a connection on which nothing passes is closed after the
// period; whatever is received or written begins it anew.
func TestL03Idle(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, &policy.Timeouts{Factory: serve(&s), Idle: time.Minute})
	for range 5 {
		c.Advance(59 * time.Second)
		tr.Receive("x")
		c.Advance(59 * time.Second)
		s.Write([]byte("y"))
	}
	c.Advance(59 * time.Second)
	if tr.Closed() {
		t.Fatal("closed although something passed each minute")
	}
	c.Advance(time.Second)
	if !tr.Closed() || !isTimeout(s.err, "idle") {
		t.Errorf("closed %v, Disconnected(%v); want closed with an idle *TimeoutError", tr.Closed(), s.err)
	}
	if n := c.Pending(); n != 0 {
		t.Errorf("%d timers stay after the end, want none", n)
	}
}

func TestL03Defaults(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, &policy.Timeouts{Factory: serve(&s)})
	c.Advance(60*time.Second - 1)
	if tr.Closed() {
		t.Error("closed before 60 s")
	}
	c.Advance(1)
	if !tr.Closed() {
		t.Error("open after 60 s without a byte")
	}
	tr = sim.Connect(c, &policy.Timeouts{Factory: serve(&s), Idle: -1, Progress: -1, Handshake: -1})
	c.Advance(24 * time.Hour)
	if tr.Closed() {
		t.Error("negative deadlines close")
	}
	tr.Close()
	c.Advance(0)
	if n := c.Pending(); n != 0 {
		t.Errorf("%d timers stay after the end, want none", n)
	}
}

// TestF01LoginIsAbsolute is slowloris: a byte a second keeps no connection
// open beyond the login deadline. The control calls Admit and stays.
func TestF01LoginIsAbsolute(t *testing.T) {
	for _, admit := range []bool{false, true} {
		c := sim.NewClock(t)
		var s *server
		tr := sim.Connect(c, &policy.Timeouts{Factory: serve(&s), Login: 30 * time.Second, Progress: -1})
		tr.Hold() // the peer does not even take our last words
		s.Write([]byte("220 hello\r\n"))
		for i := range 31 {
			if i == 10 && admit {
				policy.Admit(s.Transport)
			}
			tr.Receive("a")
			c.Advance(time.Second)
		}
		if tr.Closed() == admit {
			t.Errorf("admitted %v: closed %v after 31 s", admit, tr.Closed())
		}
		if !admit && (tr.Err() == nil || !isTimeout(s.err, "login")) {
			t.Errorf("one second after the deadline: %v above, %v below; want the connection over for its login", s.err, tr.Err())
		}
	}
}

// TestF01Handshake begins TLS and leaves it.
func TestF01Handshake(t *testing.T) {
	for _, finish := range []bool{false, true} {
		c := sim.NewClock(t)
		var s *server
		tr := sim.Connect(c, &policy.Timeouts{Factory: serve(&s), Handshake: 10 * time.Second, Idle: -1})
		if err := s.StartTLS(someConfig, twistor.AsServer, nil); err != nil {
			t.Fatal(err)
		}
		c.Advance(9 * time.Second)
		if tr.Closed() {
			t.Fatal("closed before the deadline")
		}
		if finish {
			tr.Secure(someState)
		}
		c.Advance(time.Second)
		if tr.Closed() == finish {
			t.Errorf("handshake finished %v: closed %v after 10 s", finish, tr.Closed())
		}
		if !finish && !isTimeout(s.err, "handshake") && !tr.Closed() {
			t.Errorf("Disconnected(%v), want a handshake *TimeoutError", s.err)
		}
	}
}

// TestF02Progress: a peer that takes nothing of what was written is aborted; one
// that takes a byte now and then is not, and is not idle either.
func TestF02Progress(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	f := &policy.Timeouts{Factory: serve(&s), Idle: 50 * time.Second, Progress: 20 * time.Second}
	tr := sim.Connect(c, f)
	tr.Hold()
	s.Write(make([]byte, 1000))
	for range 100 {
		tr.Drain(1)
		c.Advance(10 * time.Second)
	}
	if tr.Aborted() || tr.Closed() {
		t.Fatal("ended although bytes left all the time")
	}
	c.Advance(9 * time.Second) // 19 s since the last byte
	if tr.Aborted() {
		t.Fatal("aborted before the deadline")
	}
	c.Advance(6 * time.Second) // the deadline and a quarter
	if !tr.Aborted() || !isTimeout(s.err, "write") {
		t.Errorf("aborted %v, Disconnected(%v); want aborted with a write *TimeoutError", tr.Aborted(), s.err)
	}
}

// TestL03FileIsNotIdle sends a file for longer than the idle period.
func TestL03FileIsNotIdle(t *testing.T) {
	c := sim.NewClock(t)
	var s *server
	tr := sim.Connect(c, &policy.Timeouts{Factory: serve(&s), Idle: time.Minute, Progress: 20 * time.Second})
	tr.Hold()
	s.SendFile(io.NewSectionReader(strings.NewReader("0123456789"), 0, 10))
	for range 10 {
		c.Advance(45 * time.Second)
		if tr.Closed() || tr.Aborted() {
			t.Fatal("ended during a download")
		}
		tr.Drain(1)
	}
	c.Advance(time.Minute)
	if !tr.Closed() {
		t.Error("open a minute after the download")
	}
}

// A polite is a protocol with an Idle.
type polite struct {
	twistor.Transport
	policy.Idle
	timedOut int
}

func (p *polite) Connected() {
	p.SetTimeout(p, time.Minute, func() { p.timedOut++; p.Write([]byte("421 bye\r\n")); p.Close() })
}
func (p *polite) Received([]byte)    { p.ResetTimeout() }
func (p *polite) Disconnected(error) { p.SetTimeout(p, 0, nil) }

// TestL04 is the timeout that a protocol moves itself.
func TestL04Idle(t *testing.T) {
	c := sim.NewClock(t)
	var p *polite
	tr := sim.Connect(c, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		p = &polite{Transport: t}
		return p
	}))
	for range 3 {
		c.Advance(59 * time.Second)
		tr.Receive("x")
	}
	if former := p.SetTimeout(p, 10*time.Second, func() { p.timedOut += 10 }); former != time.Minute {
		t.Errorf("the former timeout is %v, want 1m", former)
	}
	c.Advance(10 * time.Second)
	if p.timedOut != 10 {
		t.Errorf("timed out %d, want by the new timeout, once", p.timedOut)
	}
	p.ResetTimeout()
	c.Advance(time.Hour)
	if p.timedOut != 10 {
		t.Error("ResetTimeout armed a timeout that had expired")
	}
	if former := p.SetTimeout(p, time.Second, nil); former != 0 {
		t.Errorf("the former timeout is %v, want 0: it had expired", former)
	}
	if former := p.SetTimeout(p, 0, nil); former != time.Second {
		t.Errorf("the former timeout is %v, want 1s", former)
	}
	c.Advance(time.Hour)
	if tr.Closed() {
		t.Error("a stopped timeout closed")
	}
	p.SetTimeout(p, time.Second, nil)
	c.Advance(time.Second)
	if !tr.Closed() {
		t.Error("a nil callback did not close")
	}
	if n := c.Pending(); n != 0 {
		t.Errorf("%d timers stay after the end, want none", n)
	}
}
