package resolver

import (
	"net/netip"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// What a Recursive does when its fields are zero, and what nobody changes.
const (
	DefaultMaxQueries   = 100
	DefaultDeadline     = 10 * time.Second
	DefaultMaxPerServer = 100
	DefaultMaxZones     = 20_000

	// maxFetched is how many names of servers are looked up for one zone: an
	// attacker's zone may name a hundred, all of them a victim's (CVE-2020-8616).
	maxFetched = 5
	// maxDepth is over how many zones it may take to find a server's address.
	maxDepth = 6
	// maxServers is how many servers of a zone are known to us.
	maxServers = 20
	// maxReferrals is how many steps lead down to a name: it has 127 labels.
	maxReferrals = 140
)

// An Exchanger takes a query to a server: *dns.Client does.
type Exchanger interface {
	Exchange(m *dns.Message, u dns.Upstream) *deferred.Deferred[*dns.Message]
}

// A Recursive is a dns.Resolver that asks those who know, from the root on
// down. It remembers which servers zones have and how they answer, and no
// answers: a Cache stands before it. What it returns has signatures, if asked
// for, and is not validated.
//
// Which servers a zone has is what the zone above says: what the zone itself
// says of that is for who asks, so that no zone can keep itself alive after
// it was taken away (CVE-2012-1033), and no answer can bring other servers in.
//
// Loop must be set; set the fields before first use. At most 10,000 questions
// are under way at once, as with a Cache. Loop-only.
type Recursive struct {
	Loop twistor.Loop
	// Client asks the servers, once each time. Nil: a dns.Client.
	Client Exchanger
	// Hints are NS records of the root and the addresses of those servers. Nil: those of
	// RootHints.
	Hints []dns.RR
	// Port is where servers are. 0: 53.
	Port uint16
	// Allow says which servers may be asked. Nil: PublicAddr, so that no zone
	// can have us ask machines of our own network.
	Allow func(netip.Addr) bool
	// MaxQueries is how many queries one question may cost, Deadline how long it
	// may take. 0: 100, and 10 s.
	MaxQueries int
	Deadline   time.Duration
	// MaxPerServer is how many queries may be on their way to one server; beyond
	// that others are asked, or queries wait. 0: 100.
	MaxPerServer int
	// MaxZones is how many zones, names of servers and servers are remembered,
	// each. 0: 20,000; those used least recently go.
	MaxZones int

	// Stats counts what happened so far.
	Stats RecursiveStats

	zones   table[*delegation] // by name
	hosts   table[*host]       // by name
	servers table[*server]     // by address
	flights map[string]*deferred.Deferred[*dns.Message]
	queries map[string]*deferred.Deferred[*dns.Message]
	noIPv6  time.Time // until then
}

// RecursiveStats says how many questions a Recursive was asked, how many queries that took, how
// many of those had no answer in time, or one of no use, and how many questions failed.
type RecursiveStats struct {
	Questions, Queries, Timeouts, Lame, Failed uint64
}

// A budget is what one question may cost, with all that follows from it.
type budget struct {
	queries int
	until   time.Time
	looking []dns.Name // names of servers that are being looked up for it
}

// Resolve implements dns.Resolver. It fails with a *Failure.
func (r *Recursive) Resolve(q dns.Question, o dns.Options) *deferred.Deferred[*dns.Message] {
	return r.resolve(q, o, r.budget())
}

func (r *Recursive) budget() *budget {
	b := &budget{queries: r.MaxQueries, until: r.Loop.Now().Add(DefaultDeadline)}
	if b.queries == 0 {
		b.queries = DefaultMaxQueries
	}
	if r.Deadline != 0 {
		b.until = r.Loop.Now().Add(r.Deadline)
	}
	return b
}

// resolve is Resolve within a budget that others spend too. Who asks what is
// under way already waits for that.
func (r *Recursive) resolve(q dns.Question, _ dns.Options, b *budget) *deferred.Deferred[*dns.Message] {
	name, err := dns.ParseName(q.Name)
	t := dns.Type(q.Qtype)
	if err != nil || q.Qclass != dns.ClassIN || meta(t) {
		return deferred.Failed[*dns.Message](r.Loop,
			&dns.ResponseError{Question: q, Rcode: dns.RcodeRefused, Reason: "want a name, class IN and a type of records"})
	}
	r.prepare()
	key := string(name) + string([]byte{byte(t >> 8), byte(t)})
	if d := r.flights[key]; d != nil {
		return d.Shield()
	}
	if len(r.flights) >= DefaultMaxPending {
		return deferred.Failed[*dns.Message](r.Loop, ErrBusy)
	}
	r.Stats.Questions++
	d := deferred.Inline(r.Loop, func(co *deferred.Co) (*dns.Message, error) {
		f := &finder{Recursive: r, co: co, b: b, q: q}
		m, err := f.lookup(name, t, 0)
		if err != nil {
			r.Stats.Failed++
			return nil, err
		}
		m.Question = []dns.Question{q}
		return m, nil
	})
	if _, fired := d.Result(); fired {
		return d
	}
	r.flights[key] = d
	d.Always(func() { delete(r.flights, key) })
	shared := d.Shield()
	d.Done(nil)
	return shared
}

// prepare makes the tables.
func (r *Recursive) prepare() {
	if r.flights != nil {
		return
	}
	r.flights = map[string]*deferred.Deferred[*dns.Message]{}
	r.queries = map[string]*deferred.Deferred[*dns.Message]{}
	most := r.MaxZones
	if most == 0 {
		most = DefaultMaxZones
	}
	r.zones.max, r.hosts.max, r.servers.max = most, most, most
	if r.Client == nil {
		r.Client = &dns.Client{Loop: r.Loop, Timeouts: []time.Duration{maxWait}}
	}
	if r.Allow == nil {
		r.Allow = PublicAddr
	}
	if r.Hints == nil {
		r.Hints = RootHints()
	}
	if r.Port == 0 {
		r.Port = 53
	}
}
