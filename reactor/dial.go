package reactor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
	"github.com/twistor-go/twistor/internal/tlslayer"
)

const (
	defaultDialTimeout = 30 * time.Second
	lookupTimeout      = 10 * time.Second
)

// A dialing is one Dial under way.
type dialing struct {
	l      *loop
	config twistor.DialConfig
	f      twistor.Factory
	result *deferred.Deferred[twistor.Protocol]
	timer  deferred.Timer
	stop   func() // ends the stage under way
	built  bool   // or refused: the time limit is over
	ended  bool   // cancelled or failed
}

// An attempt is a connection that may come to be.
type attempt struct {
	done *deferred.Deferred[*conn] // until connected
	d    *dialing                  // from then on
}

// Dial implements twistor.Loop.
func (l *loop) Dial(c twistor.DialConfig, f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
	d := &dialing{l: l, config: c, f: f, result: deferred.New[twistor.Protocol](l)}
	d.result.OnCancel(d.end)
	if err := l.start(); err != nil {
		d.fail(err)
		return d.result
	}
	if f == nil {
		d.fail(errors.New("want a Factory"))
		return d.result
	}
	if c.Timeout >= 0 {
		after := c.Timeout
		if after == 0 {
			after = defaultDialTimeout
		}
		d.timer = l.CallLater(after, func() { d.fail(os.ErrDeadlineExceeded) })
	}
	d.begin()
	return d.result
}

// begin finds out where to, and goes.
func (d *dialing) begin() {
	l, c := d.l, d.config
	if c.File != nil {
		conn, err := l.adopted(c.File)
		if err != nil {
			d.fail(err)
			return
		}
		d.arrived(conn)
		return
	}
	var from poll.Addr
	if c.Local != "" {
		var err error
		if from, err = l.bindAddr(c.Network, c.Local); err != nil {
			d.fail(fmt.Errorf("local address: %w", err))
			return
		}
	}
	switch c.Network {
	case "unix":
		if c.Address == "" {
			d.fail(errors.New("want a path"))
			return
		}
		d.await(l.connect(poll.Spec{Network: "unix", Addr: poll.Addr{Path: c.Address}, Local: from}))
		return
	case "tcp", "tcp4", "tcp6":
	default:
		d.fail(fmt.Errorf("network %q: want tcp, tcp4, tcp6 or unix", c.Network))
		return
	}
	host, service, err := net.SplitHostPort(c.Address)
	if err != nil {
		d.fail(err)
		return
	}
	number, err := portNumber(c.Network, service)
	if err == nil && number == 0 {
		err = errors.New("port 0: want a number from 1 to 65535")
	}
	if err == nil && host == "" {
		err = errors.New("want a host")
	}
	if err != nil {
		d.fail(err)
		return
	}
	lookup := l.Resolve(host)
	d.stop = lookup.Cancel
	lookup.Done(func(ips []netip.Addr, err error) {
		if d.ended {
			return
		}
		if err != nil {
			d.fail(err)
			return
		}
		var addrs []netip.AddrPort
		for _, ip := range ips {
			if fitsFamily(c.Network, ip) {
				addrs = append(addrs, netip.AddrPortFrom(ip, number))
			}
		}
		if len(addrs) == 0 {
			d.fail(&net.DNSError{Err: "no address fits " + c.Network, Name: host, IsNotFound: true})
			return
		}
		dial := func(to netip.AddrPort) *deferred.Deferred[*conn] {
			return l.connect(poll.Spec{Network: c.Network, Addr: poll.Addr{AddrPort: to}, Local: from})
		}
		if len(addrs) == 1 {
			d.await(dial(addrs[0]))
			return
		}
		d.await(race(l, addrs, 0, dial, func(c *conn) { bare{c}.Abort() }))
	})
}

func (d *dialing) await(a *deferred.Deferred[*conn]) {
	d.stop = a.Cancel
	a.Done(func(c *conn, err error) {
		switch {
		case d.ended && err == nil:
			bare{c}.Abort()
		case d.ended:
		case err != nil:
			d.fail(err)
		default:
			d.arrived(c)
		}
	})
}

// arrived has the connection begun by the loop itself, which knows what to do
// when the Protocol panics: neither a Deferred nor Dial's caller does.
func (d *dialing) arrived(c *conn) {
	c.extra().dial = &attempt{d: d}
	d.stop = bare{c}.Abort
	d.l.deeds = append(d.l.deeds, func() {
		if !d.ended && !c.is(doomed) {
			d.connected(c)
		}
	})
}

// connected gives the connection its Protocol, over TLS if asked for.
func (d *dialing) connected(c *conn) {
	if d.config.TLS == nil {
		var p twistor.Protocol
		d.l.begin(c, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			d.built = true
			d.timer.Stop()
			p = d.f.Build(t)
			return p
		}))
		if p == nil {
			d.fail(twistor.ErrRefused)
		} else {
			d.succeed(p)
		}
		return
	}
	f := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		d.built = true
		d.timer.Stop()
		return d.f.Build(t)
	})
	d.l.begin(c, tlslayer.Factory(d.tlsConfig(), twistor.AsClient, f, func(p twistor.Protocol, err error) {
		if err != nil {
			d.stop = nil // TLS ends the connection itself, after its alert
			d.fail(err)
		} else {
			d.succeed(p)
		}
	}))
}

