package endpoint

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/policy"
)

// headerTimeout is how long a connection may be without its whole header.
const headerTimeout = 10 * time.Second

// listenProxy parses proxy:, a place where each connection begins with a
// PROXY header. It comes before TLS, so the port itself is without, and the
// layer begins it.
func listenProxy(a *Args) (*Listener, error) {
	from, timeout := a.prefixes("from"), a.Duration("timeout")
	if timeout == 0 {
		timeout = headerTimeout
	}
	inner, err := a.Listener(a.Inner)
	if err != nil {
		return nil, err
	}
	if inner.Open != nil || inner.packets() {
		return nil, fmt.Errorf("%s has no proxy before it: want tcp:, tls:, unix:, fd: or systemd: within proxy:", quoted(shorten(inner.text)))
	}
	if inner.Layer != nil {
		return nil, fmt.Errorf("%s has a layer: want no proxy: within proxy:", quoted(shorten(inner.text)))
	}
	layer := func(f twistor.Factory) twistor.Factory {
		return &proxied{factory: f, from: from, timeout: timeout}
	}
	n := &Listener{Config: inner.Config, Layer: layer, Load: inner.Load}
	if inner.Config.TLS != nil {
		n.Load = func(l twistor.Loop, n *Listener) error {
			if err := inner.Load(l, n); err != nil {
				return err
			}
			secure := n.Config.TLS
			n.Config.TLS = nil
			n.Layer = func(f twistor.Factory) twistor.Factory {
				return layer(policy.TLS(secure, twistor.AsServer, f))
			}
			return nil
		}
	}
	return n, nil
}

// local are those who may speak for others where nobody is named: this host
// and private networks, where balancers live.
// https://www.rfc-editor.org/rfc/rfc1918#section-3
// https://www.rfc-editor.org/rfc/rfc4193#section-3
var local = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10"),
}

// prefixes is a list of networks and addresses, local's if it was not given,
// and all for "any".
func (a *Args) prefixes(name string) []netip.Prefix {
	if !a.Has(name) {
		return local
	}
	if a.Text(name) == "any" {
		return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	}
	var list []netip.Prefix
	for _, s := range a.List(name) {
		prefix, err := parsePrefix(s)
		if err != nil {
			a.Fail(name, "%s: want networks such as 10.0.0.0/8,[2001:db8::]/32, or any", quoted(shorten(s)))
		}
		list = append(list, prefix)
	}
	return list
}

// parsePrefix parses a network, or an address alone, IPv6 in brackets or not.
func parsePrefix(s string) (netip.Prefix, error) {
	s = strings.NewReplacer("[", "", "]", "").Replace(s)
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(ip, ip.BitLen()), nil
}

// A proxied is the factory around a listener's own. Loop-only.
type proxied struct {
	// Immutable.
	factory twistor.Factory
	from    []netip.Prefix
	timeout time.Duration // negative: none
}

// Opened and Closed are the inner factory's affair.
func (f *proxied) Opened(l twistor.Loop) error {
	if o, ok := f.factory.(twistor.Opener); ok {
		return o.Opened(l)
	}
	return nil
}

func (f *proxied) Closed() {
	if o, ok := f.factory.(twistor.Opener); ok {
		o.Closed()
	}
}

// NextProtos are the inner factory's.
func (f *proxied) NextProtos() []string { return twistor.NextProtos(f.factory) }

// Build refuses who may not speak for others: what such a one says of its
// address would be believed.
func (f *proxied) Build(t twistor.Transport) twistor.Protocol {
	if !f.trusts(t.RemoteAddr()) {
		t.Loop().Log().Warn("not among those who may send a PROXY header: refused", "conn", t)
		t.Abort()
		return nil
	}
	return &announced{Transport: t, factory: f}
}

// trusts reports whether addr may send a header. Who reaches a UNIX socket may:
// its permissions say so.
func (f *proxied) trusts(addr net.Addr) bool {
	if _, ok := addr.(*net.UnixAddr); ok {
		return true
	}
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return false
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	for _, p := range f.from {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// announced is the Protocol of a connection until it has said who it is.
type announced struct {
	twistor.Transport // the proxy's
	factory           *proxied
	timer             deferred.Timer
	buf               []byte // of a header that is not whole
}

func (p *announced) Connected() {
	if p.factory.timeout > 0 {
		p.timer = p.Loop().CallLater(p.factory.timeout, p.late)
	}
}

func (p *announced) late() { p.refuse(fmt.Errorf("no header in %v", p.factory.timeout)) }

func (p *announced) Received(data []byte) {
	// All of data is looked at at once: the header is in its first bytes, and
	// no more than a header's worth of it is ever kept.
	all := data
	if len(p.buf) > 0 {
		p.buf = append(p.buf, data...)
		all = p.buf
	}
	h, n, err := parseHeader(all)
	switch {
	case err != nil:
		p.refuse(err)
	case n == 0:
		if len(p.buf) == 0 {
			p.buf = append(p.buf, data...)
		}
	default:
		p.timer.Stop()
		p.begin(h, all[n:])
	}
}

// begin hands the connection to the inner factory.
func (p *announced) begin(h header, unread []byte) {
	inner := p.factory.factory.Build(&client{Transport: p.Transport, header: h})
	if inner == nil {
		p.Close()
		return
	}
	p.Switch(inner, unread)
}

func (p *announced) Disconnected(error) { p.timer.Stop() }

// refuse ends a connection that does not begin as it must.
func (p *announced) refuse(err error) {
	p.timer.Stop()
	p.Loop().Log().Warn("no valid PROXY header: closed", "conn", p.Transport, "err", err)
	p.Abort()
}

// A client is the transport that the inner protocol sees: the proxy's, with
// the addresses of the client it speaks for.
type client struct {
	twistor.Transport
	header header
}

// Unwrap is for twistor.As.
func (c *client) Unwrap() twistor.Transport { return c.Transport }

func (c *client) LocalAddr() net.Addr {
	if c.header.destination != nil {
		return c.header.destination
	}
	return c.Transport.LocalAddr()
}

func (c *client) RemoteAddr() net.Addr {
	if c.header.source != nil {
		return c.header.source
	}
	return c.Transport.RemoteAddr()
}

// LogValue shows the client, and the proxy beside it.
func (c *client) LogValue() slog.Value {
	if c.header.source == nil {
		return c.Transport.LogValue()
	}
	return slog.GroupValue(
		slog.String("peer", c.RemoteAddr().String()),
		slog.String("local", c.LocalAddr().String()),
		slog.Any("proxy", c.Transport.LogValue()),
	)
}
