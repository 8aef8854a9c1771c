package tlslayer_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
)

// TestStartTLSInside is TLS in TLS: the same protocol goes on, over one more
// layer, without knowing; what it wrote before is below it.
func TestStartTLSInside(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		var s, c talker
		s.received = func(p []byte) {
			switch string(p) {
			case "again":
				s.Write([]byte("yes"))
				if err := s.StartTLS(ca.Server("inner.test"), twistor.AsServer, nil); err != nil {
					t.Fatal(err)
				}
				if err := s.StartTLS(ca.Server("inner.test"), twistor.AsServer, nil); err == nil {
					t.Error("StartTLS during a handshake: want an error")
				}
			default:
				s.Write([]byte(strings.ToUpper(string(p))))
			}
		}
		c.received = func(p []byte) {
			if string(p) == "yes" {
				if err := c.StartTLS(ca.Client("inner.test"), twistor.AsClient, nil); err != nil {
					t.Fatal(err)
				}
				c.Write([]byte("deep"))
			}
		}
		l := newLink(t, at(v, ca.Server("a.test")), at(v, ca.Client("a.test")), s.factory(), c.factory())
		wantString(t, "outer name", c.TLS().ServerName, "a.test")
		l.pipe.Cut(1)
		c.Write([]byte("again"))
		l.Advance(0)
		wantString(t, "client heard", c.heard, "yesDEEP")
		wantString(t, "inner name", c.TLS().ServerName, "inner.test")
		if got := strings.Join(c.events, ", "); got != "connected, secured" {
			t.Errorf("client's events: %s", got)
		}
		c.Write([]byte(strings.Repeat("x", 100_000)))
		l.Advance(0)
		wantString(t, "client heard", c.heard[7:], strings.Repeat("X", 100_000))
		c.Close()
		l.Advance(0)
		if s.err != io.EOF || c.err != net.ErrClosed {
			t.Errorf("ended with %v and %v, want io.EOF and net.ErrClosed", s.err, c.err)
		}
	})
}

// TestStartTLSInsidePaused: the protocol's Pause moves up, so that the inner
// handshake goes on, and plaintext waits.
func TestStartTLSInsidePaused(t *testing.T) {
	var s, c talker
	s.received = func(p []byte) {
		s.Pause()
		if err := s.StartTLS(ca.Server("inner.test"), twistor.AsServer, nil); err != nil {
			t.Fatal(err)
		}
		s.received = nil
	}
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	c.Write([]byte("again"))
	l.Advance(0)
	c.StartTLS(ca.Client("inner.test"), twistor.AsClient, nil)
	c.Write([]byte("deep"))
	l.Advance(0)
	if got := strings.Join(s.events, ", "); got != "connected, secured" {
		t.Errorf("server's events: %s", got)
	}
	wantString(t, "server heard", s.heard, "again")
	s.Resume()
	l.Advance(0)
	wantString(t, "server heard", s.heard, "againdeep")
}

// TestStartTLSInsideRefuses what has no meaning.
func TestStartTLSInsideRefuses(t *testing.T) {
	var s, c talker
	newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	s.Switch(&talker{Transport: s.Transport}, nil)
	if err := s.StartTLS(ca.Server("b.test"), twistor.AsServer, nil); err == nil {
		t.Error("after Switch: want an error")
	}
	c.CloseWrite()
	if err := c.StartTLS(ca.Client("b.test"), twistor.AsClient, nil); err != net.ErrClosed {
		t.Errorf("after CloseWrite: got %v, want net.ErrClosed", err)
	}
}
