package dnssec

import (
	"bytes"
	"strings"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
)

// maxTried is how many keys and signatures of one set are looked at.
const maxTried = 100

// Verified is what a signature says of a set.
type Verified struct {
	// Signer is the zone that signed it.
	Signer dns.Name
	// Wildcard is the name whose records stand for the set's, such as
	// *.example; nil: the set's own. It has to be proved then that there
	// is nothing nearer: see Denial.Wildcard.
	Wildcard dns.Name
	// TTL is how long the set may be kept, in seconds: at most as long as it
	// was when it was signed, and as its signature is valid.
	TTL uint32
}

// VerifyRRset checks that one of sigs is valid at now, and was made over set by
// one of keys: the DNSKEY records of a zone, which the caller believes. set is
// all records of one name and type, with class IN. Records below a zone cut are
// not the zone's to sign: that set is not such a one is for the caller to know.
//
// It fails with a *BogusError, with ErrInsecure if keys are of unsupported
// algorithms only, or with ErrBudget.
//
// See https://www.rfc-editor.org/rfc/rfc4035#section-5.3.
func VerifyRRset(set []dns.RR, sigs []*dns.RRSIG, keys []*dns.DNSKEY, now time.Time, b *Budget) (Verified, error) {
	owner, packed, err := pack(set)
	if err != nil {
		return Verified{}, err
	}
	c := check{owner: owner, set: packed, now: now, budget: b}
	if err := c.takeKeys(keys); err != nil {
		return Verified{}, err
	}
	worst := bogus(CodeSignatureMissing, "%s %s: no signature", owner, packed.Type)
	for _, rr := range sigs[:min(len(sigs), maxTried)] {
		v, err := c.try(rr)
		if err == nil {
			return v, nil
		}
		if err == ErrBudget {
			return Verified{}, err
		}
		worst = err
	}
	return Verified{}, worst
}

// pack turns records of one name and type into a set.
func pack(set []dns.RR) (dns.Name, dns.RRset, error) {
	if len(set) == 0 {
		return nil, dns.RRset{}, bogus(CodeBogus, "no records")
	}
	h := set[0].Header()
	for _, rr := range set {
		if x := rr.Header(); x.Rrtype != h.Rrtype || x.Class != dns.ClassIN || !strings.EqualFold(x.Name, h.Name) {
			return nil, dns.RRset{}, bogus(CodeBogus, "%.200s beside %.200s: want records of one name and type, of class IN", x, h)
		}
	}
	owner, err := dns.ParseName(h.Name)
	if err != nil {
		return nil, dns.RRset{}, bogus(CodeBogus, "%v", err)
	}
	packed, err := dns.PackRRset(set)
	if err != nil {
		return nil, dns.RRset{}, bogus(CodeBogus, "%v", err)
	}
	return owner, packed, nil
}

// A check is of one set.
type check struct {
	owner  dns.Name
	set    dns.RRset
	keys   []verifier
	zone   dns.Name // whose keys are
	now    time.Time
	budget *Budget
}

// takeKeys keeps the keys that may sign.
func (c *check) takeKeys(keys []*dns.DNSKEY) error {
	unsupported := false
	for _, k := range keys[:min(len(keys), maxTried)] {
		name, err := dns.ParseName(k.Hdr.Name)
		if err != nil || c.zone != nil && !bytes.Equal(name, c.zone) {
			continue
		}
		c.zone = name
		// "bit 7 of the Flags field ... has value 0, then the DNSKEY record ...
		// MUST NOT be used to verify RRSIGs"
		// (https://www.rfc-editor.org/rfc/rfc4034#section-2.1.1); "The Protocol
		// Field MUST have value 3"; and a revoked one may sign but its own set
		// (https://www.rfc-editor.org/rfc/rfc5011#section-2.1).
		if k.Flags&FlagZone == 0 || k.Protocol != 3 || k.Flags&FlagRevoke != 0 {
			continue
		}
		if !Algorithm(k.Algorithm).Supported() {
			unsupported = true
			continue
		}
		c.keys = append(c.keys, verifier{rr: k, tag: KeyTag(k)})
	}
	switch {
	case len(c.keys) > 0:
		return nil
	case unsupported:
		return ErrInsecure
	case len(keys) > 0:
		return bogus(CodeNoZoneKey, "%s %s: no key that may sign zones", c.owner, c.set.Type)
	}
	return bogus(CodeKeyMissing, "%s %s: no keys", c.owner, c.set.Type)
}

