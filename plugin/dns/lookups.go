package dns

import (
	"net/netip"
	"slices"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/doh"
	"github.com/twistor-go/twistor/protocol/dns/resolver"
	"github.com/twistor-go/twistor/protocol/web"
)

// lookups are how one loop looks names up. Owned by that loop.
type lookups struct {
	names dns.Handler // nil: nobody asks others, and there are no hosts
	cache *resolver.Cache
	ends  []func()
}

// open begins to look names up.
func (s *site) open(*deferred.Co) error {
	if r := s.asking(); r != nil {
		// One byte is room for nothing: then every answer is new.
		s.cache = &resolver.Cache{Loop: s.loop, Resolver: r, CacheBytes: max(1, s.cacheBytes/len(s.loop.Siblings()))}
		s.names = s.cache
	}
	if len(s.hosts) > 0 {
		k := &known{next: s.names}
		for _, name := range s.hosts {
			k.hosts = append(k.hosts, &dns.Hosts{Loop: s.loop, Name: name})
		}
		s.names = k
	}
	return nil
}

// asking is who asks other servers; nil: nobody does.
func (s *site) asking() dns.Resolver {
	switch {
	case s.Recursive:
		c := s.client()
		r := &resolver.Recursive{Loop: s.loop, Client: c, Hints: s.hints}
		ours := s.private
		if !public(s.hints) { // a root of one's own, and what is below it
			r.Allow = func(netip.Addr) bool { return true }
			ours = []dns.Name{dns.Root}
		}
		guarded := &resolver.Guard{Loop: s.loop, Resolver: s.validating(r), Except: ours}
		return &resolver.Local{Loop: s.loop, Resolver: guarded, Except: ours}
	case len(s.Forward) > 0:
		c := s.client()
		c.Servers, c.Order = slices.Clone(s.forward), dns.Fastest
		for _, url := range s.secure {
			w := &web.Client{Loop: s.loop}
			s.ends = append(s.ends, w.Close)
			c.Servers = append(c.Servers, dns.Upstream{Exchanger: &doh.Client{URL: url, Web: w}})
		}
		return s.validating(c)
	case s.resolvConf != "":
		// The hosts are those of --hosts, which come before.
		c := &dns.System{Loop: s.loop, ResolvConf: s.resolvConf, Hosts: noHosts}
		s.ends = append(s.ends, func() { c.Close() })
		return s.validating(c)
	}
	return nil
}

// client is one that ends with the site.
func (s *site) client() *dns.Client {
	c := &dns.Client{Loop: s.loop}
	s.ends = append(s.ends, func() { c.Close() })
	return c
}

// validating is r, checked if that is wanted.
func (s *site) validating(r dns.Resolver) dns.Resolver {
	if !s.validate {
		return r
	}
	return &resolver.Validator{Loop: s.loop, Resolver: r, Anchors: s.anchors}
}

// noHosts is a file in which there are none.
const noHosts = "/dev/null"

// public reports whether hints are of the public internet. A root of one's own has
// servers in networks of one's own, which are to be asked then.
func public(hints []dns.RR) bool {
	for _, rr := range hints {
		switch rr := rr.(type) {
		case *dns.A:
			if ip, ok := netip.AddrFromSlice(rr.A.To4()); ok && !resolver.PublicAddr(ip) {
				return false
			}
		case *dns.AAAA:
			if ip, ok := netip.AddrFromSlice(rr.AAAA); ok && !resolver.PublicAddr(ip) {
				return false
			}
		}
	}
	return true
}

// end gives back what the site has open.
func (s *site) end(*deferred.Co) error {
	for _, f := range s.ends {
		f()
	}
	return nil
}

// A known answers what is in hosts files, and passes on all else. It stands before
// the cache, so that a changed file counts at once.
type known struct {
	hosts dns.Chain
	next  dns.Handler // nil: all else is refused
}

// Serve implements dns.Handler.
func (k *known) Serve(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
	if !q.RecursionDesired || q.Class != dns.ClassIN {
		return k.pass(w, q)
	}
	d := k.hosts.Resolve(q.Question(), dns.Options{})
	d.Done(nil) // it is looked at below
	if o, fired := d.Result(); fired {
		return k.answer(w, q, o)
	}
	return deferred.Chain(deferred.Settle(d), func(o []deferred.Outcome[*dns.Message]) *deferred.Signal {
		if later := k.answer(w, q, o[0]); later != nil {
			return later
		}
		return deferred.Succeeded(struct{}{})
	})
}

func (k *known) answer(w *dns.ResponseWriter, q *dns.Query, o deferred.Outcome[*dns.Message]) *deferred.Signal {
	if o.Err != nil {
		return k.pass(w, q)
	}
	w.WriteMessage(o.Value)
	w.SetAuthoritative(false)
	w.SetRecursionAvailable(true)
	return nil
}

func (k *known) pass(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
	if k.next == nil {
		w.SetRcode(dns.RcodeRefused)
		return nil
	}
	return k.next.Serve(w, q)
}
