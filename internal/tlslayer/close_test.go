package tlslayer_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/sim"
)

// TestT14CloseSendsCloseNotify: crypto/tls, which wants it, sees a clean end
// after all that was written.
func TestT14CloseSendsCloseNotify(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		var s talker
		s.connected = func() { s.Write([]byte("bye")); s.Close(); s.Write([]byte("too late")) }
		var alert bool
		l, p := serverAnd(t, &s, func(conn net.Conn) error {
			spy := &alertSpy{Conn: conn}
			tc := tls.Client(spy, at(v, ca.Client("a.test")))
			b, err := io.ReadAll(tc)
			wantString(t, "peer heard", b, "bye")
			alert = spy.eof == 0 // the end came by TLS, before TCP's
			return errors.Join(err, tc.Close())
		})
		if p.got != nil || !alert {
			t.Errorf("peer ended with %v, with close_notify %v; want a clean end", p.got, alert)
		}
		if s.err != net.ErrClosed {
			t.Errorf("we ended with %v, want net.ErrClosed", s.err)
		}
		l.Close()
	})
}

// An alertSpy counts ends of the connection below.
type alertSpy struct {
	net.Conn
	eof int
}

func (s *alertSpy) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if err != nil {
		s.eof++
	}
	return n, err
}

// TestT14Truncation is TLS-03: an end without close_notify is not the peer's
// end, whether it comes between two records or inside of one. With close_notify
// it is: the positive control.
func TestT14Truncation(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		for _, test := range []struct {
			name string
			end  func(tc *tls.Conn, conn net.Conn)
			want error
		}{
			{"close_notify", func(tc *tls.Conn, conn net.Conn) { tc.Close() }, io.EOF},
			{"between records", func(tc *tls.Conn, conn net.Conn) { conn.Close() }, io.ErrUnexpectedEOF},
			{"in a header", func(tc *tls.Conn, conn net.Conn) { conn.Write([]byte{23, 3, 3}); conn.Close() }, io.ErrUnexpectedEOF},
			{"in a record", func(tc *tls.Conn, conn net.Conn) { conn.Write([]byte{23, 3, 3, 0, 40, 1}); conn.Close() }, io.ErrUnexpectedEOF},
		} {
			var s halfTalker
			c := sim.NewClock(t)
			f := tlslayer.Factory(at(v, ca.Server("a.test")), twistor.AsServer, s.factory(), nil)
			p, _ := newPeer(c, f, func(conn net.Conn) error {
				tc := tls.Client(conn, ca.Client("a.test"))
				_, err := tc.Write([]byte("half a mess"))
				test.end(tc, conn)
				return err
			})
			c.Advance(0)
			if s.readClosed = nil; test.want == io.EOF {
				s.Close()
				c.Advance(0)
				if got := s.events; len(got) != 3 || got[1] != "read closed" {
					t.Errorf("%s: got %q, want read closed", test.name, got)
				}
				continue
			}
			wantString(t, test.name, s.heard, "half a mess")
			if s.err != test.want || len(s.events) != 2 {
				t.Errorf("%s: got %q, want no ReadClosed, and %v (peer: %v)", test.name, s.events, test.want, p.got)
			}
		}
	})
}

// TestT14PeerEnds: who is no HalfCloser closes, and is told that the peer did.
func TestT14PeerEnds(t *testing.T) {
	var s talker
	_, p := serverAnd(t, &s, func(conn net.Conn) error {
		tc := tls.Client(conn, ca.Client("a.test"))
		tc.Write([]byte("bye"))
		if err := tc.CloseWrite(); err != nil {
			return err
		}
		_, err := io.ReadAll(tc) // nil only after the server's close_notify, or its end
		return err
	})
	wantString(t, "heard", s.heard, "bye")
	if s.err != io.EOF || p.got != nil {
		t.Errorf("we ended with %v, the peer with %v; want io.EOF, nil", s.err, p.got)
	}
}

// TestT14Reset: another error below is passed on.
func TestT14Reset(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	l.pipe.A.Reset()
	if !errors.Is(s.err, syscall.ECONNRESET) {
		t.Errorf("got %v, want ECONNRESET", s.err)
	}
}

// TestT14HandshakeFailure delivers what crypto/tls says, on both sides, and the
// peer gets an alert.
func TestT14HandshakeFailure(t *testing.T) {
	var s, c talker
	l := newLink(t, ca.Server("a.test"), ca.Client("other.test"), s.factory(), c.factory())
	var wrong *tls.CertificateVerificationError
	if l.client.calls != 1 || !errors.As(l.client.err, &wrong) {
		t.Errorf("client's done got %+v, want a CertificateVerificationError, once", l.client)
	}
	var alert *net.OpError
	if l.server.calls != 1 || !errors.As(l.server.err, &alert) || alert.Op != "remote error" {
		t.Errorf("server's done got %+v, want the client's alert, once", l.server)
	}
	l.Advance(time.Minute)
	if s.events != nil || c.events != nil {
		t.Errorf("protocols were built: %q, %q", s.events, c.events)
	}
	if l.pipe.A.Err() == nil || l.pipe.B.Err() == nil {
		t.Error("the connection goes on")
	}
}

