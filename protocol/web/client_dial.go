package web

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/framing/http1"
)

// ErrProxy: a proxy did not connect us to whom we asked for.
var ErrProxy = errors.New("web: the proxy refused")

// A connector makes one connection: it dials, asks a proxy for a tunnel, shakes hands by TLS, each
// where it is due, and gives what stands to a link. It is the connection's Protocol until then.
type connector struct {
	o      *origin
	t      twistor.Transport // nil: not yet
	dialed *deferred.Deferred[twistor.Protocol]
	timer  deferred.Timer
	todo   []func() error // the steps that are left
	parser http1.Parser
	head   http1.Response
	asking bool // the proxy, for a tunnel
	over   bool
}

// speaksHTTP says whether a proxy is asked by HTTP.
func speaksHTTP(proxy *url.URL) bool { return proxy.Scheme == "http" || proxy.Scheme == "https" }

func (k *connector) dial() {
	c := k.o.c
	if d := within(c.ConnectTimeout, DefaultConnectTimeout); d > 0 {
		k.timer = c.Loop.CallLater(d, func() { k.fail(deferred.ErrTimeout) })
	}
	k.plan()
	d := k.open(twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		if k.over {
			return nil
		}
		k.t = t
		return k
	}))
	if k.over {
		d.Cancel()
		return
	}
	k.dialed = d
	d.Done(func(_ twistor.Protocol, err error) {
		if err != nil {
			k.fail(err)
		}
	})
}

// plan lists what has to be done after the dialing.
func (k *connector) plan() {
	o := k.o
	proxied := o.proxy != nil && speaksHTTP(o.proxy)
	if proxied && o.proxy.Scheme == "https" {
		k.todo = append(k.todo, func() error { return k.secure(o.proxy.Hostname(), "http/1.1") })
	}
	if proxied && o.key.address != "" {
		k.todo = append(k.todo, k.askProxy)
	}
	switch {
	case o.key.scheme != "https":
	case o.key.alone || o.c.DisableHTTP2:
		k.todo = append(k.todo, func() error { return k.secure(o.name, "http/1.1") })
	default:
		k.todo = append(k.todo, func() error { return k.secure(o.name, clientProtos...) })
	}
}

// open dials.
func (k *connector) open(f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
	o, c := k.o, k.o.c
	address := o.key.address
	switch {
	case o.key.endpoint != "":
		return endpoint.Dial(c.Loop, o.key.endpoint, f)
	case o.proxy != nil && speaksHTTP(o.proxy):
		address = hostport(o.proxy)
	case o.proxy != nil:
		dial := c.Dialers[o.proxy.Scheme]
		if dial == nil {
			return deferred.Failed[twistor.Protocol](c.Loop, fmt.Errorf("proxy of scheme %q: want http, https, or one of Dialers", shortened(o.proxy.Scheme)))
		}
		return dial(c.Loop, o.proxy, address, f)
	}
	if c.Permit != nil {
		return DialPermitted(c.Loop, address, c.Permit, f)
	}
	return c.Loop.Dial(twistor.DialConfig{Network: "tcp", Address: address, Timeout: -1}, f)
}

// DialPermitted connects to hostport, a host and a number, with a Protocol of f, and asks permit
// about each address before: it resolves by itself, so that the address that is judged is the one
// that is connected to, and tries what is permitted, one after another. It is for who connects to
// where strangers say. The error is permit's, if it permits none.
func DialPermitted(l twistor.Loop, hostport string, permit func(netip.AddrPort) error, f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return deferred.Failed[twistor.Protocol](l, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return deferred.Failed[twistor.Protocol](l, fmt.Errorf("port %q: want a number up to 65535", shortened(port)))
	}
	return deferred.Inline(l, func(co *deferred.Co) (twistor.Protocol, error) {
		var found []netip.Addr
		if ip, err := netip.ParseAddr(host); err == nil {
			found = []netip.Addr{ip}
		} else if found, err = l.Resolve(host).Await(co); err != nil {
			return nil, err
		}
		last := fmt.Errorf("host %q has no address", shortened(host))
		for _, ip := range found {
			to := netip.AddrPortFrom(ip.Unmap(), uint16(number))
			if err := permit(to); err != nil {
				last = err
				continue
			}
			p, err := l.Dial(twistor.DialConfig{Network: "tcp", Address: to.String(), Timeout: -1}, f).Await(co)
			if err == nil || co.Err() != nil {
				return p, err
			}
			last = err
		}
		return nil, last
	})
}

