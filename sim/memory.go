package sim

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Port is what a Clock's Listen recorded; the test plays its clients.
// Loop-only.
type Port struct {
	Config  twistor.ListenConfig
	Factory twistor.Factory

	clock  *Clock
	addr   net.Addr
	closed bool
	paused bool
}

var _ twistor.Port = (*Port)(nil)

// Listen records a Port. It fails as Clock.FailListen says, for an address that
// a Port has already, for one that is none, and when the factory's Opened does.
func (c *Clock) Listen(config twistor.ListenConfig, f twistor.Factory) (twistor.Port, error) {
	addr, err := c.bind(config, "tcp", "unix")
	if err != nil {
		return nil, err
	}
	p := &Port{Config: config, Factory: f, clock: c, addr: addr}
	if o, ok := f.(twistor.Opener); ok && !c.open(f) {
		if err := o.Opened(c); err != nil {
			return nil, err
		}
	}
	c.ports = append(c.ports, p)
	return p, nil
}

// bind checks the address of a ListenConfig, and replaces port 0.
func (c *Clock) bind(config twistor.ListenConfig, families ...string) (net.Addr, error) {
	fail := func(err error) (net.Addr, error) {
		return nil, &net.OpError{Op: "listen", Net: config.Network, Err: err}
	}
	if c.FailListen != nil {
		return fail(c.FailListen)
	}
	if config.File != nil {
		return fail(errors.New("sim: a Clock has no inherited sockets"))
	}
	addr, err := parseAddr(config.Network, config.Address, families...)
	if err != nil {
		return fail(err)
	}
	if at, ok := addr.(*net.TCPAddr); ok && at.Port == 0 {
		c.lastPort++
		at.Port = int(c.lastPort)
	}
	if at, ok := addr.(*net.UDPAddr); ok && at.Port == 0 {
		c.lastPort++
		at.Port = int(c.lastPort)
	}
	for _, p := range c.Ports() {
		if sameAddr(p.addr, addr) && !config.ReusePort {
			return fail(os.NewSyscallError("bind", syscall.EADDRINUSE))
		}
	}
	for _, p := range c.PacketPorts() {
		if sameAddr(p.local, addr) && !config.ReusePort {
			return fail(os.NewSyscallError("bind", syscall.EADDRINUSE))
		}
	}
	return addr, nil
}

func sameAddr(a, b net.Addr) bool { return a.Network() == b.Network() && a.String() == b.String() }

// open reports whether f has a Port already.
func (c *Clock) open(f twistor.Factory) bool {
	for _, p := range c.Ports() {
		if v := reflect.ValueOf(f); v.Comparable() && p.Factory == f {
			return true
		}
	}
	return false
}

// Ports are the open Ports, in the order of their Listens.
func (c *Clock) Ports() (open []*Port) {
	for _, p := range c.ports {
		if !p.closed {
			open = append(open, p)
		}
	}
	return open
}

func (p *Port) Addr() net.Addr { return p.addr }
func (p *Port) Pause()         { p.paused = true }
func (p *Port) Resume()        { p.paused = false }

// Paused and Closed say what was asked of the Port.
func (p *Port) Paused() bool { return p.paused }

func (p *Port) Closed() bool { return p.closed }

// Close frees the address at the next Advance.
func (p *Port) Close() *deferred.Signal {
	d := deferred.New[struct{}](p.clock)
	first := !p.closed
	p.closed = true
	p.clock.Post(func() {
		if o, ok := p.Factory.(twistor.Opener); ok && first && !p.clock.open(p.Factory) {
			o.Closed()
		}
		d.Succeed(struct{}{})
	})
	return d
}

// Accept is a new connection to p, whose protocol has heard Connected, unless
// its factory refused it; with Config.TLS, the handshake is done. A closed Port
// panics.
func (p *Port) Accept() *Transport {
	if p.closed {
		panic("sim: Accept on a closed Port")
	}
	t := NewTransport(p.clock)
	t.SetAddrs(p.addr, t.RemoteAddr())
	t.proto = p.addr.Network()
	if p.Config.TLS != nil {
		t.Secure(tls.ConnectionState{Version: tls.VersionTLS13})
	}
	t.Build(p.Factory)
	return t
}

