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
	zones   dns.Handler
	origins map[string]bool // of the zones; immutable
	trusts                  // where to begin
	lookups                 // of other names
}

// newSite makes what l serves.
func (t *tree) newSite(l twistor.Loop, cookies *dns.Cookies) *site {
	s := &site{plan: t.plan, loop: l, zones: t.auth.Handler(l), trusts: t.trusts}
	s.Server = &dns.Server{Handler: s, Allow: t.query.hold, Keys: t.keys, Cookies: cookies, RatePerSecond: t.RateLimit, Log: t.log.of(l)}
	if len(t.secondaries) > 0 {
		s.Opcodes = append(s.Opcodes, dns.OpcodeNotify)
	}
	if len(t.updates) > 0 {
		s.Opcodes = append(s.Opcodes, dns.OpcodeUpdate)
	}
	if !t.resolves() {
		s.Handler = s.zones
	}
	return s
}

// Serve implements dns.Handler.
func (s *site) Serve(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
	return s.choose(q).Serve(w, q)
}

// choose is who answers: zones for everybody who may ask, other names are looked up
// for some.
func (s *site) choose(q *dns.Query) dns.Handler {
	switch {
	case s.names == nil, q.Opcode != dns.OpcodeQuery, s.ours(q.Name):
		return s.zones
	case !s.recursion.hold(q.From.Addr.Addr()):
		return refusal
	}
	return s.names
}

// refusal is for those for whom no names are looked up.
var refusal = dns.HandlerFunc(func(w *dns.ResponseWriter, q *dns.Query) {
	w.SetRcode(dns.RcodeRefused)
	w.Explain(explainProhibited, "")
})

// explainProhibited is "the server is not authorized to answer", RFC 8914 section
// 4.19.
const explainProhibited = 18

// ours reports whether a zone has that name.
func (s *site) ours(n dns.Name) bool {
	for len(s.origins) > 0 {
		if s.origins[string(n)] {
			return true
		}
		if n.IsRoot() {
			break
		}
		n = n.Parent()
	}
	return false
}
