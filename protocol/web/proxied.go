package web

import (
	"net"
	"net/netip"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
)

// Proxies are those before this server whose word about the client counts. Wrap
// a Handler with them, and Request.Client, Scheme and Host are what they said
// by X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host. From all others
// these fields, Forwarded and X-Real-IP are removed, since anybody can write
// them. Immutable after first use.
type Proxies struct {
	// Trusted are the addresses of the proxies.
	Trusted []netip.Prefix
	// Local trusts who comes by a UNIX socket.
	Local bool
}

// maxHops is how many addresses of X-Forwarded-For are looked at.
const maxHops = 32

type clientKey struct{}

// Client is the address of the client: what a trusted proxy said (Proxies), else the
// other end of the connection. It is not valid where neither is an IP address.
func (r *Request) Client() netip.Addr {
	if a, ok := r.Value(clientKey{}).(netip.Addr); ok {
		return a
	}
	a, _ := addrOf(r.RemoteAddr())
	return a
}

// Wrap is h, with requests as the proxies described them.
func (p *Proxies) Wrap(h Handler) Handler {
	return Later(func(w *ResponseWriter, r *Request) *deferred.Signal {
		a, ip := addrOf(r.RemoteAddr())
		if ip && p.trusts(a) || !ip && p.Local {
			p.believe(r)
		} else {
			for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Real-IP"} {
				if r.Header.Has(name) {
					r.Header.Del(name)
				}
			}
		}
		return h.Serve(w, r)
	})
}

// believe takes what the nearest proxy said. The client is the last address that is
// no proxy's: what stands before it is its own word.
func (p *Proxies) believe(r *Request) {
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && len(hops)-i <= maxHops; i-- {
		a, err := parseHop(strings.Trim(hops[i], " \t"))
		if err != nil {
			break
		}
		r.SetValue(clientKey{}, a)
		if !p.trusts(a) {
			break
		}
	}
	if proto := strings.ToLower(lastOf(r, "X-Forwarded-Proto")); proto == "http" || proto == "https" {
		r.scheme, r.url = proto, nil
	}
	if host := lastOf(r, "X-Forwarded-Host"); host != "" && http1.ValidHost(host) {
		r.host, r.url = []byte(host), nil
	}
}

func (p *Proxies) trusts(a netip.Addr) bool {
	for _, t := range p.Trusted {
		if t.Contains(a) {
			return true
		}
	}
	return false
}

// lastOf is the last element of the field: the word of the nearest proxy.
func lastOf(r *Request, field string) string {
	values := r.Header.Values(field)
	if len(values) == 0 {
		return ""
	}
	last := values[len(values)-1]
	return strings.Trim(last[strings.LastIndexByte(last, ',')+1:], " \t")
}

// parseHop reads an address, with or without a port.
func parseHop(s string) (netip.Addr, error) {
	if at, err := netip.ParseAddrPort(s); err == nil {
		return at.Addr().Unmap(), nil
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return a.Unmap(), err
}

// addrOf is the IP address of a; ok is false if it has none.
func addrOf(a net.Addr) (ip netip.Addr, ok bool) {
	if a, ok := a.(interface{ AddrPort() netip.AddrPort }); ok {
		ip = a.AddrPort().Addr().Unmap()
	}
	return ip, ip.IsValid()
}
