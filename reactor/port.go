package reactor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
	"github.com/twistor-go/twistor/internal/tlslayer"
)

const (
	defaultMaxConnections = 10_000
	minAcceptDelay        = 5 * time.Millisecond
	maxAcceptDelay        = time.Second
)

// A port accepts connections: for one factory on its own loop, or for one
// factory of each loop.
type port struct {
	// Immutable.
	l       *loop
	network string
	addr    poll.Addr
	fixed   bool // addr is every connection's local address
	max     int64
	own     []twistor.Factory // as given: one, or one for each loop
	serve   []twistor.Factory // with TLS around them

	conns atomic.Int64 // accepted and not ended, on all loops
	hands atomic.Int64 // of those, in their TLS handshake
	held  atomic.Bool  // accepting waits for one of them to end

	// Owned by the loop.
	h      poll.Handle
	want   poll.Ready
	paused bool
	delay  time.Duration // of accepting after a failure; 0: none
	timer  deferred.Timer
	turn   int
	logged time.Time
}

// Listen implements twistor.Loop.
func (l *loop) Listen(c twistor.ListenConfig, f twistor.Factory) (twistor.Port, error) {
	if f == nil {
		return nil, listenError(c, errors.New("want a Factory"))
	}
	return l.listen(c, []twistor.Factory{f})
}

// ListenEach implements twistor.EachListener.
func (l *loop) ListenEach(c twistor.ListenConfig, build func(twistor.Loop) twistor.Factory) (twistor.Port, error) {
	var fs []twistor.Factory
	for _, at := range l.r.loops {
		f := build(at)
		if f == nil {
			return nil, listenError(c, errors.New("want a Factory for each loop"))
		}
		fs = append(fs, f)
	}
	return l.listen(c, fs)
}

func (l *loop) listen(c twistor.ListenConfig, fs []twistor.Factory) (twistor.Port, error) {
	p := &port{l: l, network: c.Network, own: fs, max: int64(c.MaxConnections)}
	if p.max == 0 {
		p.max = defaultMaxConnections
	}
	for _, at := range l.r.loops {
		if err := at.start(); err != nil {
			return nil, listenError(c, err)
		}
	}
	p.serve = fs
	if c.TLS != nil {
		p.serve = nil
		for _, f := range fs {
			p.serve = append(p.serve, &secure{p, tlslayer.Factory(c.TLS, twistor.AsServer, f, p.handshaken)})
		}
	}
	if err := p.bind(c); err != nil {
		return nil, listenError(c, err)
	}
	p.addr = l.poller.LocalAddr(p.h)
	p.fixed = p.addr.AddrPort.IsValid() && !p.addr.AddrPort.Addr().IsUnspecified() || p.addr.Path != ""
	p.want = poll.In
	for i, f := range fs {
		if err := l.at(i, len(fs)).opened(l, f); err != nil {
			for j := range i {
				l.at(j, len(fs)).shut(l, fs[j])
			}
			l.poller.Close(p.h, false)
			return nil, listenError(c, err)
		}
	}
	l.register(p.h, p)
	l.ports = append(l.ports, p)
	l.log.Debug("listening", "local", p.Addr().String(), "proto", p.network)
	return p, nil
}

// A secure counts the handshakes of a port.
type secure struct {
	p *port
	twistor.Factory
}

func (s *secure) Build(t twistor.Transport) twistor.Protocol {
	s.p.hands.Add(1)
	return s.Factory.Build(t)
}

// handshaken hears how a server's handshake went, on its loop.
func (p *port) handshaken(_ twistor.Protocol, err error) {
	p.hands.Add(-1)
	if err != nil {
		p.l.log.Debug("no TLS", "op", "handshake", "err", err)
	}
}

// Handshakes implements twistor.Handshaker.
func (p *port) Handshakes() int { return int(p.hands.Load()) }

// at is the loop of the i-th of n factories.
func (l *loop) at(i, n int) *loop {
	if n == 1 {
		return l
	}
	return l.r.loops[i]
}

// bind opens the port's socket.
func (p *port) bind(c twistor.ListenConfig) (err error) {
	spec := poll.Spec{Network: c.Network, Backlog: c.Backlog, Mode: c.Mode, ReusePort: c.ReusePort}
	if spec.Mode == 0 {
		spec.Mode = 0o600
	}
	if c.File != nil {
		if c.Network == "unix" {
			spec.Addr.Path = c.Address
		}
		p.h, p.network, err = p.l.adoptFile(c.File, spec)
		return err
	}
	switch c.Network {
	case "tcp", "tcp4", "tcp6", "unix":
	default:
		return fmt.Errorf("network %q: want tcp, tcp4, tcp6 or unix", c.Network)
	}
	if spec.Addr, err = p.l.bindAddr(c.Network, c.Address); err != nil {
		return err
	}
	p.h, err = p.l.poller.Listen(spec)
	return err
}

// adoptFile gives a duplicate of an inherited socket to the Poller.
func (l *loop) adoptFile(f *os.File, spec poll.Spec) (poll.Handle, string, error) {
	sock, err := poll.Duplicate(f)
	if err != nil {
		return 0, "", err
	}
	h, err := l.poller.Adopt(sock, spec)
	if err != nil {
		l.poller.Drop(sock, false)
		return 0, "", err
	}
	network := spec.Network
	if a := l.poller.LocalAddr(h); network == "" {
		if network = "tcp"; !a.AddrPort.IsValid() {
			network = "unix"
		}
	}
	return h, network, nil
}

// Addr implements twistor.Port.
func (p *port) Addr() net.Addr {
	if !p.addr.AddrPort.IsValid() {
		return &net.UnixAddr{Name: p.addr.Path, Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(p.addr.AddrPort)
}

// Close implements twistor.Port.
func (p *port) Close() *deferred.Signal {
	if p.h == 0 {
		return deferred.Succeeded(struct{}{})
	}
	l := p.l
	l.unregister(p.h)
	l.poller.Close(p.h, false)
	p.h = 0
	p.timer.Stop()
	l.ports = without(l.ports, p)
	for i, f := range p.own {
		l.at(i, len(p.own)).shut(l, f)
	}
	return deferred.Succeeded(struct{}{})
}

// without removes x from list, keeping the order.
func without[T comparable](list []T, x T) []T {
	for i, y := range list {
		if x == y {
			copy(list[i:], list[i+1:])
			clear(list[len(list)-1:])
			return list[:len(list)-1]
		}
	}
	return list
}

// Pause implements twistor.Port.
func (p *port) Pause() { p.paused = true; p.wanted() }

// Resume implements twistor.Port.
func (p *port) Resume() { p.paused = false; p.wanted() }