// TestT05AbortInHandshake ends it at once, in every step of it, and done hears.
func TestT05AbortInHandshake(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		for n := 1; ; n++ {
			clock := sim.NewClock(t)
			var s, c talker
			var so, co outcome
			e := ends{
				sim.Connect(clock, tlslayer.Factory(at(v, ca.Server("a.test")), twistor.AsServer, s.factory(), so.done)),
				sim.Connect(clock, tlslayer.Factory(at(v, ca.Client("a.test")), twistor.AsClient, c.factory(), co.done)),
			}
			clock.Advance(0)
			for left := n; left > 0; left -= 400 {
				if !pass(e.b, e.a, 0) {
					pass(e.a, e.b, 400)
				}
				clock.Advance(0)
			}
			if so.calls > 0 {
				return // it was done before
			}
			e.a.Abort()
			e.b.Abort()
			clock.Advance(0)
			if so.calls != 1 || so.err != twistor.ErrAborted || co.calls != 1 {
				t.Fatalf("after %d bytes: done got %+v and %+v, want ErrAborted, once", n, so, co)
			}
			clock.Close()
			n += 399
		}
	})
}

// TestT03CloseWrite sends close_notify and goes on reading; the peer answers
// after that.
func TestT03CloseWrite(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		var s, c halfTalker
		s.readClosed = func() { s.Write([]byte("so you said " + string(s.heard))) }
		c.connected = func() { c.Write([]byte("all")); c.CloseWrite() }
		l := newLink(t, at(v, ca.Server("a.test")), at(v, ca.Client("a.test")), s.factory(), c.factory())
		if _, err := c.Write([]byte("more")); err != net.ErrClosed {
			t.Errorf("Write after CloseWrite: got %v, want net.ErrClosed", err)
		}
		wantString(t, "client heard", c.heard, "so you said all")
		if l.pipe.B.WriteClosed() {
			t.Error("the connection below was closed for writing: a KeyUpdate could not be answered")
		}
		s.CloseWrite() // now both directions are over
		l.Advance(0)
		if s.err == nil || c.err == nil {
			t.Errorf("ended with %v and %v, want both to have ended", s.err, c.err)
		}
	})
}

// TestDismissed passes a stop on: to who listens, else Close; a handshake ends.
func TestDismissed(t *testing.T) {
	var s, c dismissable
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"),
		twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol { s.Transport = tr; return &s }), c.factory())
	l.pipe.A.Protocol().(twistor.Dismisser).Dismissed()
	l.pipe.B.Protocol().(twistor.Dismisser).Dismissed()
	l.Advance(0)
	if s.events[1] != "dismissed" || c.events[1] == "dismissed" {
		t.Errorf("got %q and %q", s.events, c.events)
	}
	if c.err != net.ErrClosed || s.err != io.EOF {
		t.Errorf("ended with %v and %v, want the default to close", c.err, s.err)
	}

	clock := sim.NewClock(t)
	var o outcome
	tr := sim.Connect(clock, tlslayer.Factory(ca.Server("a.test"), twistor.AsServer, s.factory(), o.done))
	tr.Protocol().(twistor.Dismisser).Dismissed()
	if clock.Advance(0); tr.Err() == nil || o.err != twistor.ErrStopped {
		t.Errorf("a handshake outlives the stop: %v, %v", tr.Err(), o.err)
	}
}

// A dismissable is a talker that hears Dismissed.
type dismissable struct{ talker }

func (p *dismissable) Dismissed() { p.note("dismissed", p.dismissed) }

// TestCloseDropsWhatComes: Received is over after Close.
func TestCloseDropsWhatComes(t *testing.T) {
	var s, c talker
	s.received = func([]byte) { s.Close() }
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	c.Write(make([]byte, 100_000)) // several blocks
	c.Write([]byte("more"))
	l.Advance(0)
	if s.parts != 1 {
		t.Errorf("Received was called %d times, want once", s.parts)
	}
	if n, err := s.Write([]byte("x")); n != 0 || err != net.ErrClosed {
		t.Errorf("Write after the end: got %d, %v; want net.ErrClosed", n, err)
	}
	s.Abort() // and the rest does nothing
	s.Close()
	s.CloseWrite()
	s.Pause()
	s.Resume()
	s.Switch(&talker{}, []byte("x"))
	if _, err := s.SendFile(section("x")).Result(); err != true {
		t.Error("SendFile after the end has not failed")
	}
	l.Errors()
	if s.LocalAddr() == nil || s.RemoteAddr() == nil {
		t.Error("addresses are gone")
	}
}

// TestT14AnswerBeforeTruncation: a client that says all at the end of its
// handshake and cuts the connection is answered still.
func TestT14AnswerBeforeTruncation(t *testing.T) {
	clock := sim.NewClock(t)
	var s, c talker
	s.received = func([]byte) { s.Write([]byte("answer")) }
	c.connected = func() { c.Write([]byte("request")) }
	f := tlslayer.Factory(ca.Server("a.test"), twistor.AsServer, s.factory(), nil)
	g := tlslayer.GateOf(clock, f)
	e := ends{
		sim.Connect(clock, f),
		sim.Connect(clock, tlslayer.Factory(ca.Client("a.test"), twistor.AsClient, c.factory(), nil)),
	}
	clock.Advance(0)
	pass(e.b, e.a, 0)
	clock.Advance(0)
	pass(e.a, e.b, 0)
	clock.Advance(0)
	g.Exhaust() // so that what comes now is seen at once
	pass(e.b, e.a, 0)
	e.a.End()
	clock.Advance(0)
	if s.err != io.ErrUnexpectedEOF {
		t.Errorf("server ended with %v, want io.ErrUnexpectedEOF", s.err)
	}
	pass(e.a, e.b, 0)
	clock.Advance(0)
	wantString(t, "client heard", c.heard, "answer")
}
