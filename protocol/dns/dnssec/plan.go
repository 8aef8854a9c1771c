package dnssec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// Versions are two of one zone.
type Versions struct {
	// From is one that was signed here, of which To was made by Apply. What To
	// has of it is believed to be signed right; all else in To is checked. Nil:
	// everything is, some 60 us a signature.
	From *zone.Zone
	// To is the one to sign.
	To *zone.Zone
}

// A Plan is what has to be signed of a zone, and what else has to change. To make
// one takes a look at each record, half a second for 100,000 names with NSEC3;
// the signatures, some 30 us each with ECDSA, are made by Sign, in pieces as the
// caller likes. The zone does not change meanwhile. Used by one goroutine at a
// time, but for Sign.
type Plan struct {
	to, from *zone.Zone
	origin   dns.Name
	policy   Policy
	now      time.Time
	roles    *roles

	removed, added []dns.RR
	work           []task

	apex  map[dns.Type]dns.RRset // what the apex is to have of some types
	soa   node
	chain chain
	cut   dns.Name // what is below is not the zone's; nil: nothing
}

// A task is a signature to make.
type task struct {
	owner dns.Name
	set   dns.RRset
	s     *signer
	made  *dns.RRSIG
}

// NewPlan finds out what has to change in v.To so that it is signed by keys and
// fresh. Without published keys that is to take all signatures away.
func NewPlan(v Versions, keys []*Key, p Policy, now time.Time) (*Plan, error) {
	policy, err := p.complete()
	if err != nil {
		return nil, err
	}
	origin := v.To.Origin()
	roles, err := assign(keys, origin, &policy, now)
	if err != nil {
		return nil, err
	}
	plan := &Plan{to: v.To, from: v.From, origin: origin, policy: policy, now: now, roles: roles}
	had := func(t dns.Type) []dns.RR { return v.To.RRs(origin, t) }
	if plan.apex, err = roles.sets(origin, policy.KeyTTL, had); err != nil {
		return nil, err
	}
	plan.apex[dns.TypeNSEC3PARAM] = dns.RRset{}
	if len(roles.published) > 0 && policy.NSEC3 {
		plan.apex[dns.TypeNSEC3PARAM] = nsec3param
	}
	// "A ZONEMD record" would have the digest of the unsigned zone.
	plan.apex[dns.TypeZONEMD] = dns.RRset{}
	plan.chain.begin(plan)
	for n := range nodes(v.To) {
		if err := plan.visit(n); err != nil {
			return nil, err
		}
	}
	if err := plan.chain.end(); err != nil {
		return nil, err
	}
	return plan, plan.finishSOA()
}

// visit looks at a name.
func (p *Plan) visit(n *node) error {
	atApex := bytes.Equal(n.name, p.origin)
	if atApex {
		if err := p.replaceApex(n); err != nil {
			return err
		}
		p.soa = node{name: n.name, sets: []dns.RRset{n.sets[0]}, sigs: []dns.RRset{n.signatures(dns.TypeSOA)}}
	}
	if err := p.chain.had(n); err != nil {
		return err
	}
	if p.cut != nil && n.name.In(p.cut) {
		// Glue, or hidden by a DNAME: "MUST NOT be signed"
		// (https://www.rfc-editor.org/rfc/rfc4035#section-2.2).
		return p.dropAll(n)
	}
	p.cut = nil
	delegation := !atApex && n.has(dns.TypeNS)
	if delegation || n.has(dns.TypeDNAME) {
		p.cut = n.name
	}
	var types []dns.Type
	for _, set := range n.sets {
		if set.Type == dns.TypeNSEC || set.Type == dns.TypeNSEC3 {
			continue
		}
		signed := !delegation || set.Type == dns.TypeDS
		if signed || set.Type == dns.TypeNS {
			types = append(types, set.Type)
		}
		if atApex && set.Type == dns.TypeSOA {
			continue // at the end
		}
		if !signed {
			if err := p.drop(n.name, n.signatures(set.Type)); err != nil {
				return err
			}
		} else if err := p.sign(n.name, set, n.signatures(set.Type)); err != nil {
			return err
		}
	}
	if err := p.dropOrphans(n); err != nil {
		return err
	}
	if len(types) == 0 || len(p.roles.published) == 0 {
		return nil
	}
	return p.chain.add(n.name, types, delegation)
}

