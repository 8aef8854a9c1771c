package dns

import (
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A System is the Resolver of this machine: its hosts file and then, for names
// that are not in it, the servers that its resolv.conf names, with its search
// domains for names without a final dot. It looks at most every 5 s and 60 s
// whether these files have changed; what is on its way goes on. Nothing of it
// blocks the loop. Loop-only.
type System struct {
	// Loop is where it lives.
	Loop twistor.Loop
	// Hosts and ResolvConf name the files. "": /etc/hosts, /etc/resolv.conf.
	Hosts, ResolvConf string
	// Before, if not nil, puts something before the Client, such as a cache. It
	// is called for each new Client, and is to keep what it can.
	Before func(c *Client) Resolver

	hosts  *Hosts
	file   *followed[*ResolvConf]
	conf   *ResolvConf // that client is by
	client *Client
	chain  Chain
	closed bool
}

// Resolve implements Resolver.
func (s *System) Resolve(q Question, o Options) *deferred.Deferred[*Message] {
	if s.file == nil {
		name := s.ResolvConf
		if name == "" {
			name = DefaultResolvConf
		}
		s.file = &followed[*ResolvConf]{name: name, every: resolvConfEvery, maxBytes: maxResolvConfBytes, parse: ParseResolvConf}
		s.hosts = &Hosts{Loop: s.Loop, Name: s.Hosts}
	}
	return deferred.Chain(s.file.get(s.Loop), func(c *ResolvConf) *deferred.Deferred[*Message] {
		if c != s.conf {
			s.adopt(c)
		}
		return s.chain.Resolve(q, o)
	})
}

// adopt makes a Client as c says.
func (s *System) adopt(c *ResolvConf) {
	if s.client != nil {
		s.client.retire()
	}
	for _, why := range c.Ignored {
		s.Loop.Log().Debug("ignored", "file", s.file.name, "err", why)
	}
	s.conf, s.client = c, c.Client()
	s.client.Loop = s.Loop
	if s.closed {
		s.client.Close()
	}
	var r Resolver = s.client
	if s.Before != nil {
		r = s.Before(s.client)
	}
	s.chain = Chain{s.hosts, c.Completing(r)}
}

// Close gives up what is on its way.
func (s *System) Close() error {
	s.closed = true
	if s.client != nil {
		s.client.Close()
	}
	return nil
}
