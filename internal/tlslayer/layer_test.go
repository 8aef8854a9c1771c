package tlslayer_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/sim"
)

// TestT13BytesCutAnywhere lets two layers talk whose bytes come 1, 7 or all at
// a time, in both versions; what is said must come whole and in order.
func TestT13BytesCutAnywhere(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		for _, n := range []int{1, 7, 0} {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				c := sim.NewClock(t)
				var a, b talker
				said := strings.Repeat("0123456789", 4000)
				a.connected = func() { a.Write([]byte(said)) }
				a.received = func(p []byte) { a.Write(p) }
				b.connected = func() { b.Write([]byte("first")) }
				e := ends{
					sim.Connect(c, tlslayer.Factory(at(v, ca.Server("a.test")), twistor.AsServer, a.factory(), nil)),
					sim.Connect(c, tlslayer.Factory(at(v, ca.Client("a.test")), twistor.AsClient, b.factory(), nil)),
				}
				e.shuttle(c, n)
				wantString(t, "server heard", a.heard, "first")
				if got := string(b.heard); len(got) != len(said)+5 || strings.Replace(got, "first", "", 1) != said {
					t.Errorf("client heard %d bytes, want %d, in order", len(got), len(said)+5)
				}
				b.Close()
				e.shuttle(c, n)
				if a.err != io.EOF || b.err != net.ErrClosed {
					t.Errorf("ended with %v and %v, want io.EOF and net.ErrClosed", a.err, b.err)
				}
			})
		}
	})
}

// TestT13AgainstCryptoTLS lets both roles talk to crypto/tls itself, over a pipe
// that cuts at random.
func TestT13AgainstCryptoTLS(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		for seed := range uint64(8) {
			c := sim.NewClock(t)
			var s talker
			s.received = func(p []byte) { s.Write(bytes.ToUpper(p)) }
			ours := tlslayer.Factory(at(v, ca.Server("a.test")), twistor.AsServer, s.factory(), nil)
			var heard []byte
			p, pipe := newPeer(c, ours, func(conn net.Conn) (err error) {
				tc := tls.Client(conn, at(v, ca.Client("a.test")))
				if _, err = tc.Write(bytes.Repeat([]byte("hello "), 5000)); err == nil {
					heard = make([]byte, 30000)
					_, err = io.ReadFull(tc, heard)
				}
				return errors.Join(err, tc.Close())
			})
			pipe.Cut(seed)
			c.Advance(0)
			if !p.over || p.got != nil || !bytes.Equal(heard, bytes.Repeat([]byte("HELLO "), 5000)) || s.err != io.EOF {
				t.Errorf("our server, seed %d: peer ended %v with %v, server with %v", seed, p.over, p.got, s.err)
			}

			var d talker
			d.connected = func() { d.Write([]byte("hello")) }
			ours = tlslayer.Factory(at(v, ca.Client("a.test")), twistor.AsClient, d.factory(), nil)
			p, pipe = newPeer(c, ours, func(conn net.Conn) (err error) {
				tc := tls.Server(conn, at(v, ca.Server("a.test")))
				b := make([]byte, 5)
				if _, err = io.ReadFull(tc, b); err == nil {
					_, err = tc.Write(bytes.ToUpper(b))
				}
				return errors.Join(err, tc.Close())
			})
			pipe.Cut(seed)
			c.Advance(0)
			if !p.over || p.got != nil || string(d.heard) != "HELLO" || d.err != io.EOF {
				t.Errorf("our client, seed %d: heard %q, peer ended %v with %v, client with %v", seed, d.heard, p.over, p.got, d.err)
			}
		}
	})
}

// TestT16T17BuildAfterHandshake: a factory sees who the peer is, and what was
// negotiated, when it builds; before that there is no state.
func TestT16T17BuildAfterHandshake(t *testing.T) {
	sc, cc := ca.Mutual(ca.Server("a.test"), ca.Client("a.test"))
	sc.NextProtos, cc.NextProtos = []string{"h2", "http/1.1"}, []string{"http/1.1", "h2"}
	var s, c talker
	built := 0
	f := twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		built++
		state := tr.TLS()
		if state == nil || !state.HandshakeComplete {
			t.Fatal("no TLS state in Build")
		}
		wantString(t, "ALPN", state.NegotiatedProtocol, "h2")
		wantString(t, "SNI", state.ServerName, "a.test")
		if len(state.PeerCertificates) != 1 || state.PeerCertificates[0].Subject.CommonName != "client" {
			t.Errorf("peer certificates: got %v, want one, of client", state.PeerCertificates)
		}
		return s.factory().Build(tr)
	})
	l := joined(t, sc, cc, f, c.factory())
	if built != 0 {
		t.Error("Build was called before the handshake")
	}
	l.Advance(0)
	if built != 1 || l.server.calls != 1 || l.server.err != nil || l.server.p != &s {
		t.Errorf("built %d times, done got %+v; want once each, with the protocol", built, l.server)
	}
	if got := c.TLS().PeerCertificates[0].DNSNames; len(got) != 1 || got[0] != "a.test" {
		t.Errorf("client sees a certificate for %v, want a.test", got)
	}
}

