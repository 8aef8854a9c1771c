package dns

import (
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/doh"
	"github.com/twistor-go/twistor/protocol/web"
)

// lookups are how one loop looks names up. Owned by that loop.
type lookups struct {
	handler dns.Handler
	ends    []func()
}

// open begins to look names up.
func (s *site) open(*deferred.Co) error {
	var chain dns.Chain
	for _, name := range s.hosts {
		chain = append(chain, &dns.Hosts{Loop: s.loop, Name: name})
	}
	if r := s.asking(); r != nil {
		chain = append(chain, r)
	}
	s.handler = dns.Resolving(chain)
	return nil
}

// asking is who asks other servers; nil: nobody does.
func (s *site) asking() dns.Resolver {
	switch {
	case len(s.Forward) > 0:
		c := &dns.Client{Loop: s.loop, Servers: s.forward, Order: dns.Fastest}
		for _, url := range s.secure {
			w := &web.Client{Loop: s.loop}
			s.ends = append(s.ends, w.Close)
			c.Servers = append(c.Servers, dns.Upstream{Exchanger: &doh.Client{URL: url, Web: w}})
		}
		s.ends = append(s.ends, func() { c.Close() })
		return c
	case s.resolvConf != "":
		// The hosts are those of --hosts, which come before.
		c := &dns.System{Loop: s.loop, ResolvConf: s.resolvConf, Hosts: noHosts}
		s.ends = append(s.ends, func() { c.Close() })
		return c
	}
	return nil
}

// noHosts is a file in which there are none.
const noHosts = "/dev/null"

// reload does nothing: hosts files and a resolv.conf are looked at by themselves.
func (s *site) reload(*deferred.Co) error { return nil }

// end gives back what the site has open.
func (s *site) end(*deferred.Co) error {
	for _, f := range s.ends {
		f()
	}
	return nil
}
