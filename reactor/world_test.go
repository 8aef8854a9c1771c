package reactor_test

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/twistor-go/twistor/internal/poll"
	"github.com/twistor-go/twistor/reactor"
)

// timersOnly is a world with a clock that the test sets and no sockets.
func timersOnly(mono *int64, base time.Time) *reactor.World {
	return &reactor.World{
		Open: func() (poll.Poller, error) { return silence{}, nil },
		Now:  func() (time.Time, int64) { return base.Add(time.Duration(*mono)), *mono },
	}
}

// silence is a Poller to which nothing happens.
type silence struct{ poll.Poller }

func (silence) Wait([]poll.Event, int64) (int, error) { return 0, nil }
func (silence) Wake()                                 {}
func (silence) Shut() error                           { return nil }

// A resolver knows some names.
type resolver map[string][]string

func (r resolver) LookupNetIP(_ context.Context, _, host string) (ips []netip.Addr, err error) {
	for _, s := range r[host] {
		ips = append(ips, netip.MustParseAddr(s))
	}
	if len(ips) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return ips, nil
}