// tlsConfig is the config with the server's name, which is verified.
func (d *dialing) tlsConfig() *tls.Config {
	c := d.config.TLS
	if c.ServerName != "" || d.config.Network == "unix" {
		return c
	}
	host, _, err := net.SplitHostPort(d.config.Address)
	if err != nil {
		return c
	}
	c = c.Clone()
	c.ServerName = host
	return c
}

func (d *dialing) succeed(p twistor.Protocol) {
	if d.ended {
		return
	}
	d.ended = true
	d.timer.Stop()
	d.result.Succeed(p)
}

// fail ends the attempt with an error that says what was dialed.
func (d *dialing) fail(err error) {
	if d.ended {
		return
	}
	refused := errors.Is(err, twistor.ErrRefused)
	if refused {
		d.stop = nil // what Build wrote is flushed
	}
	d.end()
	var op *net.OpError
	if !refused && !errors.As(err, &op) {
		network, address := d.config.Network, d.config.Address
		if d.config.File != nil {
			network, address = "file", d.config.File.Name()
		}
		err = &net.OpError{Op: "dial", Net: network, Addr: written(address), Err: err}
	}
	d.result.Fail(err)
}

func (d *dialing) end() {
	d.ended = true
	d.timer.Stop()
	if stop := d.stop; stop != nil {
		d.stop = nil
		stop()
	}
}

// connect makes one connection; it has no Protocol yet.
func (l *loop) connect(spec poll.Spec) *deferred.Deferred[*conn] {
	done := deferred.New[*conn](l)
	h, err := l.poller.Dial(spec)
	if err != nil {
		done.Fail(dialError(spec, err))
		return done
	}
	c := &conn{l: l, h: h, limits: defaultLimits, remote: spec.Addr.AddrPort, state: connecting | dialed}
	x := c.extra()
	x.dial = &attempt{done: done}
	if spec.Network == "unix" {
		c.state |= local
		x.path = spec.Addr.Path
	}
	l.register(h, c)
	done.OnCancel(bare{c}.Abort)
	return done
}

func dialError(spec poll.Spec, err error) error {
	e := &net.OpError{Op: "dial", Net: spec.Network, Err: err}
	if spec.Network == "unix" {
		e.Addr = &net.UnixAddr{Name: spec.Addr.Path, Net: "unix"}
	} else {
		e.Addr = net.TCPAddrFromAddrPort(spec.Addr.AddrPort)
	}
	return e
}

// dialReady asks how the dial went.
func (c *conn) dialReady() {
	l := c.l
	err := l.poller.Connected(c.h)
	if err == poll.ErrAgain {
		return
	}
	done := c.x.dial.done
	if err != nil {
		spec := poll.Spec{Network: c.network(), Addr: poll.Addr{AddrPort: c.remote, Path: c.x.path}}
		c.doom(err)
		done.Fail(dialError(spec, err))
		return
	}
	l.established(c)
	c.x.dial = nil
	if !done.Succeed(c) {
		bare{c}.Abort()
	}
}

// established counts a connection that did not come by a port.
func (l *loop) established(c *conn) {
	c.state &^= connecting
	c.want = poll.In
	l.conns++
	l.load.Add(1)
}

// adopted makes a connection of an inherited socket.
func (l *loop) adopted(f *os.File) (*conn, error) {
	h, network, err := l.adoptFile(f, poll.Spec{})
	if err != nil {
		return nil, err
	}
	c := &conn{l: l, h: h, limits: defaultLimits, state: dialed}
	from := l.poller.RemoteAddr(h)
	c.remote = from.AddrPort
	if network == "unix" {
		c.state |= local
		c.extra().path = from.Path
	}
	l.register(h, c)
	l.established(c)
	return c, nil
}

func noSuchHost(host string) error {
	return &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// Resolve implements twistor.Loop. Literal addresses are returned at once.
func (l *loop) Resolve(host string) *deferred.Deferred[[]netip.Addr] {
	if ip, err := netip.ParseAddr(host); err == nil {
		return deferred.Succeeded([]netip.Addr{ip})
	}
	if l.names == nil && l.r.config.Names != nil {
		l.names = l.r.config.Names(l)
	}
	if l.names != nil {
		return deferred.Then(l.names.Resolve(host), func(ips []netip.Addr) ([]netip.Addr, error) {
			if len(ips) == 0 {
				return nil, noSuchHost(host)
			}
			return ips, nil
		})
	}
	d := deferred.New[[]netip.Addr](l)
	cancel, err := l.r.lookup(func(ctx context.Context) func() {
		ctx, stop := context.WithTimeout(ctx, lookupTimeout)
		defer stop()
		ips, err := l.r.world.Resolve(ctx, host)
		if err == nil && len(ips) == 0 {
			err = noSuchHost(host)
		}
		return func() {
			if err != nil {
				d.Fail(err)
			} else {
				d.Succeed(ips)
			}
		}
	}, func(f func()) {
		if f != nil && l.mail.putAlways(f) {
			l.rouse()
		}
	})
	if err != nil {
		d.Fail(&net.DNSError{Err: err.Error(), Name: host, IsTemporary: true})
		return d
	}
	d.OnCancel(cancel)
	return d
}
