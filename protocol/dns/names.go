package dns

import (
	"net/netip"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Names looks the addresses of hosts up as connections need them: it is what a
// loop's Resolve can be. Both families are asked for at once. The second has to
// come soon after the first; those that the machine cannot reach come last.
// Loop-only.
type Names struct {
	// Loop is where it lives.
	Loop twistor.Loop
	// Resolver is asked. Nil: a System.
	Resolver Resolver
	// Deadline is how long it may take. 0: 10 s.
	Deadline time.Duration

	probed  time.Time // when it was last found out
	reaches bool      // whether there is a way to addresses of IPv6
}

const (
	// familyDelay is how much longer the other family may take. RFC 8305
	// section 3 has 50 ms for the first connection; here it decides whether the
	// addresses are known at all.
	familyDelay = 250 * time.Millisecond
	probeEvery  = 10 * time.Second
)

// Resolve looks a host up. Errors are for errors.Is, and a *net.DNSError is in
// them.
func (n *Names) Resolve(host string) *deferred.Deferred[[]netip.Addr] {
	if ip, err := netip.ParseAddr(host); err == nil {
		return deferred.Succeeded([]netip.Addr{ip})
	}
	if name, err := ParseName(host); err == nil && name.In(localhost) {
		return deferred.Succeeded(slices.Clone(loopback))
	}
	if n.Resolver == nil {
		n.Resolver = &System{Loop: n.Loop}
	}
	six, four := lookupAAAA(n.Resolver, host), lookupA(n.Resolver, host)
	var late twistor.Timer
	limit := func(d, other *deferred.Deferred[[]netip.Addr]) {
		d.Always(func() {
			if o, _ := d.Result(); o.Err != nil {
				return // the other has all the time there is
			}
			if _, fired := other.Result(); !fired {
				late = n.Loop.CallLater(familyDelay, other.Cancel)
			}
		})
	}
	limit(six, four)
	limit(four, six)
	deadline := n.Deadline
	if deadline <= 0 {
		deadline = DefaultDeadline
	}
	expired := false
	over := n.Loop.CallLater(deadline, func() {
		expired = true
		six.Cancel()
		four.Cancel()
	})
	d := both(six, four).Catch(func(err error) ([]netip.Addr, error) {
		if expired {
			err = &timeoutError{question: Question{Name: host, Qtype: TypeA}}
		}
		return nil, err
	})
	d.Always(func() {
		late.Stop()
		over.Stop()
	})
	return deferred.Then(d, func(all []netip.Addr) ([]netip.Addr, error) { return n.ordered(all), nil })
}

// ordered puts IPv4 first where there is no way to the addresses of IPv6.
func (n *Names) ordered(all []netip.Addr) []netip.Addr {
	if !all[0].Is6() || all[len(all)-1].Is6() || all[0].IsLoopback() {
		return all
	}
	if now := n.Loop.Now(); n.probed.IsZero() || now.Sub(n.probed) >= probeEvery {
		n.probed, n.reaches = now, n.probe(all[0])
	}
	if n.reaches {
		return all
	}
	four := 0
	for all[four].Is6() {
		four++
	}
	return append(append([]netip.Addr(nil), all[four:]...), all[:four]...)
}

// probe reports whether the system knows a way to ip. It sends nothing.
func (n *Names) probe(ip netip.Addr) bool {
	port, err := n.Loop.ListenPacket(twistor.ListenConfig{Network: "udp6", Address: "[::]:0", Remote: netip.AddrPortFrom(ip, DefaultPort)}, silent{})
	if err != nil {
		return false
	}
	port.Close()
	return true
}

// silent is a PacketProtocol that hears nothing.
type silent struct{}

func (silent) Bound(twistor.PacketTransport)       {}
func (silent) PacketReceived([]byte, twistor.Peer) {}
func (silent) Unbound(error)                       {}
