package tlslayer_test

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/sim"
)

// instant is an Engine whose handshakes are done at once.
type instant struct{}

func (instant) Client(conn net.Conn, _ *tls.Config) tlslayer.Session { return &unsafe{Conn: conn} }
func (instant) Server(conn net.Conn, _ *tls.Config) tlslayer.Session { return &unsafe{Conn: conn} }

// unsafe is a session without secrets; a zero byte ends it.
type unsafe struct {
	net.Conn
	over bool
}

func (s *unsafe) Handshake() error { return nil }
func (s *unsafe) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{ServerName: "instant"}
}
func (s *unsafe) CloseWrite() error { _, err := s.Write([]byte{0}); return err }

func (s *unsafe) Read(p []byte) (int, error) {
	if s.over {
		return 0, io.EOF
	}
	n, err := s.Conn.Read(p)
	if i := strings.IndexByte(string(p[:n]), 0); i >= 0 {
		n, s.over = i, true
		if n == 0 {
			err = io.EOF
		}
	}
	return n, err
}

// TestEngine: a loop's own Engine is used, with a configuration that crypto/tls
// would not take, and with bytes that are no TLS.
func TestEngine(t *testing.T) {
	var s, c talker
	l := &link{Clock: sim.NewClock(t)}
	l.TLS = instant{}
	s.received = func(p []byte) { s.Write(p) }
	c.connected = func() { c.Write([]byte("hello")) }
	l.join(nil, nil, s.factory(), c.factory())
	l.Advance(0)
	wantString(t, "client heard", c.heard, "hello")
	wantString(t, "state", c.TLS().ServerName, "instant")
	c.Close()
	l.Advance(0)
	if s.err != io.EOF || c.err != net.ErrClosed {
		t.Errorf("ended with %v and %v, want io.EOF and net.ErrClosed", s.err, c.err)
	}
}

// TestStartTellsNothingInside: even a handshake that is done at once is not
// heard of inside of StartTLS.
func TestStartTellsNothingInside(t *testing.T) {
	for _, as := range []twistor.Role{twistor.AsServer, twistor.AsClient} {
		c := sim.NewClock(t)
		c.TLS = instant{}
		var p upgrader
		sim.Connect(c, p.factory())
		p.received = func(b []byte) {
			p.received = nil
			if err := p.start(&tls.Config{}, as, []byte("unread")); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(p.events, ", "); got != "connected" {
				t.Errorf("inside of StartTLS: %s", got)
			}
		}
		p.bare.Receive("go")
		c.Advance(0)
		if got := strings.Join(p.events, ", "); got != "connected, secured" {
			t.Errorf("afterwards: %s; want connected, secured", got)
		}
		wantString(t, "heard", p.heard, "gounread")
	}
}

// TestNextInCrowdBeginsLater: a handshake that is let in when another one ends
// does not begin inside of the callback that ended that one.
func TestNextInCrowdBeginsLater(t *testing.T) {
	c := sim.NewClock(t)
	var built int
	f := tlslayer.Factory(ca.Server("a.test"), twistor.AsServer, twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		built++
		return &talker{Transport: tr}
	}), nil)
	g := tlslayer.GateOf(c, f)
	g.MaxHandshakes = 1
	h := hello(t, ca.Client("a.test"))
	first, second := sim.Connect(c, f), sim.Connect(c, f)
	first.Receive(string(h))
	second.Receive(string(h))
	c.Advance(0)
	first.Protocol().Disconnected(twistor.ErrAborted)
	if second.Written() != "" {
		t.Error("the next one began inside of the callback")
	}
	if c.Advance(0); second.Written() == "" {
		t.Error("the next one was not let in")
	}
}

// TestEndUnannounced: an end of which only Disconnected tells is no clean one.
func TestEndUnannounced(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	l.pipe.A.Protocol().Disconnected(io.EOF)
	if s.err != io.ErrUnexpectedEOF {
		t.Errorf("got %v, want io.ErrUnexpectedEOF", s.err)
	}
}

// TestCloseResumesBelow: a connection that is closed while paused reads on
// below, where it would wait for the peer's end in vain.
func TestCloseResumesBelow(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	s.Pause()
	if s.Close(); l.pipe.A.Paused() {
		t.Error("below is paused")
	}
}

// TestLeavesDuringHello: a client that goes away in the middle of its hello, or
// before it, does not occupy us until the deadline.
func TestLeavesDuringHello(t *testing.T) {
	h := hello(t, ca.Client("a.test"))
	for _, n := range []int{0, 3, len(h) - 1, len(h)} {
		w := newCrowd(t)
		tr := w.saying(h[:n])
		tr.End()
		w.Advance(0)
		if len(w.failed) != 1 || w.failed[0] != io.ErrUnexpectedEOF || w.gate.Running() != 0 {
			t.Errorf("after %d bytes: got %v, %d running; want io.ErrUnexpectedEOF, none", n, w.failed, w.gate.Running())
		}
	}
}
