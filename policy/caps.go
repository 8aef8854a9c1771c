package policy

import (
	"io"
	"maps"
	"net/netip"
	"time"

	"github.com/twistor-go/twistor"
)

// Caps refuses the connections to Factory that are too many. A refused one
// costs no protocol: it gets Refusal, if there is one, and is closed.
//
// Peers without an IP address, such as those of a UNIX socket, count for the
// whole only. Hosts of IPv6 are counted by their /64. One loop; its fields are
// immutable after first use.
type Caps struct {
	Factory twistor.Factory
	// Total is how many connections may be open. 0: 50,000; negative: any.
	Total int
	// PerHost is how many of them one host may have. 0: 100; negative: any.
	PerHost int
	// NewPerHost is how many a second one host may open, and NewPerHostBurst
	// how many at once after a rest. 0: 20 and 50; negative: any.
	NewPerHost, NewPerHostBurst int
	// Unauthenticated is how many may be open whose protocol has not called
	// Admit. From half of it on, newcomers are refused at random, the more
	// the nearer it is, so that somebody honest comes through a flood.
	// 0 and negative: any; servers with a login want 1,000.
	Unauthenticated int
	// MaxHosts is how many hosts are kept in mind, 200 bytes each; strangers
	// are refused when it is full. 0: 65,536. A host is forgotten when it has
	// no connection and all its leave to open new ones.
	MaxHosts int
	// Refusal is written to whoever is refused, as it is: "421 too many\r\n".
	Refusal string

	home    home
	counts  Counts
	hosts   map[netip.Prefix]*visitor
	sweepAt int
	swept   time.Time
}

// Counts are a Caps's figures of the moment.
type Counts struct {
	Open            int // connections
	Unauthenticated int // of these
	Hosts           int // kept in mind
	Refused         int64
}

// A visitor is a host with connections, or that had some a moment ago.
type visitor struct {
	open  int
	fresh Bucket // leave to open new ones
}

// Counts are the figures of the moment.
func (f *Caps) Counts() Counts {
	f.counts.Hosts = len(f.hosts)
	return f.counts
}

// Build is twistor.Factory's.
func (f *Caps) Build(t twistor.Transport) (p twistor.Protocol) {
	f.home.settle(t.Loop(), f)
	w := &capped{caps: f, host: hostOf(t)}
	if over := f.over(t.Loop(), w.host); over != "" {
		f.counts.Refused++
		t.Loop().Log().Debug("policy: connection refused", "conn", t, "cap", over)
		if f.Refusal != "" {
			t.Write([]byte(f.Refusal))
		}
		return nil
	}
	f.counts.Open++
	f.counts.Unauthenticated++
	if v := f.hosts[w.host]; v != nil {
		v.open++
	}
	defer func() {
		if p == nil { // refused, or a panic
			w.leave()
		}
	}()
	return Wrap(w, t, f.Factory)
}

// Opened and Closed pass to Factory.
func (f *Caps) Opened(l twistor.Loop) error { return opened(f.Factory, l) }
func (f *Caps) Closed()                     { closed(f.Factory) }

// NextProtos are those of the Factory inside.
func (f *Caps) NextProtos() []string { return twistor.NextProtos(f.Factory) }

// over is the cap that one more connection of host would exceed; "": none.
func (f *Caps) over(l twistor.Loop, host netip.Prefix) string {
	if total := count(f.Total, 50_000); total >= 0 && f.counts.Open >= total {
		return "Total"
	}
	if f.crowded(l) {
		return "Unauthenticated"
	}
	perHost, rate := count(f.PerHost, 100), count(f.NewPerHost, 20)
	if !host.IsValid() || perHost < 0 && rate < 0 {
		return ""
	}
	v := f.visit(l.Now(), host)
	switch {
	case v == nil:
		return "MaxHosts"
	case perHost >= 0 && v.open >= perHost:
		return "PerHost"
	case !v.fresh.try(l.Now(), 1):
		return "NewPerHost"
	}
	return ""
}

// count is n, or its default.
func count(n, whenZero int) int {
	if n == 0 {
		return whenZero
	}
	return n
}

// crowded decides about a newcomer by the number of unauthenticated ones.
func (f *Caps) crowded(l twistor.Loop) bool {
	most, n := f.Unauthenticated, f.counts.Unauthenticated
	switch half := most / 2; {
	case most <= 0 || n < half:
		return false
	case n >= most:
		return true
	default:
		var b [2]byte
		if _, err := io.ReadFull(l.Rand(), b[:]); err != nil {
			return true
		}
		// Refused with a chance of 0 at half and 1 at most.
		return (int(b[0])<<8|int(b[1]))*(most-half) < (n-half)<<16
	}
}

// visit returns the entry of host, nil if there is no room for one.
func (f *Caps) visit(now time.Time, host netip.Prefix) *visitor {
	if v := f.hosts[host]; v != nil {
		return v
	}
	if f.hosts == nil {
		f.hosts, f.sweepAt = make(map[netip.Prefix]*visitor), 64
	}
	maxHosts := count(f.MaxHosts, 65_536)
	if n := len(f.hosts); n >= f.sweepAt || n >= maxHosts && now.Sub(f.swept) >= time.Second {
		// Twice as many as the last sweep left: a constant cost for each. When
		// full, once a second.
		maps.DeleteFunc(f.hosts, func(_ netip.Prefix, v *visitor) bool { return v.idle(now) })
		f.sweepAt, f.swept = min(max(64, 2*len(f.hosts)), maxHosts+1), now
	}
	if len(f.hosts) >= maxHosts {
		return nil
	}
	v := new(visitor)
	if rate := count(f.NewPerHost, 20); rate > 0 {
		v.fresh.Rate = Rate{int64(rate), int64(count(f.NewPerHostBurst, 50))}
	}
	f.hosts[host] = v
	return v
}

// idle reports whether v is no different from a host never seen.
func (v *visitor) idle(now time.Time) bool { return v.open == 0 && v.fresh.full(now) }

// capped is the layer of Caps.
type capped struct {
	Wrapper
	caps  *Caps
	host  netip.Prefix
	known bool // has logged in
}

func (w *capped) WriteShared(p []byte) error { return w.share(p) }

func (w *capped) admitted() {
	if !w.known {
		w.known = true
		w.caps.counts.Unauthenticated--
	}
}

func (w *capped) Disconnected(err error) {
	w.Wrapper.Disconnected(err)
	w.leave()
}

// leave counts the connection out.
func (w *capped) leave() {
	f := w.caps
	f.counts.Open--
	w.admitted()
	if v := f.hosts[w.host]; v != nil {
		if v.open--; v.open == 0 && v.fresh.full(w.Loop().Now()) {
			delete(f.hosts, w.host)
		}
	}
}
