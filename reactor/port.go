package reactor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
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
			p.serve = append(p.serve, tlslayer.Factory(c.TLS, twistor.AsServer, f, l.handshaken))
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

// handshaken hears how a server's handshake went.
func (l *loop) handshaken(_ twistor.Protocol, err error) {
	if err != nil {
		l.log.Debug("no TLS", "op", "handshake", "err", err)
	}
}

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

func listenError(c twistor.ListenConfig, err error) error {
	network, address := c.Network, c.Address
	if c.File != nil {
		network, address = "file", c.File.Name()
	}
	return &net.OpError{Op: "listen", Net: network, Addr: written(address), Err: err}
}

// A written is an address as it was written.
type written string

func (written) Network() string  { return "" }
func (w written) String() string { return string(w) }

// bindAddr reads the address of something local. A name is looked up at once,
// which blocks: on a running loop use addresses.
func (l *loop) bindAddr(network, address string) (poll.Addr, error) {
	if strings.HasPrefix(network, "unix") {
		if address == "" {
			return poll.Addr{}, errors.New("want a path")
		}
		return poll.Addr{Path: address}, nil
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return poll.Addr{}, err
	}
	number, err := portNumber(network, service)
	if err != nil {
		return poll.Addr{}, err
	}
	if host == "" {
		return poll.Addr{AddrPort: netip.AddrPortFrom(anyAddr(network), number)}, nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
		defer cancel()
		ips, err := l.r.world.Resolve(ctx, host)
		if err != nil {
			return poll.Addr{}, err
		}
		ips = ofFamily(network, ips)
		if len(ips) == 0 {
			return poll.Addr{}, fmt.Errorf("no address of %q fits %s", host, network)
		}
		ip = ips[0]
	}
	if !fitsFamily(network, ip) {
		return poll.Addr{}, fmt.Errorf("address %v: want one for %s", ip, network)
	}
	return poll.Addr{AddrPort: netip.AddrPortFrom(ip, number)}, nil
}

// anyAddr is the wildcard; the zero Addr stands for both families.
func anyAddr(network string) netip.Addr {
	switch network[len(network)-1] {
	case '4':
		return netip.IPv4Unspecified()
	case '6':
		return netip.IPv6Unspecified()
	}
	return netip.Addr{}
}

func fitsFamily(network string, ip netip.Addr) bool {
	switch network[len(network)-1] {
	case '4':
		return ip.Unmap().Is4()
	case '6':
		return ip.Is6() && !ip.Is4In6()
	}
	return true
}

// ofFamily filters what fits network, IPv4 first where both do.
func ofFamily(network string, ips []netip.Addr) (fit []netip.Addr) {
	for _, four := range []bool{true, false} {
		for _, ip := range ips {
			if ip = ip.Unmap(); ip.Is4() == four && fitsFamily(network, ip) {
				fit = append(fit, ip)
			}
		}
	}
	return fit
}

// portNumber reads a port's number, or its name by the system's table.
func portNumber(network, service string) (uint16, error) {
	if n, err := strconv.ParseUint(service, 10, 16); err == nil {
		return uint16(n), nil
	}
	if service == "" || strings.Trim(service, "0123456789") == "" {
		return 0, fmt.Errorf("port %q: want a number from 0 to 65535", service)
	}
	n, err := net.LookupPort(network, service)
	if err != nil {
		return 0, fmt.Errorf("port %q: want a number from 0 to 65535 or a service's name", service)
	}
	return uint16(n), nil
}

// opened counts f's ports and tells it of the first. caller is the loop that
// runs: another one's factory hears of it on its own loop.
func (l *loop) opened(caller *loop, f twistor.Factory) error {
	o, ok := f.(twistor.Opener)
	if !ok {
		return halfOpener(f)
	}
	if l != caller && l.r.running.Load() {
		if !l.mail.putAlways(func() {
			if err := l.opened(l, f); err != nil {
				l.log.Error("factory does not open", "op", "listen", "err", err)
			}
		}) {
			return twistor.ErrStopped
		}
		l.rouse()
		return nil
	}
	if !reflect.TypeOf(f).Comparable() {
		return o.Opened(l)
	}
	if l.openers[f] == 0 {
		if err := o.Opened(l); err != nil {
			return err
		}
	}
	l.openers[f]++
	return nil
}

// halfOpener finds what was meant to be an Opener, and is not.
func halfOpener(f twistor.Factory) error {
	_, opens := f.(interface{ Opened(l twistor.Loop) error })
	_, closes := f.(interface{ Closed() })
	if opens || closes {
		return fmt.Errorf("%T has one of Opened and Closed: want both, or it is no twistor.Opener", f)
	}
	return nil
}

// shut is the reverse of opened.
func (l *loop) shut(caller *loop, f twistor.Factory) {
	o, ok := f.(twistor.Opener)
	if !ok {
		return
	}
	if l != caller && l.r.running.Load() {
		if l.mail.putAlways(func() { l.shut(l, f) }) {
			l.rouse()
		}
		return
	}
	if reflect.TypeOf(f).Comparable() {
		if l.openers[f]--; l.openers[f] > 0 {
			return
		}
		delete(l.openers, f)
	}
	l.deeds = append(l.deeds, o.Closed)
}

