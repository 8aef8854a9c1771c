package proxy

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/protocol/web"
)

// A Forward asks the web for its clients: http by whole URLs, everything else through CONNECT. With
// no Allow it does nothing for anybody. It lives on one loop; its fields do not change after first
// use. Loop-only.
type Forward struct {
	// Allow are the hosts and ports that may be asked for: "example.com:443", "*.example.com:80"
	// for all below it, "*:443" for every host, "10.0.0.7:*" for every port. None: nobody may be
	// asked.
	Allow []string
	// Private allows addresses of this host and of private networks. Names that resolve to one are
	// refused otherwise, when they are connected to.
	Private bool
	// Authorize says who may ask: an error is 407. Nil: everybody who can reach us.
	Authorize func(co *deferred.Co, r *web.Request) error
	// Challenge is how clients that may not are told to say who they are. "": `Basic
	// realm="proxy"`.
	Challenge string
	// Client asks. Nil: one as Backends makes it, that connects to permitted addresses only.
	Client *web.Client
	// ConnectTimeout is how long a tunnel may take to stand. 0: 10 s.
	ConnectTimeout time.Duration
	// Name is what we are called in Via, by which loops are found. "": "twistor".
	Name string
}

// Serve asks for r.
func (p *Forward) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	if p.Client == nil {
		p.Client = Backends(r.Loop())
		p.Client.Permit = p.permit
	}
	return deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) { return struct{}{}, p.serve(co, w, r) })
}

func (p *Forward) serve(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
	if p.Authorize != nil {
		if err := p.Authorize(co, r); err != nil {
			challenge := p.Challenge
			if challenge == "" {
				challenge = `Basic realm="proxy"`
			}
			w.SetHeader("Proxy-Authenticate", challenge)
			w.WriteHeader(407)
			return nil
		}
	}
	switch {
	case r.UpgradeTo() != "":
		return &web.Error{Status: 405}
	case r.Method == "CONNECT":
		if !p.allows(r.Target()) {
			return refused(r.Target())
		}
		return p.tunnel(co, w, r)
	}
	host := r.Host()
	if _, _, err := net.SplitHostPort(host); err != nil {
		host += ":80"
	}
	if r.Host() == "" || !p.allows(host) {
		return refused(host)
	}
	if r.Header.HasToken("Via", "1.1 "+p.name()) {
		return &web.Error{Status: 508, Public: "this request was here before"}
	}
	out, err := web.NewRequest(r.Method, "http://"+r.Host()+"/")
	if err == nil {
		err = out.SetTarget(r.Target())
	}
	if err != nil {
		return &web.Error{Status: 400, Err: err}
	}
	copyHeader(&out.Header, &r.Header)
	out.Header.Del("Expect")
	passTE(&out.Header, &r.Header)
	out.Header.Add("Via", "1.1 "+p.name())
	out.SetValue(writerKey{}, w)
	sent := passageOf(r)
	if sent != nil {
		out.Content = sent
	}
	resp, err := p.Client.Do(out).Await(co)
	if err != nil {
		return failure(err, sent)
	}
	w.Header().Add("Via", "1.1 "+p.name())
	return answer(co, w, r, resp)
}

func refused(host string) error {
	return &web.Error{Status: 403, Public: "this proxy does not go there", Err: fmt.Errorf("proxy: %.80q is not allowed", host)}
}

// viaName is what a proxy is called in Via.
const viaName = "twistor"

func (p *Forward) name() string {
	if p.Name == "" {
		return viaName
	}
	return p.Name
}

// tunnel joins the client with the host that it asked for.
func (p *Forward) tunnel(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
	timeout := p.ConnectTimeout
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	var far *joining
	dialed := web.DialPermitted(r.Loop(), r.Target(), p.permit, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		far = &joining{Transport: t, connected: func(*joining) {}}
		return far
	}))
	if _, err := dialed.Timeout(timeout).Await(co); err != nil {
		if far != nil {
			far.Abort()
		}
		return failure(err, nil)
	}
	return w.Switch(200, twistor.FactoryFunc(func(near twistor.Transport) twistor.Protocol {
		return &joining{Transport: near, connected: func(near *joining) { policy.Pipe(near.Transport, far.Transport) }}
	}))
}

// allows says whether hostport may be asked for.
func (p *Forward) allows(hostport string) bool {
	host, port, err := net.SplitHostPort(strings.ToLower(hostport))
	if err != nil {
		return false
	}
	host = strings.TrimSuffix(host, ".")
	for _, rule := range p.Allow {
		h, n, err := net.SplitHostPort(strings.ToLower(rule))
		if err != nil || n != "*" && n != port {
			continue
		}
		if h == "*" || h == host {
			return true
		}
		if below, ok := strings.CutPrefix(h, "*."); ok && strings.HasSuffix(host, "."+below) {
			return true
		}
	}
	return false
}

// permit refuses what is not public.
func (p *Forward) permit(to netip.AddrPort) error {
	if p.Private || Public(to.Addr()) {
		return nil
	}
	return &web.Error{Status: 403, Public: "this proxy does not go there", Err: fmt.Errorf("proxy: %v is not a public address", to)}
}

// inner are networks that are not the public Internet
// (https://www.iana.org/assignments/iana-ipv4-special-registry and its like for IPv6), and those
// whose addresses hold IPv4 ones that may be.
var inner = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("5f00::/16"),
}

// Public says whether an address is one of the public Internet: not this host's, not a private
// network's, no group, nothing reserved.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false // loopback, link-local, groups and unspecified are no global unicast
	}
	for _, n := range inner {
		if n.Contains(ip) {
			return false
		}
	}
	return true
}
