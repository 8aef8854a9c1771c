package tlslayer_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/sim"
)

// A peer is the other end as a blocking net.Conn, for crypto/tls itself or for
// bytes that no TLS library would send. It lives in a coroutine.
type peer struct {
	t    twistor.Transport
	co   *deferred.Co
	in   []byte
	eof  bool
	err  error
	wait *deferred.Signal
	body func(conn net.Conn) error
	got  error // what body returned
	over bool
}

// newPeer connects f to a script.
func newPeer(c *sim.Clock, f twistor.Factory, body func(conn net.Conn) error) (*peer, *sim.Pipe) {
	p := &peer{body: body}
	pipe := sim.NewPipe(c, f, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		p.t = t
		return p
	}))
	return p, pipe
}

// serverAnd connects a server of ours to a script, and lets both talk.
func serverAnd(t *testing.T, s *talker, body func(conn net.Conn) error) (*link, *peer) {
	l := &link{Clock: sim.NewClock(t)}
	f := tlslayer.Factory(ca.Server("a.test"), twistor.AsServer, s.factory(), l.server.done)
	var p *peer
	p, l.pipe = newPeer(l.Clock, f, body)
	l.Advance(0)
	return l, p
}

func (p *peer) Connected() {
	deferred.Inline(p.t.Loop(), func(co *deferred.Co) (struct{}, error) {
		p.co = co
		p.got = p.body(p)
		p.over = true
		return struct{}{}, nil
	}).Done(nil)
}

func (p *peer) wake() {
	if w := p.wait; w != nil {
		p.wait = nil
		w.Succeed(struct{}{})
	}
}

func (p *peer) Received(b []byte)      { p.in = append(p.in, b...); p.wake() }
func (p *peer) ReadClosed()            { p.eof = true; p.wake() }
func (p *peer) Disconnected(err error) { p.eof, p.err = true, err; p.wake() }

func (p *peer) Read(b []byte) (int, error) {
	for len(p.in) == 0 {
		if p.err != nil && p.err != net.ErrClosed {
			return 0, p.err
		}
		if p.eof {
			return 0, io.EOF
		}
		p.wait = deferred.New[struct{}](p.t.Loop())
		if _, err := p.wait.Await(p.co); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.in)
	p.in = p.in[n:]
	return n, nil
}

func (p *peer) Write(b []byte) (int, error)      { return p.t.Write(b) }
func (p *peer) Close() error                     { return p.t.Close() }
func (p *peer) LocalAddr() net.Addr              { return p.t.LocalAddr() }
func (p *peer) RemoteAddr() net.Addr             { return p.t.RemoteAddr() }
func (p *peer) SetDeadline(time.Time) error      { return nil }
func (p *peer) SetReadDeadline(time.Time) error  { return nil }
func (p *peer) SetWriteDeadline(time.Time) error { return nil }

// An ends shuttles bytes between two Transports in parts of n bytes; 0: as they
// come.
type ends struct{ a, b *sim.Transport }

// shuttle goes on until both are quiet.
func (e ends) shuttle(c *sim.Clock, n int) {
	for moved := true; moved; {
		c.Advance(0)
		moved = pass(e.a, e.b, n)
		c.Advance(0)
		moved = pass(e.b, e.a, n) || moved
	}
}

func pass(from, to *sim.Transport, n int) bool {
	s := from.Take()
	moved := s != ""
	for s != "" {
		part := s
		if n > 0 {
			part = s[:min(n, len(s))]
		}
		to.Receive(part)
		s = s[len(part):]
	}
	if from.Err() != nil && to.Err() == nil && !to.Closed() {
		to.End()
		moved = true
	}
	return moved
}
