package dns

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// The ports of servers.
const (
	DefaultPort    = 53
	DefaultTLSPort = 853 // RFC 7858
)

// An Exchanger takes a query to one server and fires with its answer: what
// speaks DNS over something that this package does not know, such as HTTPS. To
// cancel the Deferred gives up. Loop-only.
type Exchanger interface {
	Exchange(m *Message) *deferred.Deferred[*Message]
}

// An Upstream is a server that a Client asks. Immutable after first use.
type Upstream struct {
	// Addr is where it is. Port 0: 53, or 853 for TLS.
	Addr netip.AddrPort
	// Network is OverUDP, which goes to TCP by itself where it must, OverTCP or
	// OverTLS.
	Network Network
	// ServerName is whom the certificate must be for; "": the address.
	ServerName string
	// TLS is how else to speak TLS; nil: the system's certificates, TLS 1.2 or
	// later. Its ServerName is not looked at if there is one above.
	TLS *tls.Config
	// Key signs the queries, and answers must be signed with it; nil: no
	// signatures (RFC 8945).
	Key *TSIGKey
	// Exchanger, if not nil, carries the queries; Addr and what follows it mean
	// nothing then.
	Exchanger Exchanger
}

// ParseUpstream reads where a server is: 192.0.2.1, [2001:db8::1]:53,
// udp://192.0.2.1, tcp://192.0.2.1:5353, tls://192.0.2.1#dns.example.com.
// What follows # is the name in the certificate.
func ParseUpstream(s string) (Upstream, error) {
	u := Upstream{}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		scheme, rest = "udp", s
	}
	port := uint16(DefaultPort)
	switch scheme {
	case "udp":
	case "tcp":
		u.Network = OverTCP
	case "tls":
		u.Network, port = OverTLS, DefaultTLSPort
	default:
		return u, fmt.Errorf("dns: server %q: want udp://, tcp:// or tls://", s)
	}
	rest, u.ServerName, ok = strings.Cut(rest, "#")
	if ok && (u.Network != OverTLS || u.ServerName == "") {
		return u, fmt.Errorf("dns: server %q: want a name behind #, and that behind tls:// only", s)
	}
	if ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]")); err == nil {
		u.Addr = netip.AddrPortFrom(ip.Unmap(), port)
		return u, nil
	}
	addr, err := netip.ParseAddrPort(rest)
	if err != nil || addr.Port() == 0 {
		return u, fmt.Errorf("dns: server %q: want an address, with a port or without", s)
	}
	u.Addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	return u, nil
}

// String is what ParseUpstream reads.
func (u Upstream) String() string {
	if u.Exchanger != nil {
		return fmt.Sprint(u.Exchanger)
	}
	s := u.addr().String()
	switch u.Network {
	case OverTCP:
		s = "tcp://" + s
	case OverTLS:
		s = "tls://" + s
		if u.ServerName != "" {
			s += "#" + u.ServerName
		}
	}
	return s
}

// addr is where the server is, with its port.
func (u *Upstream) addr() netip.AddrPort {
	port := u.Addr.Port()
	if port == 0 {
		port = DefaultPort
		if u.Network == OverTLS {
			port = DefaultTLSPort
		}
	}
	return netip.AddrPortFrom(u.Addr.Addr().Unmap(), port)
}

// check says what is wrong with u.
func (u *Upstream) check() error {
	switch {
	case u.Exchanger != nil:
		return nil
	case !u.Addr.Addr().IsValid():
		return fmt.Errorf("dns: upstream without an address: want one, or an Exchanger")
	case u.Network > OverTLS:
		return fmt.Errorf("dns: upstream over %s: want an Exchanger", strconv.Quote(u.Network.String()))
	}
	return nil
}

// A standing is what a Client knows of one of its servers.
type standing struct {
	roundTrip time.Duration // smoothed; 0: never answered
	failures  int           // since it last answered
	until     time.Time     // it is asked after the others until then
}

const (
	firstPenalty = time.Second
	maxPenalty   = 60 * time.Second
	// failuresToTell is how many in a row there are when the log hears of it.
	failuresToTell = 3
)

// answered notes that an answer came after d.
func (s *standing) answered(d time.Duration) {
	if s.roundTrip == 0 {
		s.roundTrip = d
	} else {
		s.roundTrip += (d - s.roundTrip) / 8 // as TCP does, RFC 6298 section 2
	}
	s.failures, s.until = 0, time.Time{}
}

// failed notes that none came: others go first for a while, twice as long each
// time.
func (s *standing) failed(now time.Time) {
	s.until = now.Add(min(firstPenalty<<min(s.failures, 10), maxPenalty))
	s.failures++
}
