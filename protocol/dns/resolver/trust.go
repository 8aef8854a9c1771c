package resolver

import (
	"bytes"
	"errors"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnssec"
)

// walk finds the zone that name is in, from the anchor above it down: the
// closest one that is signed, or that it is in none. For each name on the way
// the zone above is asked whether it is a zone of its own, and for its key.
func (c *validation) walk(name dns.Name) (*trust, error) {
	if c.unchecked(name) {
		return &trust{zone: name, insecure: true}, nil
	}
	t, err := c.anchored(name)
	if err != nil || t.insecure {
		return t, err
	}
	total := name.Labels()
	for cuts, labels := 0, t.zone.Labels()+1; labels <= total; labels++ {
		if cuts++; cuts > maxCuts {
			return nil, bogus(CodeIndeterminate, "%s: more than %d names down from a key that is trusted", name, maxCuts)
		}
		below, err := c.cut(t, suffix(name, labels))
		if err != nil {
			return nil, err
		}
		if below.insecure {
			return below, nil
		}
		t = below
	}
	return t, nil
}

// unchecked reports whether somebody said that nothing is to be checked of name.
func (v *Validator) unchecked(name dns.Name) bool {
	for _, n := range v.Unchecked {
		if name.In(n) {
			return true
		}
	}
	return false
}

// anchored is the closest zone at or above name that is trusted from the
// beginning. Without one, name is taken for unsigned.
func (c *validation) anchored(name dns.Name) (*trust, error) {
	var anchor dns.Name
	var ds []*dns.DS
	for _, a := range c.Anchors {
		n, err := dns.ParseName(a.Hdr.Name)
		if err != nil || !name.In(n) || anchor != nil && len(n) < len(anchor) {
			continue
		}
		if !bytes.Equal(n, anchor) {
			anchor, ds = n, nil
		}
		ds = append(ds, a)
	}
	if anchor == nil {
		return &trust{zone: name, insecure: true}, nil
	}
	return c.recall(anchor, func() (*trust, error) { return c.keys(anchor, ds, maxTrust) })
}

// recall is what is known of a name, found out by find if it is not.
func (c *validation) recall(name dns.Name, find func() (*trust, error)) (*trust, error) {
	now := c.Loop.Now()
	if t, ok := c.zones.get(string(name)); ok && now.Before(t.expires) {
		return t, t.err
	}
	t, err := find()
	if err != nil {
		if final(err) {
			c.zones.put(string(name), &trust{err: err, expires: c.Loop.Now().Add(brokenTime)})
		}
		return nil, err
	}
	c.zones.put(string(name), t)
	return t, nil
}

// final reports whether err is a verdict about a zone, and not only that nobody
// answered, or this question had its share of work.
func final(err error) bool {
	_, ok := errors.AsType[*dnssec.BogusError](err)
	return ok
}

// cut finds out what a name directly below those of zone t is: a signed zone,
// an unsigned one, or no zone but a name of t's.
func (c *validation) cut(t *trust, name dns.Name) (*trust, error) {
	if c.unchecked(name) {
		return &trust{zone: name, insecure: true}, nil
	}
	return c.recall(name, func() (*trust, error) {
		m, err := c.ask(question(name, dns.TypeDS))
		if err != nil {
			return nil, err
		}
		rs := readRecords(m.Answer)
		now := c.Loop.Now()
		if s, ok := collect(rs, name, dns.TypeDS); ok {
			v, err := c.signed(t, s)
			if err != nil {
				return nil, err
			}
			var ds []*dns.DS
			for _, rr := range s.rrs {
				if d, ok := rr.(*dns.DS); ok {
					ds = append(ds, d)
				}
			}
			return c.keys(name, ds, time.Duration(v.TTL)*time.Second)
		}
		if s, ok := collect(rs, name, dns.TypeCNAME); ok { // no zone begins at an alias
			v, err := c.signed(t, s)
			if err != nil {
				return nil, err
			}
			return t.until(now, v.TTL), nil
		}
		unsigned, ttl, err := c.undelegated(t, name, m)
		if err != nil {
			return nil, err
		}
		if unsigned {
			return (&trust{zone: name, insecure: true, expires: now.Add(maxTrust)}).until(now, ttl), nil
		}
		return t.until(now, ttl), nil
	})
}

// until is t for ttl seconds, or as long as t itself is known.
func (t *trust) until(now time.Time, ttl uint32) *trust {
	c := *t
	if e := now.Add(time.Duration(ttl) * time.Second); e.Before(c.expires) {
		c.expires = e
	}
	return &c
}

// signed checks a set of t's own, which must be signed by it.
func (c *validation) signed(t *trust, s rrset) (dnssec.Verified, error) {
	if len(s.sigs) == 0 {
		return dnssec.Verified{}, bogus(CodeSignaturesMissing, "%s %s: no signature, in the signed zone %s", s.name, s.rtype, t.zone)
	}
	v, err := dnssec.VerifyRRset(s.rrs, s.sigs, t.keys, c.Loop.Now(), &c.work)
	if err == nil && v.Wildcard != nil && s.rtype == dns.TypeDS {
		return v, bogus(CodeBogus, "%s DS: made from a wildcard", s.name)
	}
	return v, err
}

// keys are those of a zone that the DS records above it, which are believed,
// lead to.
//
// See https://www.rfc-editor.org/rfc/rfc4035#section-5.2.
func (c *validation) keys(name dns.Name, ds []*dns.DS, life time.Duration) (*trust, error) {
	m, err := c.ask(question(name, dns.TypeDNSKEY))
	if err != nil {
		return nil, err
	}
	now := c.Loop.Now()
	t := &trust{zone: name}
	s, _ := collect(readRecords(m.Answer), name, dns.TypeDNSKEY)
	var keys []*dns.DNSKEY
	for _, rr := range s.rrs {
		if k, ok := rr.(*dns.DNSKEY); ok {
			keys = append(keys, k)
		}
	}
	entries, err := dnssec.MatchDS(ds, keys, &c.work)
	if errors.Is(err, dnssec.ErrInsecure) {
		t.insecure, t.expires = true, now.Add(min(life, maxTrust))
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	v, err := dnssec.VerifyRRset(s.rrs, s.sigs, entries, now, &c.work)
	if err != nil {
		return nil, err
	}
	t.keys = keys
	t.expires = now.Add(min(life, time.Duration(v.TTL)*time.Second, maxTrust))
	return t, nil
}

func question(name dns.Name, t dns.Type) dns.Question {
	return dns.Question{Name: name.String(), Qtype: uint16(t), Qclass: dns.ClassIN}
}