// An Attempt is what a Clock's Dial recorded; the test answers by Succeed or
// Fail, or lets it time out. Loop-only.
type Attempt struct {
	Config  twistor.DialConfig
	Factory twistor.Factory

	clock   *Clock
	done    *deferred.Deferred[twistor.Protocol]
	timeout twistor.Timer
	over    bool
}

// Dial records an Attempt.
func (c *Clock) Dial(config twistor.DialConfig, f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
	a := &Attempt{Config: config, Factory: f, clock: c, done: deferred.New[twistor.Protocol](c)}
	a.done.OnCancel(a.end)
	if d := config.Timeout; d >= 0 {
		if d == 0 {
			d = 30 * time.Second
		}
		a.timeout = c.CallLater(d, func() { a.fail(os.ErrDeadlineExceeded) })
	}
	c.attempts = append(c.attempts, a)
	return a.done
}

// Attempts are those not answered yet, in the order of their Dials.
func (c *Clock) Attempts() (open []*Attempt) {
	for _, a := range c.attempts {
		if !a.over {
			open = append(open, a)
		}
	}
	return open
}

func (a *Attempt) end() {
	a.over = true
	a.timeout.Stop()
}

// Over reports whether a was answered, has timed out or was cancelled.
func (a *Attempt) Over() bool { return a.over }

// Succeed connects, also in TLS where that was asked for: the protocol is built and hears Connected, then the
// Deferred fires. An Attempt that is over panics.
func (a *Attempt) Succeed() *Transport {
	if a.over {
		panic("sim: Succeed of an Attempt that is over")
	}
	a.end()
	t := NewTransport(a.clock)
	t.SetAddrs(t.RemoteAddr(), t.LocalAddr())
	if remote, err := parseAddr(a.Config.Network, a.Config.Address, "tcp", "unix"); err == nil {
		t.SetAddrs(t.LocalAddr(), remote)
		t.proto = remote.Network()
	}
	if c := a.Config.TLS; c != nil {
		t.Secure(tls.ConnectionState{Version: tls.VersionTLS13, ServerName: c.ServerName})
	}
	p := t.Build(a.Factory)
	a.clock.call(func() {
		if p == nil {
			a.done.Fail(twistor.ErrRefused)
		} else {
			a.done.Succeed(p)
		}
	})
	a.clock.rest(false)
	return t
}

// Fail makes the Deferred fail with err in a *net.OpError.
func (a *Attempt) Fail(err error) {
	a.clock.call(func() { a.fail(err) })
	a.clock.rest(false)
}

func (a *Attempt) fail(err error) {
	if !a.over {
		a.end()
		a.done.Fail(&net.OpError{Op: "dial", Net: a.Config.Network, Err: err})
	}
}

// parseAddr makes a net.Addr of a network and address of the given families.
// Hosts that are names are taken for 10.0.0.1.
func parseAddr(network, address string, families ...string) (net.Addr, error) {
	family := ""
	for _, f := range families {
		if network == f || network == f+"4" || network == f+"6" {
			family = f
		}
	}
	switch family {
	case "":
		return nil, net.UnknownNetworkError(network)
	case "unix", "unixgram":
		if address == "" {
			return nil, errors.New("sim: a UNIX address is empty, want a path")
		}
		return &net.UnixAddr{Name: address, Net: network}, nil
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, &net.AddrError{Err: "want a port number from 0 to 65535", Addr: address}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ip = netip.AddrFrom4([4]byte{10, 0, 0, 1})
		if host == "" {
			ip = netip.IPv4Unspecified()
		}
	}
	at := netip.AddrPortFrom(ip, uint16(port))
	if strings.HasPrefix(family, "udp") {
		return net.UDPAddrFromAddrPort(at), nil
	}
	return net.TCPAddrFromAddrPort(at), nil
}
