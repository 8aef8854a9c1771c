package tlslayer_test

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/sim"
)

// An upgrader begins in clear and can StartTLS, as a connection of package
// reactor does it: what it holds as Transport changes.
type upgrader struct {
	halfTalker
	bare *sim.Transport
}

func (p *upgrader) factory() twistor.Factory {
	return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		p.Transport, p.bare = t, t.(*sim.Transport)
		return p
	})
}

func (p *upgrader) start(config *tls.Config, as twistor.Role, unread []byte) error {
	over, below, err := tlslayer.Start(p.bare, config, as, p, unread)
	if err != nil {
		return err
	}
	p.Transport = over
	p.bare.Switch(quiet{below}, nil)
	return nil
}

// quiet is what hears the bare Transport after Start; it has been Connected.
type quiet struct{ twistor.Protocol }

func (quiet) Connected()    {}
func (q quiet) ReadClosed() { q.Protocol.(twistor.HalfCloser).ReadClosed() }
func (q quiet) Drained()    { q.Protocol.(twistor.Drainer).Drained() }

// starttls connects two upgraders that change over at a word.
func starttls(t *testing.T, server, client *tls.Config) (s, c *upgrader, l *link) {
	s, c = new(upgrader), new(upgrader)
	s.received = func(p []byte) {
		if string(p) == "STARTTLS\n" {
			s.Write([]byte("GO\n"))
			if err := s.start(server, twistor.AsServer, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.received = func(p []byte) {
		if string(p) == "GO\n" {
			if err := c.start(client, twistor.AsClient, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	l = &link{Clock: sim.NewClock(t)}
	l.pipe = sim.NewPipe(l.Clock, s.factory(), c.factory())
	c.Write([]byte("STARTTLS\n"))
	return s, c, l
}

// TestT12StartTLS: what was written before goes out in clear, Secured comes once
// (T18), before data, and writes from then on are encrypted.
func TestT12StartTLS(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		s, c, l := starttls(t, at(v, ca.Server("a.test")), at(v, ca.Client("a.test")))
		s.secured = func() {
			if s.TLS() == nil || len(s.heard) > len("STARTTLS\n") {
				t.Error("Secured without state, or after data")
			}
			s.Write([]byte("secret of the server"))
		}
		c.secured = func() { c.Write([]byte("secret of the client")) }
		l.Advance(0)
		wantString(t, "server heard", s.heard, "STARTTLS\nsecret of the client")
		wantString(t, "client heard", c.heard, "GO\nsecret of the server")
		for _, p := range []*upgrader{s, c} {
			if got := strings.Join(p.events, ", "); got != "connected, secured" {
				t.Errorf("events: got %s; want connected, secured", got)
			}
		}
		if sent := l.pipe.A.Written() + l.pipe.B.Written(); strings.Contains(sent, "secret") {
			t.Error("plaintext after StartTLS")
		}
		c.Close()
		l.Advance(0)
		if s.readClosed == nil {
			s.Close()
		}
		if l.Advance(0); s.err == nil || c.err != net.ErrClosed {
			t.Errorf("ended with %v and %v", s.err, c.err)
		}
	})
}

// TestT12WritesWait: writes, a file and Close during the handshake wait for it.
func TestT12WritesWait(t *testing.T) {
	s, c, l := starttls(t, ca.Server("a.test"), ca.Client("a.test"))
	before := c.received
	c.received = func(p []byte) {
		if before(p); string(p) == "GO\n" {
			c.Write([]byte("one "))
			c.SendFile(section("two "))
			c.Write([]byte("three"))
			c.CloseWrite()
			if got := c.Buffered(); got != len("one three") {
				t.Errorf("Buffered: got %d, want 9", got)
			}
		}
	}
	l.Advance(0)
	wantString(t, "server heard", s.heard, "STARTTLS\none two three")
	if got := strings.Join(s.events, ", "); got != "connected, secured, read closed" {
		t.Errorf("server's events: %s", got)
	}
}

// TestT12CloseDuringHandshake flushes what was written: the handshake goes on
// for that, and Secured is not heard.
func TestT12CloseDuringHandshake(t *testing.T) {
	s, c, l := starttls(t, ca.Server("a.test"), ca.Client("a.test"))
	before := c.received
	c.received = func(p []byte) {
		if before(p); string(p) == "GO\n" {
			c.Write([]byte("last words"))
			c.Close()
		}
	}
	l.Advance(0)
	wantString(t, "server heard", s.heard, "STARTTLS\nlast words")
	s.Close()
	l.Advance(0)
	if got := strings.Join(c.events, ", "); got != "connected, disconnected: "+net.ErrClosed.Error() {
		t.Errorf("client's events: %s", got)
	}
}

// TestT12WaitingIsLimited: what waits counts against Limits.Max.
func TestT12WaitingIsLimited(t *testing.T) {
	var p upgrader
	c := sim.NewClock(t)
	tr := sim.Connect(c, p.factory())
	if err := p.start(ca.Client("a.test"), twistor.AsClient, nil); err != nil {
		t.Fatal(err)
	}
	n, err := 0, error(nil)
	for ; err == nil && n < 10<<20; n += 1000 {
		_, err = p.Write(make([]byte, 1000))
	}
	if c.Advance(0); err != twistor.ErrOverflow || n > 1<<20+1000 || tr.Err() == nil {
		t.Errorf("wrote %d bytes, %v, ended with %v; want ErrOverflow after 1 MiB", n, err, tr.Err())
	}
}

// TestT12Unread: the hello that came in one Received with what told of it is
// passed as unread.
func TestT12Unread(t *testing.T) {
	var s upgrader
	s.received = func(p []byte) {
		s.received = nil
		if err := s.start(ca.Server("a.test"), twistor.AsServer, p[len("preface"):]); err != nil {
			t.Fatal(err)
		}
		if len(s.events) != 1 {
			t.Errorf("events inside of StartTLS: %q", s.events)
		}
		clear(p) // it was only valid during the call
	}
	c := sim.NewClock(t)
	p, _ := newPeer(c, s.factory(), func(conn net.Conn) error {
		tc := tls.Client(&prefaced{Conn: conn}, ca.Client("a.test"))
		if _, err := tc.Write([]byte("hello")); err != nil {
			return err
		}
		return tc.Close()
	})
	c.Advance(0)
	if p.got != nil || !strings.HasSuffix(string(s.heard), "hello") {
		t.Errorf("heard %q; peer ended with %v", s.heard, p.got)
	}
}

// prefaced writes "preface" before the first bytes, at once with them.
type prefaced struct {
	net.Conn
	done bool
}

func (p *prefaced) Write(b []byte) (int, error) {
	if !p.done {
		p.done = true
		if _, err := p.Conn.Write(append([]byte("preface"), b...)); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	return p.Conn.Write(b)
}

// TestP12NothingInClearCounts: bytes in clear behind the answer to STARTTLS reach
// TLS, not the protocol, and fail the handshake; the same for a server whose
// client sends commands ahead of its hello (ML-03, ML-04).
func TestP12NothingInClearCounts(t *testing.T) {
	s, c, l := starttls(t, ca.Server("a.test"), ca.Client("a.test"))
	s.received = func(p []byte) {
		s.Write([]byte("GO\n"))
		s.CallLaterWrite(l, "250 injected\r\n")
	}
	l.Advance(0)
	l.Advance(time.Second)
	if strings.Contains(string(c.heard), "injected") {
		t.Errorf("client heard %q", c.heard)
	}
	var notTLS tls.RecordHeaderError
	if !errors.As(c.err, &notTLS) || len(c.events) != 2 {
		t.Errorf("client ended with %v after %q, want a RecordHeaderError, and no Secured", c.err, c.events)
	}

	s, c, l = starttls(t, ca.Server("a.test"), ca.Client("a.test"))
	c.received = func([]byte) { c.Write([]byte("RSET\r\nMAIL FROM:<i@e>\r\n")) }
	l.Advance(time.Minute)
	if strings.Contains(string(s.heard), "MAIL") || !errors.As(s.err, &notTLS) {
		t.Errorf("server heard %q and ended with %v", s.heard, s.err)
	}
}

// CallLaterWrite writes text in clear a moment later.
func (p *upgrader) CallLaterWrite(l *link, text string) {
	l.CallLater(time.Millisecond, func() { p.bare.Write([]byte(text)) })
}

// TestT12FailureEndsIt: a handshake that fails ends the connection with what
// crypto/tls says; T-16: no byte of the protocol's reaches the wrong peer.
func TestT12FailureEndsIt(t *testing.T) {
	s, c, l := starttls(t, ca.Server("a.test"), ca.Client("other.test"))
	before := c.received
	c.received = func(p []byte) {
		before(p)
		c.Write([]byte("AUTH PLAIN credentials"))
	}
	l.Advance(time.Minute)
	var wrong *tls.CertificateVerificationError
	if !errors.As(c.err, &wrong) || len(c.events) != 2 {
		t.Errorf("client ended with %v after %q, want CertificateVerificationError, and no Secured", c.err, c.events)
	}
	wantString(t, "server heard", s.heard, "STARTTLS\n")
	if strings.Contains(l.pipe.B.Written(), "credentials") {
		t.Error("credentials in clear")
	}
}

// TestT12Refuses what cannot work, before the peer is told, in clear words.
func TestT12Refuses(t *testing.T) {
	c := sim.NewClock(t)
	for _, test := range []struct {
		config *tls.Config
		as     twistor.Role
		want   string
	}{
		{nil, twistor.AsServer, "without a *tls.Config"},
		{&tls.Config{}, twistor.AsServer, "want a certificate"},
		{&tls.Config{}, twistor.AsClient, "want Config.ServerName"},
		{ca.Server("a.test"), twistor.ByDirection, "want AsServer or AsClient"},
		{ca.Server("a.test"), 7, "role 7"},
	} {
		_, _, err := tlslayer.Start(sim.NewTransport(c), test.config, test.as, &talker{}, nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v, want %q in it", test, err, test.want)
		}
	}
}

// TestByDirection: the dialer is the client; who cannot know refuses.
func TestByDirection(t *testing.T) {
	c := sim.NewClock(t)
	var s, d talker
	var so, do, no outcome
	pipe := sim.NewPipe(c, twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		return tlslayer.Factory(ca.Server("a.test"), twistor.ByDirection, s.factory(), so.done).Build(directed{tr, false})
	}), twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		return tlslayer.Factory(ca.Client("a.test"), twistor.ByDirection, d.factory(), do.done).Build(directed{tr, true})
	}))
	c.Advance(0)
	if so.err != nil || do.err != nil || so.p != &s {
		t.Errorf("done got %+v and %+v", so, do)
	}
	_ = pipe
	sim.Connect(c, tlslayer.Factory(nil, twistor.ByDirection, s.factory(), no.done))
	if no.calls != 1 || no.err == nil {
		t.Errorf("without direction, done got %+v; want an error", no)
	}
}

type directed struct {
	twistor.Transport
	dialed bool
}

func (d directed) Dialed() bool              { return d.dialed }
func (d directed) Unwrap() twistor.Transport { return d.Transport }
