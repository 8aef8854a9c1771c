package authority

import (
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// A Journal keeps what updates did to zones, so that it outlives the process:
// the zone's file is what the owner wrote, the journal what came after.
// It is called on the home loop. Package service/zonejournal has one on a
// persist.Store.
type Journal interface {
	// Steps are those kept of a zone, in their order.
	Steps(origin dns.Name) ([]Step, error)
	// Append keeps a step behind the others. Its Signal fires when the step,
	// and all before it, outlive a crash. If that fails the step may be kept or
	// not, and stays in the zone that is served. An error at once says that the
	// step is not kept: then it is not made.
	Append(origin dns.Name, s Step) (*deferred.Signal, error)
	// Rebase drops the first n steps, because the owner's version has them or is
	// newer. base is its serial: what is left are changes of it.
	Rebase(origin dns.Name, n int, base uint32) (*deferred.Signal, error)
}

// newer reports whether serial a comes after b.
func newer(a, b uint32) bool { return dns.Serial(a).After(dns.Serial(b)) }

// next is the serial after a: RFC 2136 section 3.6 forbids zero.
func next(a uint32) uint32 { return uint32(dns.Serial(a).Next()) }
