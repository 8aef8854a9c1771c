package dns

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"crypto/tls"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// ErrNoService: the domain says that it does not offer the service.
var ErrNoService = errors.New("dns: the domain does not offer that service")

// LookupSRV looks up where a service is, such as _xmpp-client._tcp.example.com:
// in the order in which to try, drawn from rand (Loop.Rand). It fails with
// ErrNoService if the domain says that it has none.
//
// See https://www.rfc-editor.org/rfc/rfc2782.
func LookupSRV(r Resolver, rand io.Reader, name string) *deferred.Deferred[[]*SRV] {
	return deferred.Then(Lookup[*SRV](r, name), func(all []*SRV) ([]*SRV, error) {
		// "A Target of "." means that the service is decidedly not available".
		if len(all) == 1 && all[0].Target == "." {
			return nil, fmt.Errorf("dns: %s: %w", name, ErrNoService)
		}
		return all, orderSRV(rand, all)
	})
}

// orderSRV sorts by priority and, among those of one, draws by weight: one with
// twice the weight comes first twice as often, and those of weight 0 seldom.
func orderSRV(rand io.Reader, all []*SRV) error {
	slices.SortStableFunc(all, func(a, b *SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)))
	})
	for len(all) > 0 {
		n, sum := 0, 0
		for n < len(all) && all[n].Priority == all[0].Priority {
			sum += int(all[n].Weight)
			n++
		}
		// "choose a uniform random number between 0 and the sum computed
		// (inclusive), and select the RR whose running sum value is the first in
		// the selected order which is greater than or equal to" it.
		var b [8]byte
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return err
		}
		at := int(binary.BigEndian.Uint64(b[:]) % uint64(sum+1))
		i := 0
		for at -= int(all[0].Weight); at > 0; at -= int(all[i].Weight) {
			i++
		}
		chosen := all[i]
		copy(all[1:i+1], all[:i])
		all[0] = chosen
		all = all[1:]
	}
	return nil
}

// An SRVDial says what service to connect to. Immutable after first use.
type SRVDial struct {
	// Service and Domain are which and whose: "xmpp-client", "example.com".
	Service, Domain string
	// Proto is what the service runs over; "": tcp.
	Proto string
	// DefaultPort is where it is if the domain has no SRV records: there. 0: then
	// it fails.
	DefaultPort uint16
	// TLS secures the connections; ServerName "": Domain, because nobody can
	// forge that (RFC 6125 section 6.2.1). Nil: plain.
	TLS *tls.Config
	// Timeout is how long one target may take. 0: 10 s.
	Timeout time.Duration
}

// DialSRV connects to a service wherever SRV records say it is: to one target
// after another, in their order, until one is there. Targets' addresses are
// looked up by the loop. f builds one Protocol for each connection that comes to
// be. It fails with what the last one failed with, or as LookupSRV does.
func DialSRV(l twistor.Loop, r Resolver, d SRVDial, f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
	proto := cmp.Or(d.Proto, "tcp")
	name := "_" + d.Service + "._" + proto + "." + d.Domain
	targets := LookupSRV(r, l.Rand(), name)
	return deferred.Inline(l, func(co *deferred.Co) (twistor.Protocol, error) {
		all, err := targets.Await(co)
		switch {
		case err == nil:
		case d.DefaultPort != 0 && (errors.Is(err, ErrNoSuchName) || errors.Is(err, ErrNoRecords)):
			all = []*SRV{{Target: d.Domain, Port: d.DefaultPort}}
		default:
			return nil, err
		}
		for _, t := range all {
			var p twistor.Protocol
			if p, err = l.Dial(d.config(t), f).Await(co); err == nil || co.Err() != nil {
				return p, err
			}
		}
		return nil, fmt.Errorf("dns: %s: none of %d places: %w", name, len(all), err)
	})
}

func (d *SRVDial) config(t *SRV) twistor.DialConfig {
	host := strings.TrimSuffix(t.Target, ".")
	c := twistor.DialConfig{Network: "tcp", TLS: d.TLS, Timeout: d.Timeout,
		Address: net.JoinHostPort(host, strconv.Itoa(int(t.Port)))}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.TLS != nil && c.TLS.ServerName == "" {
		c.TLS = c.TLS.Clone()
		c.TLS.ServerName = strings.TrimSuffix(d.Domain, ".")
	}
	return c
}
