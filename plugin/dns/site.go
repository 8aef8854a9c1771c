package dns

import (
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// A site is all that one loop serves. Owned by that loop once it is open.
type site struct {
	*dns.Server
	*plan
	loop    twistor.Loop
	zones   map[string]dns.Handler
	resolve dns.Handler // nil: names of others are refused
	client  *dns.Client // nil: nobody is asked
}

// newSite makes what l serves.
func (t *tree) newSite(l twistor.Loop, cookies *dns.Cookies) *site {
	s := &site{plan: t.plan, loop: l}
	s.Server = &dns.Server{Handler: s, Allow: t.query.hold, Keys: t.keys, Cookies: cookies, RatePerSecond: t.RateLimit, Log: t.log.of(l)}
	return s
}

// Serve implements dns.Handler: zones are for everybody who may ask, other names
// for those for whom they are looked up.
func (s *site) Serve(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
	for n := q.Name; s.zones != nil; n = n.Parent() {
		if z := s.zones[string(n)]; z != nil {
			return z.Serve(w, q)
		}
		if n.IsRoot() {
			break
		}
	}
	if s.resolve == nil || !s.recursion.hold(q.From.Addr.Addr()) {
		w.SetRcode(dns.RcodeRefused)
		w.Explain(explainProhibited, "")
		return nil
	}
	return s.resolve.Serve(w, q)
}

// explainProhibited is "the server is not willing to answer", RFC 8914 section 4.19.
const explainProhibited = 18

// open begins to look names up.
func (s *site) open(*deferred.Co) error {
	if len(s.forward) > 0 {
		s.client = &dns.Client{Loop: s.loop, Servers: s.forward, Order: dns.Fastest}
		s.resolve = dns.Resolving(s.client)
	}
	return nil
}

// reload does nothing yet that the resolvers do not do by themselves.
func (s *site) reload(*deferred.Co) error { return nil }

// close gives back what the site has open.
func (s *site) close(*deferred.Co) error {
	if s.client != nil {
		s.client.Close()
	}
	return nil
}
