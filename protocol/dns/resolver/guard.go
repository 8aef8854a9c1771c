package resolver

import (
	"net/netip"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// A Guard refuses answers that lead to addresses of our own network, unless they are
// of names that may have them: a page of a stranger cannot then reach what
// stands beside its reader by giving its own name such an address (DNS
// rebinding). It is a dns.Resolver. Loop-only.
type Guard struct {
	Loop     twistor.Loop
	Resolver dns.Resolver
	// Allow says which addresses names may have. Nil: all but those of this
	// host, of private networks (RFC 1918, 4193, 6598) and of a link.
	Allow func(netip.Addr) bool
	// Except are names that may have any, with all below them. Nil: none.
	Except []dns.Name
}

// Resolve implements dns.Resolver. What it refuses fails with a *Failure.
func (g *Guard) Resolve(q dns.Question, o dns.Options) *deferred.Deferred[*dns.Message] {
	return deferred.Then(g.Resolver.Resolve(q, o), func(m *dns.Message) (*dns.Message, error) {
		allow := g.Allow
		if allow == nil {
			allow = func(a netip.Addr) bool { return !inside(a) }
		}
		for _, rr := range m.Answer {
			a, ok := address(rr)
			if !ok || allow(a) {
				continue
			}
			if name, err := dns.ParseName(rr.Header().Name); err != nil || !g.excepted(name) {
				return nil, fail(q, CodeBlocked, "an address of a private network", nil)
			}
		}
		return m, nil
	})
}

func (g *Guard) excepted(name dns.Name) bool {
	for _, n := range g.Except {
		if name.In(n) {
			return true
		}
	}
	return false
}
