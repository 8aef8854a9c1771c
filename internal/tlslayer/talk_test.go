package tlslayer_test

import (
	"crypto/tls"
	"fmt"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/sim"
)

// ca signs everything in these tests that no test wants otherwise.
var ca = certtest.New()

// A talker keeps what it hears; its hooks, if not nil, run inside the events.
type talker struct {
	twistor.Transport
	events []string // but Received
	heard  []byte
	parts  int // how often Received was called
	err    error

	connected, drained, secured, readClosed, dismissed func()
	received                                           func(p []byte)
}

func (p *talker) note(event string, hook func()) {
	p.events = append(p.events, event)
	if hook != nil {
		hook()
	}
}

func (p *talker) Connected() { p.note("connected", p.connected) }
func (p *talker) Drained()   { p.note("drained", p.drained) }
func (p *talker) Secured()   { p.note("secured", p.secured) }

func (p *talker) Received(b []byte) {
	p.heard = append(p.heard, b...)
	p.parts++
	if p.received != nil {
		p.received(b)
	}
}

func (p *talker) Disconnected(err error) {
	p.err = err
	p.note(fmt.Sprintf("disconnected: %v", err), nil)
}

// A halfTalker goes on after the peer's end.
type halfTalker struct{ talker }

func (p *halfTalker) ReadClosed() { p.note("read closed", p.readClosed) }

// factory gives t to p.
func (p *talker) factory() twistor.Factory {
	return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		p.Transport = t
		return p
	})
}

func (p *halfTalker) factory() twistor.Factory {
	return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		p.Transport = t
		return p
	})
}

// An outcome is what done was called with.
type outcome struct {
	calls int
	p     twistor.Protocol
	err   error
}

func (o *outcome) done(p twistor.Protocol, err error) { o.calls++; o.p, o.err = p, err }

// A link is two layers, connected.
type link struct {
	*sim.Clock
	pipe           *sim.Pipe
	server, client outcome
}

// newLink connects two factories under TLS, and shakes hands.
func newLink(t sim.T, server, client *tls.Config, s, c twistor.Factory) *link {
	l := joined(t, server, client, s, c)
	l.Advance(0)
	return l
}

// joined is newLink before the first byte.
func joined(t sim.T, server, client *tls.Config, s, c twistor.Factory) *link {
	l := &link{Clock: sim.NewClock(t)}
	l.join(server, client, s, c)
	return l
}

func (l *link) join(server, client *tls.Config, s, c twistor.Factory) {
	l.pipe = sim.NewPipe(l.Clock,
		tlslayer.Factory(server, twistor.AsServer, s, l.server.done),
		tlslayer.Factory(client, twistor.AsClient, c, l.client.done))
}

// versions runs a test under TLS 1.2 and 1.3.
func versions(t *testing.T, f func(t *testing.T, version uint16)) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) { f(t, v) })
	}
}

// at is c for one version only.
func at(version uint16, c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion, c.MaxVersion = version, version
	return c
}

func wantString[T ~string | ~[]byte](t *testing.T, what string, got T, want string) {
	t.Helper()
	if string(got) != want {
		t.Errorf("%s: got %.200q, want %.200q", what, string(got), want)
	}
}