// ready accepts what is there, within a budget.
func (p *port) ready(r poll.Ready) {
	l := p.l
	for range maxAccepts {
		if p.h == 0 || p.want&poll.In == 0 {
			return
		}
		if p.max >= 0 && p.conns.Load() >= p.max {
			p.held.Store(true)
			p.wanted()
			p.logEvery("at its limit of connections", nil)
			if p.conns.Load() < p.max { // one ended meanwhile, on another loop
				p.unhold()
			}
			return
		}
		sock, from, err := l.poller.Accept(p.h)
		if err != nil {
			if p.refused(err) {
				continue
			}
			return
		}
		p.delay = 0
		p.conns.Add(1)
		p.give(sock, from)
	}
}

// give hands a connection to the loop that has the fewest, ties in turn.
func (p *port) give(sock poll.Socket, from poll.Addr) {
	if len(p.serve) == 1 {
		p.l.load.Add(1)
		p.l.accepted(p, p.serve[0], sock, from)
		return
	}
	loops := p.l.r.loops
	best := -1
	for i := range loops {
		k := (p.turn + i) % len(loops)
		if best < 0 || loops[k].load.Load() < loops[best].load.Load() {
			best = k
		}
	}
	p.turn = (best + 1) % len(loops)
	to, f := loops[best], p.serve[best]
	to.load.Add(1)
	if to == p.l {
		to.accepted(p, f, sock, from)
		return
	}
	if !to.mail.putAlways(func() { to.accepted(p, f, sock, from) }) {
		to.load.Add(-1)
		p.conns.Add(-1)
		p.l.poller.Drop(sock, true)
		return
	}
	to.rouse()
}

// accepted begins a connection on its own loop.
func (l *loop) accepted(p *port, f twistor.Factory, sock poll.Socket, from poll.Addr) {
	h, err := l.poller.Adopt(sock, poll.Spec{Network: p.network})
	if err != nil {
		l.poller.Drop(sock, true)
		l.load.Add(-1)
		p.ended()
		l.log.Warn("cannot serve a connection", "op", "accept", "err", err)
		return
	}
	c := &conn{l: l, h: h, port: p, limits: defaultLimits, remote: from.AddrPort, want: poll.In}
	if !from.AddrPort.IsValid() {
		c.state |= local
		if from.Path != "" {
			c.extra().path = from.Path
		}
	}
	l.register(h, c)
	l.conns++
	l.begin(c, f)
}

// begin gives c its Protocol.
func (l *loop) begin(c *conn, f twistor.Factory) {
	was := l.current
	l.current = c
	if p := f.Build(c); p == nil {
		c.p = refusal{}
		c.close()
	} else {
		c.p = p
		c.state |= live
		c.receives()
		p.Connected()
	}
	l.resume()
	l.settle(c)
	l.current = was
}

// A refusal stands in for the Protocol that Build did not return.
type refusal struct{}

func (refusal) Connected()         {}
func (refusal) Received([]byte)    {}
func (refusal) Disconnected(error) {}

// refused handles a failure of accept; it reports whether to try the next
// connection at once. See accept(2): errors of the network belong to one
// connection, not to the port.
func (p *port) refused(err error) (again bool) {
	switch {
	case err == poll.ErrAgain:
		return false
	case isErrno(err, syscall.EMFILE, syscall.ENFILE):
		if spare, ok := p.l.poller.(poll.Reserver); ok {
			spare.TurnAway(p.h)
		}
		p.backOff(err)
		return false
	case isErrno(err, syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK, syscall.EOPNOTSUPP) || errors.Is(err, poll.ErrClosed):
		p.l.log.Error("port is broken", "op", "accept", "local", p.Addr().String(), "err", err)
		p.Close()
		return false
	case isErrno(err, syscall.ECONNABORTED, syscall.EPROTO, syscall.EPERM, syscall.ENETDOWN, syscall.EHOSTDOWN,
		noNetwork, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENOPROTOOPT, syscall.ECONNRESET, syscall.ETIMEDOUT):
		return true
	default: // ENOBUFS, ENOMEM, and what we do not know
		p.backOff(err)
		return false
	}
}

func isErrno(err error, list ...syscall.Errno) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	for _, e := range list {
		if e == errno {
			return true
		}
	}
	return false
}

// backOff stops accepting for a time that doubles while it fails.
func (p *port) backOff(err error) {
	p.delay = min(max(2*p.delay, minAcceptDelay), maxAcceptDelay)
	p.logEvery("cannot accept", err)
	if p.timer == (deferred.Timer{}) {
		p.timer = p.l.CallLater(p.delay, p.wanted)
	} else {
		p.timer.Reset(p.delay)
	}
	p.wanted()
}

// logEvery logs at most once a second.
func (p *port) logEvery(what string, err error) {
	if now := p.l.Now(); now.Sub(p.logged) >= time.Second {
		p.logged = now
		p.l.log.Warn(what, "op", "accept", "local", p.Addr().String(), "err", err, "connections", p.conns.Load())
	}
}

// ended notes that one of the port's connections is gone, on any loop.
func (p *port) ended() {
	if n := p.conns.Add(-1); p.held.Load() && n < p.max {
		if p.l.mail.putAlways(p.unhold) {
			p.l.rouse()
		}
	}
}

func (p *port) unhold() {
	p.held.Store(false)
	p.wanted()
}

// wanted tells the Poller whether to report connections.
func (p *port) wanted() {
	if p.h == 0 {
		return
	}
	w := poll.In
	if p.paused || p.held.Load() || !p.timer.When().IsZero() {
		w = 0
	}
	if w != p.want {
		p.want = w
		p.l.poller.Want(p.h, w)
	}
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