// TestT16NoClientCertificate: without one the list is empty, and nothing panics.
func TestT16NoClientCertificate(t *testing.T) {
	var s, c talker
	newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	if got := s.TLS().PeerCertificates; got != nil {
		t.Errorf("got %v, want nil", got)
	}
}

// TestRefusal: what a factory wrote before it refused arrives, and then the end.
func TestRefusal(t *testing.T) {
	var c talker
	refuse := twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		tr.Write([]byte("too many"))
		return nil
	})
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), refuse, c.factory())
	wantString(t, "client heard", c.heard, "too many")
	if c.err != io.EOF {
		t.Errorf("client ended with %v, want io.EOF", c.err)
	}
	if l.server.calls != 1 || l.server.err != twistor.ErrRefused || l.server.p != nil {
		t.Errorf("done got %+v, want ErrRefused once", l.server)
	}
}

// TestSwitchInside: the new protocol hears Connected, then what was unread, then
// the rest, in order; the former one nothing more.
func TestSwitchInside(t *testing.T) {
	var s, c, next, last talker
	s.received = func(p []byte) {
		next.Transport, last.Transport = s.Transport, s.Transport
		s.Switch(&next, p[3:])
	}
	next.connected = func() { next.Write([]byte("switched")) }
	next.received = func(p []byte) { next.Switch(&last, p[1:]) }
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	c.Write([]byte("oneTWO"))
	l.Advance(0)
	wantString(t, "first heard", s.heard, "oneTWO")
	wantString(t, "second heard", next.heard, "TWO")
	wantString(t, "third heard", last.heard, "WO")
	wantString(t, "client heard", c.heard, "switched")
	c.Write([]byte("!"))
	c.Close()
	l.Advance(0)
	wantString(t, "third heard", last.heard, "WO!")
	if s.err != nil || next.err != nil || last.err != io.EOF {
		t.Errorf("ended with %v, %v, %v; want only the last to hear, io.EOF", s.err, next.err, last.err)
	}
}

// TestSwitchFromElsewhere is a Switch outside of any event of the connection.
func TestSwitchFromElsewhere(t *testing.T) {
	var s, c, next talker
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	next.Transport = s.Transport
	s.Switch(&next, []byte("left over"))
	if len(next.events) != 0 {
		t.Error("the new protocol heard something inside of Switch")
	}
	l.Advance(0)
	wantString(t, "new protocol heard", next.heard, "left over")
}

// TestSwitchInsideConnected: what the second protocol gives back comes before what
// the first did.
func TestSwitchInsideConnected(t *testing.T) {
	var s, c, next, last talker
	s.received = func([]byte) { s.Switch(&next, []byte("rest")) }
	next.connected = func() { s.Switch(&last, []byte("made up ")) }
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	c.Write([]byte("go"))
	l.Advance(0)
	if len(next.heard) != 0 {
		t.Errorf("second heard %q, want nothing", next.heard)
	}
	wantString(t, "third heard", last.heard, "made up rest")
}

// TestPanicAborts: a panic where only the layer can contain it, in Connected
// after the handshake, ends that connection with it.
func TestPanicAborts(t *testing.T) {
	var s, c talker
	s.connected = func() { panic("boom") }
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), s.factory(), c.factory())
	var p *deferred.PanicError
	if got := l.Errors(); len(got) != 1 || !errors.As(got[0], &p) {
		t.Errorf("reported: %v, want the panic", got)
	}
	if !errors.As(s.err, &p) || p.Value != "boom" {
		t.Errorf("server ended with %v, want the panic", s.err)
	}
	if l.server.calls != 1 || !errors.As(l.server.err, &p) {
		t.Errorf("done got %+v, want the panic, once", l.server)
	}
	if c.err == nil {
		t.Error("the client's connection goes on")
	}
}

// TestPanicInBuild is the same before there is a protocol.
func TestPanicInBuild(t *testing.T) {
	var c talker
	f := twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { panic("boom") })
	l := newLink(t, ca.Server("a.test"), ca.Client("a.test"), f, c.factory())
	l.Errors()
	var p *deferred.PanicError
	if l.server.calls != 1 || !errors.As(l.server.err, &p) {
		t.Errorf("done got %+v, want the panic, once", l.server)
	}
}

func section(s string) *io.SectionReader {
	return io.NewSectionReader(strings.NewReader(s), 0, int64(len(s)))
}
