package policy

import (
	"net/netip"
	"time"

	"github.com/twistor-go/twistor"
)

// Throttle limits the bandwidth of the connections to Factory: of all together,
// of each host, of each connection; whichever is slowest counts. What is
// received beyond it makes the connection pause; what is written beyond it
// waits here, within twistor.Limits as in any transport, so that the protocol
// sees Full and Drained. One that waits stands behind those that waited before.
//
// It is exact over time: up to Burst, and one read, may pass at once. Bytes of
// TLS count as they are on the side where the Throttle stands. One loop; its
// fields are immutable after first use.
type Throttle struct {
	Factory twistor.Factory
	// Read and Write are for all connections together; Rate zero: no limit.
	Read, Write Rate
	// EachRead and EachWrite are for each connection.
	EachRead, EachWrite Rate
	// HostRead and HostWrite are for each host; nil: no limit.
	HostRead, HostWrite *Buckets

	home        home
	read, write *Bucket
}

// Build is twistor.Factory's.
func (f *Throttle) Build(t twistor.Transport) (p twistor.Protocol) {
	if f.home.loop == nil {
		f.read, f.write = &Bucket{Rate: f.Read}, &Bucket{Rate: f.Write}
	}
	f.home.settle(t.Loop(), f)
	w := newThrottled()
	w.in.join(t, f.EachRead, f.HostRead, f.read)
	w.out.join(t, f.EachWrite, f.HostWrite, f.write)
	defer func() {
		if p == nil { // refused, or a panic
			w.leave(t.Loop().Now())
		}
	}()
	if p = Wrap(w, t, f.Factory); p == nil {
		w.flush() // whoever refuses may have written why
	}
	return p
}

// Opened and Closed pass to Factory.
func (f *Throttle) Opened(l twistor.Loop) error { return opened(f.Factory, l) }
func (f *Throttle) Closed()                     { closed(f.Factory) }

// NextProtos are those of the Factory inside.
func (f *Throttle) NextProtos() []string { return twistor.NextProtos(f.Factory) }

// A shape is the buckets that one direction of a connection passes through.
type shape struct {
	each, host, all *Bucket
	hosts           *Buckets
	key             netip.Prefix
	slowest         int64 // the smallest rate; 0: no limit at all
}

func (s *shape) join(t twistor.Transport, each Rate, hosts *Buckets, all *Bucket) {
	s.all = all
	if each.PerSecond != 0 {
		s.each = &Bucket{Rate: each}
	}
	if s.hosts = hosts; hosts != nil {
		s.key, s.host = hosts.join(t)
	}
	for _, b := range [...]*Bucket{s.each, s.host, s.all} {
		if r := b.slowest(); r != 0 && (s.slowest == 0 || r < s.slowest) {
			s.slowest = r
		}
	}
}

func (s *shape) leave(now time.Time) {
	if s.hosts != nil {
		s.hosts.leave(s.key, s.host, now)
		s.hosts = nil
	}
}

// take takes leave for n bytes and returns how long to wait.
func (s *shape) take(now time.Time, n int) time.Duration {
	if s.slowest == 0 || n == 0 {
		return 0
	}
	wait := s.each.take(now, int64(n))
	wait = max(wait, s.host.take(now, int64(n)))
	return max(wait, s.all.take(now, int64(n)))
}

// portion is how many bytes leave at once: an eighth of a second's worth, but
// no crumbs and no more than a large record.
func (s *shape) portion() int {
	return int(min(max(s.slowest/8, 1), 16<<10))
}
