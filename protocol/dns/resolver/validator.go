package resolver

import (
	"errors"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnssec"
)

const (
	// maxCuts is how many zones, one below the other, are looked at to find out
	// whether a name is in a signed one.
	maxCuts = 24
	// maxTrust is how long what is known of a zone's keys is kept, and
	// brokenTime how long that they are broken.
	maxTrust   = 12 * time.Hour
	brokenTime = 30 * time.Second
	// extraTime is how much longer than its Resolver a Validator may take.
	extraTime = 2 * time.Second
)

// A Validator checks what another Resolver finds, a Recursive or a dns.Client,
// by its signatures, and by keys that it follows from its anchors down. It sets
// AuthenticatedData on what is secure, lets pass what is proved to be unsigned,
// and fails with a *Failure for all else. It remembers zones' keys and no
// answers: a Cache stands before it. It is a dns.Resolver. Set the fields before first use. Loop-only.
//
// See https://www.rfc-editor.org/rfc/rfc4035#section-5.
type Validator struct {
	Loop     twistor.Loop
	Resolver dns.Resolver
	// Anchors are the keys that are trusted from the beginning. Nil: those of the
	// root, dnssec.RootAnchors.
	Anchors []*dns.DS
	// Unchecked are names that nothing is checked of, with all below them, such as a zone
	// whose signatures broke (RFC 7646). Nil: none.
	Unchecked []dns.Name
	// MaxZones is how many zones' keys are remembered. 0: 20,000; those used
	// least recently go.
	MaxZones int

	// Stats counts what happened so far.
	Stats ValidatorStats

	zones table[*trust]
}

// ValidatorStats says how many answers were secure, were not signed, and were refused.
type ValidatorStats struct{ Secure, Insecure, Bogus uint64 }

// A trust is what is known of a zone, or of a name that may be one.
type trust struct {
	zone     dns.Name // that has the keys: the name itself, or one above it
	keys     []*dns.DNSKEY
	insecure bool // not signed, as the zone above proves
	err      error
	expires  time.Time
}

// A validation is of one answer.
type validation struct {
	*Validator
	co   *deferred.Co
	q    dns.Question // of the client
	b    *budget      // of queries, if the Resolver is a Recursive
	work dnssec.Budget
}

// Resolve implements dns.Resolver. With o.CheckingDisabled it checks nothing.
func (v *Validator) Resolve(q dns.Question, o dns.Options) *deferred.Deferred[*dns.Message] {
	if v.zones.max == 0 {
		if v.zones.max = v.MaxZones; v.MaxZones == 0 {
			v.zones.max = DefaultMaxZones
		}
		if v.Anchors == nil {
			v.Anchors = dnssec.RootAnchors()
		}
	}
	if o.CheckingDisabled {
		return deferred.Then(v.Resolver.Resolve(q, dns.Options{DNSSECOK: true, CheckingDisabled: true}),
			func(m *dns.Message) (*dns.Message, error) { return doubted(m), nil })
	}
	d := deferred.Inline(v.Loop, func(co *deferred.Co) (*dns.Message, error) {
		c := &validation{Validator: v, co: co, q: q}
		if r, ok := v.Resolver.(*Recursive); ok {
			c.b = r.budget()
		}
		m, err := c.ask(q)
		if err != nil {
			return nil, err
		}
		return c.check(m)
	})
	if _, fired := d.Result(); !fired {
		d.Timeout(DefaultDeadline + extraTime)
		d.Catch(func(err error) (*dns.Message, error) {
			if errors.Is(err, deferred.ErrTimeout) {
				err = fail(q, CodeNoReachableAuthority, "no answer in time", dns.ErrTimeout)
			}
			return nil, err
		})
	}
	return d
}

// ask asks the Resolver for what is not checked yet.
func (c *validation) ask(q dns.Question) (*dns.Message, error) {
	o := dns.Options{DNSSECOK: true, CheckingDisabled: true}
	if r, ok := c.Resolver.(*Recursive); ok {
		return r.resolve(q, o, c.b).Await(c.co)
	}
	return c.Resolver.Resolve(q, o).Await(c.co)
}

// doubted is m without a claim to have been checked.
func doubted(m *dns.Message) *dns.Message {
	if !m.AuthenticatedData {
		return m
	}
	c := *m
	c.AuthenticatedData = false
	return &c
}

// A security is what an answer, or a part of it, is worth.
type security uint8

const (
	secure   security = iota
	insecure          // and that is proved
)

// check decides about an answer.
func (c *validation) check(m *dns.Message) (*dns.Message, error) {
	out, s, err := c.judge(m)
	switch {
	case err != nil:
		if errors.Is(err, deferred.ErrCanceled) || errors.Is(err, deferred.ErrStopped) || errors.Is(err, deferred.ErrTimeout) {
			return nil, err
		}
		c.Stats.Bogus++
		return nil, c.refuse(err)
	case s == insecure:
		c.Stats.Insecure++
		return doubted(m), nil
	}
	c.Stats.Secure++
	return out, nil
}

// refuse makes a Failure of what is wrong.
func (c *validation) refuse(err error) error {
	if f, ok := errors.AsType[*Failure](err); ok {
		return fail(c.q, f.Code, f.Reason, f.Err)
	}
	if b, ok := errors.AsType[*dnssec.BogusError](err); ok {
		return fail(c.q, Code(b.Code), b.Text, nil)
	}
	if errors.Is(err, dnssec.ErrBudget) {
		return fail(c.q, CodeBogus, "more signatures than an answer is worth", err)
	}
	return fail(c.q, CodeIndeterminate, "cannot find out whether it is secure", err)
}