// replaceApex gives n the sets that it is to have.
func (p *Plan) replaceApex(n *node) error {
	sets := n.sets[:0:0]
	for _, set := range n.sets {
		if _, ours := p.apex[set.Type]; !ours {
			sets = append(sets, set)
		}
	}
	for _, t := range [...]dns.Type{dns.TypeDNSKEY, dns.TypeNSEC3PARAM, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeZONEMD} {
		old, _ := p.to.RRset(p.origin, t)
		set := p.apex[t]
		if err := p.replace(n.name, old, set); err != nil {
			return err
		}
		if len(set.Data) == 0 {
			continue
		}
		sets = append(sets, set)
	}
	n.sets = sets
	n.order()
	return nil
}

// replace has a set take the place of another.
func (p *Plan) replace(owner dns.Name, old, set dns.RRset) error {
	if old.TTL == set.TTL && bytes.Equal(old.Data, set.Data) {
		return nil
	}
	different := len(old.Data) == 0 || len(set.Data) == 0 || old.TTL != set.TTL
	gone, err := without(old, set, different).RRs(owner)
	if err != nil {
		return fmt.Errorf("dnssec: %w", err)
	}
	come, err := without(set, old, different).RRs(owner)
	if err != nil {
		return fmt.Errorf("dnssec: %w", err)
	}
	p.removed, p.added = append(p.removed, gone...), append(p.added, come...)
	return nil
}

// finishSOA signs the SOA record, which has a new serial number if anything has
// changed.
func (p *Plan) finishSOA() error {
	old, sigs := p.soa.sets[0], p.soa.sigs[0]
	who := p.roles.of(dns.TypeSOA)
	stale, missing := p.assess(p.origin, old, sigs, who)
	if len(p.removed)+len(p.added)+len(p.work)+len(stale)+len(missing) == 0 {
		return nil
	}
	set := old
	// An update has its own serial number already.
	if p.from == nil || int32(p.to.Serial()-p.from.Serial()) <= 0 {
		set.Data = bytes.Clone(old.Data)
		binary.BigEndian.PutUint32(set.Data[len(set.Data)-20:], p.policy.Serial.next(p.to.Serial(), p.now))
	}
	if err := p.replace(p.origin, old, set); err != nil {
		return err
	}
	return p.sign(p.origin, set, sigs)
}

// Len is how many signatures have to be made.
func (p *Plan) Len() int { return len(p.work) }

// Sign makes the signatures from the index from on, up to and without to. Pieces
// may be made by several goroutines at once, if they do not overlap.
func (p *Plan) Sign(from, to int) error {
	inception, expiration := uint32(0), uint32(0)
	for i := from; i < to; i++ {
		w := &p.work[i]
		inception, expiration = p.policy.span(w.owner, w.set.Type, p.now)
		s := signature{
			covered: w.set.Type, algorithm: w.s.Algorithm(), labels: ownerLabels(w.owner), originalTTL: w.set.TTL,
			inception: inception, expiration: expiration, tag: w.s.tag, signer: p.origin,
		}
		var err error
		if s.sum, err = w.s.sign(s.message(w.owner, w.set)); err != nil {
			return err
		}
		w.made = s.record(w.owner)
	}
	return nil
}

// Change is what makes the zone signed: for zone.Zone.Apply. All must be signed
// before. It is empty if nothing had to be done.
func (p *Plan) Change() (zone.Change, error) {
	c := zone.Change{Removed: p.removed, Added: p.added}
	for i := range p.work {
		if p.work[i].made == nil {
			return zone.Change{}, fmt.Errorf("dnssec: %d of %d signatures of %s are not made yet", len(p.work)-i, len(p.work), p.origin)
		}
		c.Added = append(c.Added, p.work[i].made)
	}
	return c, nil
}
