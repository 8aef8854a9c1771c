package resolver

import (
	"net/netip"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/dns"
)

// A Config says what New makes. Its zero is a recursive resolver that validates.
// Immutable after first use.
type Config struct {
	// Forward, if not nil, is who looks up for us: a dns.Client with its servers.
	// Else it is done from the root on down. Where signatures are checked, those
	// servers must pass them on: they need not check them.
	Forward dns.Resolver
	// Hints, Port and AllowServer are for who looks up from the root on down:
	// see Recursive.
	Hints       []dns.RR
	Port        uint16
	AllowServer func(netip.Addr) bool
	// Validation says whether signatures are checked. Zero: they are.
	Validation Validation
	// Anchors are the keys that are trusted. Nil: the root's, dnssec.RootAnchors.
	Anchors []*dns.DS
	// Unchecked are names, with all below them, whose signatures are not checked.
	Unchecked []dns.Name
	// Ours are names, with all below them, that may have addresses of private
	// networks, and of which other resolvers may know though they are of no public
	// meaning, such as 10.in-addr.arpa. Nil: none.
	Ours []dns.Name
	// CacheBytes is how much memory answers may take. 0: 64 MiB.
	CacheBytes int
}

// A Validation says whether signatures are checked.
type Validation uint8

// Whether they are.
const (
	Validate   Validation = iota
	NoValidate            // answers are as secure as the way that they came
)

// New makes a whole resolver of the parts of this package: it is for one loop,
// and begins to ask with the first question. Its answers are a dns.Server's, or
// a program's own. The parts may be put together in other ways, too.
func New(l twistor.Loop, c Config) *Cache {
	r := c.Forward
	if r == nil {
		r = &Recursive{Loop: l, Hints: c.Hints, Port: c.Port, Allow: c.AllowServer}
	}
	if c.Validation == Validate {
		r = &Validator{Loop: l, Resolver: r, Anchors: c.Anchors, Unchecked: c.Unchecked}
	}
	r = &Guard{Loop: l, Resolver: r, Except: c.Ours}
	r = &Local{Loop: l, Resolver: r, Except: c.Ours}
	return &Cache{Loop: l, Resolver: r, CacheBytes: c.CacheBytes}
}
