package authority

import (
	"errors"
	"fmt"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

const (
	// maxSourceNames is how many names one answer may ask a Source for.
	maxSourceNames = 64
	sourceTimeout  = 5 * time.Second
)

// ErrNotHere is what a Source fails with that leaves a query to nobody: the
// client is told REFUSED.
var ErrNotHere = errors.New("authority: not here")

// A Source is a zone whose records are elsewhere, such as in a database. It is
// called on the loop that got the query, several times for most answers: keep
// what changes little. Loop-only.
type Source interface {
	// Lookup fires with all records of exactly that name, which is the zone's or
	// below it. At the zone's own name there are a SOA and NS records. If it
	// fails the client is told SERVFAIL, or REFUSED for ErrNotHere.
	Lookup(name dns.Name) *deferred.Deferred[Node]
}

// A Node is what a Source knows of a name.
type Node struct {
	// Records are those of the name.
	Records []dns.RR
	// Exists says that there are records below the name. Without it a name that
	// has no records does not exist.
	Exists bool
}

// A source is a zone of a Source. Loop-only: of home.
type source struct {
	now *version
}

// AddSource serves the zone origin from a Source: of those names that an answer
// needs a little zone is made, which gives the answer as any zone does. There are
// no transfers and no updates. An answer has 5 s, and may need 64 names. Where
// there are several loops, each calls from.Lookup on its own goroutine.
func (a *Authority) AddSource(origin dns.Name, from Source) error {
	origin = origin.Clone()
	s := &source{now: &version{origin: origin, source: from}}
	return a.admit(origin, s)
}

func (s *source) version() *version { return s.now }
func (s *source) status() Status    { return statusOf("source", s.now) }
func (s *source) stop()             {}

// fromSource answers from v's Source.
func (h *handler) fromSource(w *dns.ResponseWriter, q *dns.Query, v *version) *deferred.Signal {
	g := gathering{v: v, asked: map[string]bool{}}
	name, t := q.Name.Clone(), q.Type
	return deferred.Inline(h.at, func(co *deferred.Co) (struct{}, error) {
		z, err := g.zone(co, name, t)
		switch {
		case errors.Is(err, ErrNotHere):
			w.SetRcode(dns.RcodeRefused)
			return struct{}{}, nil
		case err != nil:
			return struct{}{}, fmt.Errorf("authority: zone %s: %w", v.origin, err)
		}
		z.Serve(w, q)
		return struct{}{}, nil
	}).Timeout(sourceTimeout)
}