// step does the next of what is to be done; after the last the connection belongs to a link.
func (k *connector) step(unread []byte) {
	if k.over {
		return
	}
	if len(unread) > 0 {
		// Nobody may speak before TLS does, and a server of HTTP does not begin.
		k.fail(fmt.Errorf("%w: bytes before they were asked for", ErrAnswer))
		return
	}
	if len(k.todo) == 0 {
		k.over = true
		k.timer.Stop()
		ready := func(l link) { k.o.arrived(k, l) }
		if s := k.t.TLS(); s != nil && s.NegotiatedProtocol == "h2" && k.o.key.scheme == "https" {
			k.t.Switch(k.o.c.buildHTTP2Client(k.o, k.t, ready), nil)
			return
		}
		k.t.Switch(&h1link{o: k.o, t: k.t, ready: ready, parser: http1.Parser{Limits: k.o.c.Heads}}, nil)
		return
	}
	next := k.todo[0]
	k.todo = k.todo[1:]
	if err := next(); err != nil {
		k.fail(err)
	}
}

// secure begins TLS with a server of that name.
func (k *connector) secure(name string, protos ...string) error {
	config := new(tls.Config)
	if c := k.o.c; c.TLS != nil {
		config = c.TLS.Clone()
	}
	if config.MinVersion == 0 {
		config.MinVersion = tls.VersionTLS12
	}
	config.ServerName, config.NextProtos = name, protos
	return k.t.StartTLS(config, twistor.AsClient, nil)
}

// askProxy asks for a tunnel (https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6).
func (k *connector) askProxy() error {
	dst, err := http1.AppendRequestLine(nil, "CONNECT", k.o.key.address)
	if err != nil {
		return err
	}
	dst = append(append(append(dst, "Host: "...), k.o.key.address...), "\r\n"...)
	if a := proxyAuthorization(k.o.proxy); a != "" {
		if dst, err = http1.AppendField(dst, "Proxy-Authorization", a); err != nil {
			return err
		}
	}
	k.asking = true
	_, err = k.t.Write(append(dst, "\r\n"...))
	return err
}

// proxyAuthorization is what the user and password of a proxy's URL say to it.
func proxyAuthorization(proxy *url.URL) string {
	if proxy == nil || proxy.User == nil {
		return ""
	}
	password, _ := proxy.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(proxy.User.Username()+":"+password))
}

func (k *connector) Connected() { k.step(nil) }
func (k *connector) Secured()   { k.step(nil) }

func (k *connector) Received(p []byte) {
	if k.over {
		return
	}
	if !k.asking {
		k.fail(fmt.Errorf("%w: bytes before they were asked for", ErrAnswer))
		return
	}
	for len(p) > 0 {
		n, done, err := k.parser.Response(p, "CONNECT", &k.head)
		if err != nil {
			k.fail(fmt.Errorf("%w: proxy: %w", ErrAnswer, err))
			return
		}
		p = p[n:]
		switch {
		case !done:
			return
		case k.head.Status/100 == 1 && k.head.Status != 101:
			continue
		case k.head.Status/100 != 2:
			k.fail(fmt.Errorf("%w: %d %q", ErrProxy, k.head.Status, shortened(string(k.head.Reason))))
			return
		}
		k.asking = false
		k.step(p)
		return
	}
}

func (k *connector) Disconnected(err error) {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	k.fail(err)
}

// fail ends the attempt.
func (k *connector) fail(err error) {
	if k.over {
		return
	}
	k.over = true
	k.timer.Stop()
	if k.t != nil {
		k.t.Abort()
	}
	k.dialed.Cancel()
	k.o.missed(k, err)
}
