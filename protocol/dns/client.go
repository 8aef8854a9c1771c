package dns

import (
	"container/list"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// What a Client does when its fields are zero.
const (
	DefaultDeadline    = 10 * time.Second
	DefaultMaxSockets  = 1_000
	DefaultIdleTimeout = 10 * time.Second
)

// defaultTimeouts are how long each round of tries waits.
var defaultTimeouts = []time.Duration{time.Second, 3 * time.Second, 11 * time.Second}

// An Order says which of several servers is asked first. Those that failed of
// late come after the others, whatever the order.
type Order uint8

// The orders.
const (
	AsListed Order = iota // the first one, unless it fails
	InTurn                // another one for each question
	Fastest               // the one that answers soonest, as far as is known
)

// A Client asks servers: each query from a socket of its own, whose port is as
// random as the query's id and the case of its letters. It goes over to TCP
// where an answer is truncated, or where somebody seems to guess. Connections
// over TCP and TLS are kept, and carry many queries at once.
//
// It is a Resolver; identical questions that are on their way are asked once.
// Its fields are its configuration, and Loop alone must be set. Loop-only.
type Client struct {
	// Loop is where it lives.
	Loop twistor.Loop
	// Servers are asked by Resolve. None: it fails; Exchange needs none.
	Servers []Upstream
	// Order says which goes first.
	Order Order
	// Timeouts are how long a server may take, in the first round, in which all
	// servers are asked, the second, and so on. None: 1 s, 3 s, 11 s.
	Timeouts []time.Duration
	// Deadline is how long a question may take in all. 0: 10 s.
	Deadline time.Duration
	// MaxPending is how many questions may be on their way; more fail with
	// ErrBusy. 0: 10,000.
	MaxPending int
	// MaxSockets is how many UDP sockets there may be at once. Further queries
	// wait, and get those of queries that should have been answered by now. 0:
	// 1,000.
	MaxSockets int
	// MaxUDPBytes is how long a datagram may be, as servers are told. 0:
	// DefaultUDPBytes.
	MaxUDPBytes int
	// IdleTimeout is how long a connection is kept for further queries. 0:
	// 10 s; negative: it is not.
	IdleTimeout time.Duration
	// Local is the address that queries come from; zero: the system's choice.
	Local netip.Addr
	// NoEDNS sends no OPT records (RFC 6891): no long datagrams, no cookies, no
	// DNSSEC.
	NoEDNS bool
	// KeepCase sends names as they are written, not in random case.
	KeepCase bool
	// TrustAD passes on what the servers say about having validated an answer:
	// only for servers and ways that are trusted, RFC 4035 section 4.9.3.
	TrustAD bool

	pending   int // questions
	stats     ClientStats
	errands   map[errandKey]*errand
	standings []standing // of Servers
	turn      int        // of Servers, for InTurn
	cookies   cookieJar
	lines     map[lineKey]*line
	made      int       // lines, ever
	sockets   int       // that are open
	tries     list.List // *inquiry, those with a socket, the oldest first
	fresh     list.List // *inquiry, those without, that never had one
	parked    list.List // *inquiry, those that had to give theirs away
	delegated list.List // *inquiry, those that an Exchanger carries
	giving    bool      // give is at work
	giver     twistor.Timer
	roundTrip time.Duration // smoothed, over UDP, of all servers
	retired   bool          // is closed when nothing is pending
	closed    bool
}

// ClientStats counts what a Client has done.
type ClientStats struct {
	Queries   int64 // sent, each try
	Answers   int64 // that were accepted
	Wrong     int64 // datagrams that were no answers to what was asked
	Timeouts  int64 // tries that nobody answered
	OverTCP   int64 // queries that went over to TCP
	Merged    int64 // questions that were on their way already
	Busy      int64 // questions refused with ErrBusy
	TookAway  int64 // sockets that a query lost to one that had none yet
	Malformed int64 // answers that cannot be read
}

// Stats is what the Client has done so far.
func (c *Client) Stats() ClientStats { return c.stats }

// Exchange sends a query to one server, and fires with the answer, whatever
// code it has. m needs one question; its flags are sent as they are, its id is
// not. An OPT record is added if there is none. The query is repeated as
// Timeouts say, and taken to TCP as it must be; the Deferred fails with
// ErrTimeout, ErrBusy, or what broke. To cancel it closes the socket.
func (c *Client) Exchange(m *Message, u Upstream) *deferred.Deferred[*Message] {
	if err := c.ready(); err != nil {
		return deferred.Failed[*Message](c.Loop, err)
	}
	c.pending++
	x := c.inquire(m, u, c.timeouts())
	timer := c.Loop.CallLater(c.deadline(), x.expire)
	return x.done.Always(func() {
		timer.Stop()
		c.settled()
	})
}

// settled is called when a question is over.
func (c *Client) settled() {
	if c.pending--; c.pending == 0 && c.retired {
		c.Close()
	}
}

// retire closes the Client as soon as its questions are over.
func (c *Client) retire() {
	if c.retired = true; c.pending == 0 {
		c.Close()
	}
}

// ready says why nothing can be asked now.
func (c *Client) ready() error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.pending >= positive(c.MaxPending, DefaultMaxPending):
		c.stats.Busy++
		return ErrBusy
	}
	return nil
}

// Close gives up all questions, which fail with net.ErrClosed, and closes what
// is open. The Client answers no more.
func (c *Client) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	for _, q := range []*list.List{&c.tries, &c.fresh, &c.parked, &c.delegated} {
		for q.Len() > 0 {
			q.Front().Value.(*inquiry).fail(net.ErrClosed)
		}
	}
	for _, l := range c.sortedLines() {
		l.end(net.ErrClosed)
	}
	c.giver.Stop()
	return nil
}

func (c *Client) timeouts() []time.Duration {
	if len(c.Timeouts) == 0 {
		return defaultTimeouts
	}
	return c.Timeouts
}

func (c *Client) deadline() time.Duration {
	if c.Deadline <= 0 {
		return DefaultDeadline
	}
	return c.Deadline
}

// positive is n, or what stands for 0.
func positive(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// errNoServers is what a Client without servers says.
var errNoServers = errors.New("dns: no servers to ask")