// try checks one signature with each key that may have made it.
func (c *check) try(rr *dns.RRSIG) (Verified, error) {
	s, err := signatureOf(rr)
	if err != nil {
		return Verified{}, bogus(CodeBogus, "%s %s: a signature that cannot be read: %v", c.owner, c.set.Type, err)
	}
	if err := c.fits(rr, s); err != nil {
		return Verified{}, err
	}
	v := Verified{Signer: s.signer}
	owner := c.owner
	if s.labels < ownerLabels(owner) {
		v.Wildcard = wildcardOf(suffix(owner, s.labels))
		owner = v.Wildcard
	}
	message := []byte(nil)
	for i := range c.keys {
		k := &c.keys[i]
		if k.tag != s.tag || Algorithm(k.rr.Algorithm) != s.algorithm {
			continue
		}
		public, err := k.key()
		if err != nil {
			continue // a key that cannot be read signs nothing
		}
		if !c.budget.signature() {
			return Verified{}, ErrBudget
		}
		if message == nil {
			message = s.message(owner, c.set)
		}
		if verifies(s.algorithm, public, message, s.sum) {
			// https://www.rfc-editor.org/rfc/rfc4035#section-5.3.3
			v.TTL = min(c.set.TTL, rr.Hdr.Ttl, s.originalTTL, uint32(s.left(c.now)/time.Second))
			return v, nil
		}
		c.budget.failures++
	}
	if message == nil {
		return Verified{}, bogus(CodeKeyMissing, "%s %s: signed by key %d of algorithm %s, which is not there", c.owner, c.set.Type, s.tag, s.algorithm)
	}
	return Verified{}, bogus(CodeBogus, "%s %s: the signature by key %d is wrong", c.owner, c.set.Type, s.tag)
}

// fits checks what a signature says before anything is computed.
//
// See https://www.rfc-editor.org/rfc/rfc4035#section-5.3.1.
func (c *check) fits(rr *dns.RRSIG, s signature) error {
	wrong := func(code uint16, format string, args ...any) error {
		return bogus(code, "%s %s: "+format, append([]any{c.owner, c.set.Type}, args...)...)
	}
	name, err := dns.ParseName(rr.Hdr.Name)
	labels := ownerLabels(c.owner)
	switch {
	case err != nil || !bytes.Equal(name, c.owner) || rr.Hdr.Class != dns.ClassIN:
		return wrong(CodeSignatureMissing, "a signature of %s", rr.Hdr.Name)
	case s.covered != c.set.Type:
		return wrong(CodeSignatureMissing, "a signature of type %s", s.covered)
	case !bytes.Equal(s.signer, c.zone) || !c.owner.In(s.signer):
		return wrong(CodeBogus, "signed by %s: want %s", s.signer, c.zone)
	case s.labels > labels:
		return wrong(CodeBogus, "signed with %d labels: want up to %d", s.labels, labels)
	case s.labels < s.signer.Labels():
		return wrong(CodeBogus, "signed with %d labels, fewer than the zone's", s.labels)
	case c.set.Type == dns.TypeDNSKEY && !bytes.Equal(c.owner, s.signer):
		return wrong(CodeBogus, "keys signed by %s", s.signer)
	case c.set.Type == dns.TypeDS && bytes.Equal(c.owner, s.signer) && !c.owner.IsRoot():
		// The parent's to say.
		return wrong(CodeBogus, "signed by the zone itself")
	case s.labels < labels && (c.set.Type == dns.TypeNSEC || c.set.Type == dns.TypeNSEC3):
		// What a wildcard's own proof says is not true of the names that it stands for.
		return wrong(CodeBogus, "a proof made from a wildcard")
	case !s.algorithm.Supported():
		return wrong(CodeBogus, "signed with algorithm %s", s.algorithm)
	case int32(s.expiration-s.inception) < 0:
		return wrong(CodeBogus, "signed for a time that ends before it begins")
	case s.left(c.now) < 0:
		return wrong(CodeSignatureExpired, "the signature expired %s ago", -s.left(c.now))
	case s.since(c.now) < 0:
		return wrong(CodeSignatureTooEarly, "the signature begins in %s", -s.since(c.now))
	}
	return nil
}
