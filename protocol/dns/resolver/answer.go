package resolver

import (
	"bytes"
	"fmt"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
)

// An answer is what is known about one question, with sets of records as they are on the
// wire. Immutable but for what the store and the Cache note on it.
type answer struct {
	key           string
	rcode         dns.Rcode
	authenticated bool
	parts         []part
	since         time.Time // when it came
	expires       time.Time // from then on it is stale
	err           error     // in the place of all that: a failure

	// Owned by the Cache.
	failures int       // in a row
	retry    time.Time // stale, and not to be asked for before

	// Owned by the store.
	prev, next *answer
	often      bool
	bytes      int
}

// A part is one RRset of an answer, with its TTL as it came.
type part struct {
	section dns.Section
	proof   bool // only for who wants signatures
	owner   dns.Name
	set     dns.RRset
}

const (
	answerBytes = 320 // of an answer in memory, without what it holds
	partBytes   = 96
	// longTTL is what has the highest bit set, and then means 0: "treat TTL
	// values received with the most significant bit set as if the entire value
	// received was zero" (https://www.rfc-editor.org/rfc/rfc2181#section-8).
	longTTL = 1 << 31
)

// sift makes an answer of the message m, which came for q: of its records only
// those that answer q, or say that there are none. Whatever else came with
// them is left behind.
func sift(name dns.Name, t dns.Type, m *dns.Message) (*answer, error) {
	a := &answer{rcode: dns.Rcode(m.Rcode), authenticated: m.AuthenticatedData}
	rs := readRecords(m.Answer)
	n, found := name, false
	for step := 0; ; step++ {
		if t == dns.TypeANY {
			for _, s := range all(rs) {
				if bytes.Equal(s.name, n) {
					found = true
					if err := a.add(dns.Answer, s, false); err != nil {
						return nil, err
					}
				}
			}
			break
		}
		if s, ok := collect(rs, n, t); ok {
			found = true
			if d, ok := above(rs, n); ok && t == dns.TypeCNAME {
				if err := a.add(dns.Answer, d, false); err != nil {
					return nil, err
				}
			}
			if err := a.add(dns.Answer, s, false); err != nil {
				return nil, err
			}
			break
		}
		alias, ok := collect(rs, n, dns.TypeCNAME)
		if !ok || step == maxAliases {
			break
		}
		if d, ok := above(rs, n); ok {
			if err := a.add(dns.Answer, d, false); err != nil {
				return nil, err
			}
		}
		if err := a.add(dns.Answer, alias, false); err != nil {
			return nil, err
		}
		if n = alias.target(); n == nil {
			return nil, fmt.Errorf("resolver: %s: an alias that leads nowhere", name)
		}
	}
	for _, s := range all(readRecords(m.Ns)) {
		keep := s.rtype == dns.TypeNSEC || s.rtype == dns.TypeNSEC3
		if !found && s.rtype == dns.TypeSOA && n.In(s.name) {
			keep = true
		}
		if !keep || !n.In(s.name) && s.rtype == dns.TypeSOA {
			continue
		}
		if err := a.add(dns.Authority, s, s.rtype != dns.TypeSOA && s.rtype != t); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// above is the DNAME of rs from which the alias of n follows.
func above(rs []record, n dns.Name) (rrset, bool) {
	for _, r := range rs {
		if r.rtype == dns.TypeDNAME && len(n) > len(r.name) && n.In(r.name) {
			return collect(rs, r.name, dns.TypeDNAME)
		}
	}
	return rrset{}, false
}

// add packs a set, and the signatures over it.
func (a *answer) add(section dns.Section, s rrset, proof bool) error {
	if len(s.rrs) > maxSetRecords || len(s.sigs) > maxSetRecords {
		return fmt.Errorf("resolver: %s %s: over %d records: want fewer", s.name, s.rtype, maxSetRecords)
	}
	set, err := dns.PackRRset(s.rrs)
	if err != nil {
		return err
	}
	if _, err := set.RRs(s.name); err != nil { // data that are too short, for one
		return err
	}
	if set.TTL >= longTTL {
		set.TTL = 0
	}
	a.parts = append(a.parts, part{section: section, proof: proof, owner: s.name, set: set})
	if len(s.sigs) == 0 {
		return nil
	}
	sigs := make([]dns.RR, len(s.sigs))
	for i, sig := range s.sigs {
		sigs[i] = sig
	}
	signed, err := dns.PackRRset(sigs)
	if err != nil {
		return err
	}
	if _, err := signed.RRs(s.name); err != nil {
		return err
	}
	signed.TTL = set.TTL
	a.parts = append(a.parts, part{section: section, proof: true, owner: s.name, set: signed})
	return nil
}

// positive reports whether a has records of the type that was asked for, t.
func (a *answer) positive(t dns.Type) bool {
	if a.err != nil || a.rcode != dns.RcodeSuccess {
		return false
	}
	for i := range a.parts {
		if p := &a.parts[i]; p.section == dns.Answer && (p.set.Type == t || t == dns.TypeANY) {
			return true
		}
	}
	return false
}

// lifetime is how long a may be kept, within limits. 0: not at all.
//
// See https://www.rfc-editor.org/rfc/rfc2308#section-5.
func (a *answer) lifetime(t dns.Type, positive, negative time.Duration) time.Duration {
	ttl, found := uint32(longTTL), a.positive(t)
	soa := false
	for i := range a.parts {
		p := &a.parts[i]
		ttl = min(ttl, p.set.TTL)
		if p.section == dns.Authority && p.set.Type == dns.TypeSOA {
			soa = true
			ttl = min(ttl, minimum(p.set))
		}
	}
	switch {
	case found:
		return min(time.Duration(ttl)*time.Second, positive)
	case !soa: // "negative responses without SOA records SHOULD NOT be cached"
		return 0
	}
	return min(time.Duration(ttl)*time.Second, negative)
}

// minimum is the last field of a SOA record: for how long what is not there is
// known not to be.
func minimum(soa dns.RRset) uint32 {
	d := soa.Data
	if len(d) < 4 {
		return 0
	}
	d = d[len(d)-4:]
	return uint32(d[0])<<24 | uint32(d[1])<<16 | uint32(d[2])<<8 | uint32(d[3])
}

// measure notes how many bytes a takes in memory, about.
func (a *answer) measure() {
	a.bytes = answerBytes + 2*len(a.key)
	for i := range a.parts {
		a.bytes += partBytes + len(a.parts[i].owner) + cap(a.parts[i].set.Data)
	}
}

// stale reports whether a was kept until it expired.
func (a *answer) stale(now time.Time) bool {
	return !now.Before(a.expires) && a.expires.After(a.since)
}

// elapsed is how old a is, in seconds; negative: it is stale.
func (a *answer) elapsed(now time.Time) int64 {
	if a.stale(now) {
		return -1
	}
	return int64(now.Sub(a.since) / time.Second)
}

// remains is the TTL that is left of ttl after so many seconds.
func remains(ttl uint32, elapsed int64) uint32 {
	if elapsed < 0 {
		return staleTTL
	}
	return uint32(max(0, int64(ttl)-elapsed))
}

// write makes w what a says, with the signatures and proofs or without.
func (a *answer) write(w *dns.ResponseWriter, now time.Time, proofs bool) {
	elapsed := a.elapsed(now)
	w.SetRcode(a.rcode)
	w.SetAuthenticated(a.authenticated)
	for i := range a.parts {
		p := &a.parts[i]
		if p.proof && !proofs {
			continue
		}
		set := p.set
		set.TTL = remains(set.TTL, elapsed)
		if !w.AddRRset(p.section, p.owner, set) {
			return
		}
	}
}

// message is what a says, for a dns.Resolver.
func (a *answer) message(q dns.Question, now time.Time, proofs bool) (*dns.Message, error) {
	elapsed := a.elapsed(now)
	m := new(dns.Message)
	m.Response, m.RecursionAvailable = true, true
	m.Question = []dns.Question{q}
	m.Rcode, m.AuthenticatedData = int(a.rcode), a.authenticated
	for i := range a.parts {
		p := &a.parts[i]
		if p.proof && !proofs {
			continue
		}
		set := p.set
		set.TTL = remains(set.TTL, elapsed)
		rrs, err := set.RRs(p.owner)
		if err != nil {
			return nil, err
		}
		if p.section == dns.Answer {
			m.Answer = append(m.Answer, rrs...)
		} else {
			m.Ns = append(m.Ns, rrs...)
		}
	}
	return m, nil
}
