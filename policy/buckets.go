package policy

import (
	"maps"
	"net/netip"
	"time"

	"github.com/twistor-go/twistor"
)

// Buckets are a Bucket for each host, made when its first connection comes and
// forgotten when its last one has gone and the bucket is full again: nothing is
// lost by it. Hosts of IPv6 share one by their /64, and peers without an IP
// address share one.
//
// Put them into a Throttle. Several Throttles of a loop may share them: then a
// host has its rate over all these services together. Set the fields before
// first use. Loop-only.
type Buckets struct {
	Rate   Rate    // of each host
	Parent *Bucket // of all of them; nil: none
	// MaxHosts is how many buckets there may be; strangers beyond share one.
	// 0: 65,536.
	MaxHosts int

	hosts   map[netip.Prefix]*Bucket
	shared  *Bucket
	sweepAt int
	swept   time.Time
}

// Len is how many hosts have a bucket of their own.
func (h *Buckets) Len() int { return len(h.hosts) }

// join returns the bucket of t's peer, to be left afterwards.
func (h *Buckets) join(t twistor.Transport) (netip.Prefix, *Bucket) {
	host := hostOf(t)
	b := h.hosts[host]
	if b == nil {
		b = h.add(host, t.Loop().Now())
	}
	b.users++
	return host, b
}

func (h *Buckets) add(host netip.Prefix, now time.Time) *Bucket {
	if h.hosts == nil {
		h.hosts, h.sweepAt = make(map[netip.Prefix]*Bucket), 64
	}
	maxHosts := count(h.MaxHosts, 65_536)
	if n := len(h.hosts); n >= h.sweepAt || n >= maxHosts && now.Sub(h.swept) >= time.Second {
		maps.DeleteFunc(h.hosts, func(_ netip.Prefix, b *Bucket) bool { return b.users == 0 && b.full(now) })
		h.sweepAt, h.swept = min(max(64, 2*len(h.hosts)), maxHosts+1), now
	}
	if len(h.hosts) >= maxHosts {
		if h.shared == nil {
			h.shared = &Bucket{Rate: h.Rate, Parent: h.Parent}
		}
		return h.shared
	}
	b := &Bucket{Rate: h.Rate, Parent: h.Parent}
	h.hosts[host] = b
	return b
}

// leave ends a join.
func (h *Buckets) leave(host netip.Prefix, b *Bucket, now time.Time) {
	if b.users--; b.users == 0 && b != h.shared && b.full(now) {
		delete(h.hosts, host)
	}
}
