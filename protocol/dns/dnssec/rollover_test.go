package dnssec

import (
	"slices"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// timed is k with other times.
func timed(k *Key, tm Timing) *Key {
	c := *k
	c.Timing = tm
	return &c
}

// published are the tags of the DNSKEY set.
func published(z *zone.Zone) (out []uint16) {
	for _, k := range keysOf(z) {
		out = append(out, KeyTag(k))
	}
	slices.Sort(out)
	return out
}

// A resolver that has an old DNSKEY set, or old signatures, for up to maxAge, can
// still verify: the property that rollovers are about.
const maxAge = 24 * time.Hour

// A past is the versions of a zone, as resolvers may remember them.
type past []struct {
	at time.Time
	z  *zone.Zone
}

// check verifies the sets of the newest version with the keys of all those of maxAge
// before, and theirs with the newest keys.
func (p past) check(t *testing.T) {
	t.Helper()
	last := p[len(p)-1]
	for _, old := range p {
		if last.at.Sub(old.at) > maxAge {
			continue
		}
		for name, set := range last.z.All() {
			if set.Type == dns.TypeRRSIG || set.Type == dns.TypeDNSKEY {
				continue
			}
			for _, pair := range []struct{ sets, keys *zone.Zone }{{last.z, old.z}, {old.z, last.z}} {
				s := signedSet{set: pair.sets.RRs(name, set.Type), keys: keysOf(pair.keys), now: last.at}
				for _, rr := range pair.sets.RRs(name, dns.TypeRRSIG) {
					s.sigs = append(s.sigs, rr.(*dns.RRSIG))
				}
				if len(s.set) == 0 {
					continue
				}
				if _, err := s.verify(); err != nil {
					t.Fatalf("%s: %s %s, one of them remembered since %s: %v", last.at, name, set.Type, old.at, err)
				}
			}
		}
	}
}

// small zones roll quicker.
const rolling = "@ 3600 SOA ns.else. m.else. 1 2 3 4 600\n@ 3600 NS ns.else.\na 3600 A 192.0.2.1\nb 3600 A 192.0.2.2\n"

// run signs the zone each time it is due, from now until then, and checks at each step.
func run(t *testing.T, keys []*Key, until time.Time) past {
	t.Helper()
	z := readZone(t, rolling, "roll.example")
	var p past
	for at := now; at.Before(until); {
		z = sign(t, z, keys, Policy{}, at)
		p = append(p, struct {
			at time.Time
			z  *zone.Zone
		}{at, z})
		p.check(t)
		due := Due(z, keys, Policy{}, at)
		if !due.After(at) {
			t.Fatalf("due at %s, at %s", due, at)
		}
		at = due
	}
	return p
}

// at is the version of a time.
func (p past) at(at time.Time) (z *zone.Zone) {
	for _, v := range p {
		if !v.at.After(at) {
			z = v.z
		}
	}
	return z
}

// TestUC22_ZSKRollover: pre-publication (RFC 6781 section 4.1.1.1): at each moment
// what resolvers remember verifies, the new key signs after it was published for
// a while, and the old one goes when nothing signed by it is left.
func TestUC22_ZSKRollover(t *testing.T) {
	origin := dns.MustParseName("roll.example")
	ksk := newKey(t, KeyOptions{Zone: origin, Algorithm: ED25519, KSK: true}, 1)
	old := timed(newKey(t, KeyOptions{Zone: origin, Algorithm: ED25519}, 2), Timing{Inactive: now.Add(10 * day), Delete: now.Add(30 * day)})
	next := timed(newKey(t, KeyOptions{Zone: origin, Algorithm: ED25519}, 3), Timing{Publish: now.Add(8 * day), Activate: now.Add(10 * day)})
	p := run(t, []*Key{ksk, old, next}, now.Add(60*day))
	for _, tc := range []struct {
		days      int
		published []uint16
		signed    []uint16 // a's address
	}{
		{1, sorted(ksk.Tag(), old.Tag()), sorted(old.Tag())},
		{9, sorted(ksk.Tag(), old.Tag(), next.Tag()), nil},
		{27, sorted(ksk.Tag(), old.Tag(), next.Tag()), sorted(next.Tag())},
		{31, sorted(ksk.Tag(), next.Tag()), sorted(next.Tag())},
	} {
		z := p.at(now.Add(time.Duration(tc.days) * day))
		if got := published(z); !slices.Equal(got, tc.published) {
			t.Errorf("day %d: published %v, want %v", tc.days, got, tc.published)
		}
		if got := tags(z, "a.roll.example", dns.TypeA); tc.signed != nil && !slices.Equal(got, tc.signed) {
			t.Errorf("day %d: signed by %v, want %v", tc.days, got, tc.signed)
		}
	}
	// The control: a key that goes together with its signatures is seen.
	hasty := []*Key{ksk, timed(old, Timing{Delete: now.Add(10 * day)}), timed(next, Timing{Publish: now.Add(10 * day)})}
	z := sign(t, readZone(t, rolling, "roll.example"), hasty, Policy{}, now)
	after := sign(t, z, hasty, Policy{}, now.Add(10*day))
	s := take(t, z, "a.roll.example", dns.TypeA)
	s.keys, s.now = keysOf(after), now.Add(10*day)
	if _, err := s.verify(); err == nil {
		t.Error("a hasty rollover is not seen by what is tested above")
	}
}

// TestUC22_KSKRollover: both keys sign the DNSKEY set while the parent's DS
// records change (RFC 6781 section 4.1.2), and CDS and CDNSKEY records say which
// it should have.
func TestUC22_KSKRollover(t *testing.T) {
	origin := dns.MustParseName("roll.example")
	zsk := newKey(t, KeyOptions{Zone: origin, Algorithm: ED25519}, 1)
	old := timed(newKey(t, KeyOptions{Zone: origin, Algorithm: ED25519, KSK: true}, 2),
		Timing{SyncPublish: now, SyncDelete: now.Add(12 * day), Inactive: now.Add(20 * day), Delete: now.Add(20 * day)})
	next := timed(newKey(t, KeyOptions{Zone: origin, Algorithm: ED25519, KSK: true}, 3),
		Timing{Publish: now.Add(10 * day), Activate: now.Add(10 * day), SyncPublish: now.Add(12 * day)})
	p := run(t, []*Key{zsk, old, next}, now.Add(40*day))
	for _, tc := range []struct {
		days   int
		signed []uint16
		cds    uint16
	}{
		{1, sorted(old.Tag()), old.Tag()},
		{11, sorted(old.Tag(), next.Tag()), old.Tag()},
		{13, sorted(old.Tag(), next.Tag()), next.Tag()},
		{21, sorted(next.Tag()), next.Tag()},
	} {
		z := p.at(now.Add(time.Duration(tc.days) * day))
		for _, rtype := range []uint16{dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY} {
			if got := tags(z, "roll.example", rtype); !slices.Equal(got, tc.signed) {
				t.Errorf("day %d: %s signed by %v, want %v", tc.days, dns.Type(rtype), got, tc.signed)
			}
		}
		cds := z.RRs(origin, dns.TypeCDS)
		if len(cds) != 1 || cds[0].(*dns.CDS).KeyTag != tc.cds || cds[0].(*dns.CDS).DigestType != DigestSHA256 {
			t.Errorf("day %d: CDS %v, want one of key %d", tc.days, cds, tc.cds)
		}
		if keys := z.RRs(origin, dns.TypeCDNSKEY); len(keys) != 1 || KeyTag(&keys[0].(*dns.CDNSKEY).DNSKEY) != tc.cds {
			t.Errorf("day %d: CDNSKEY %v, want key %d", tc.days, keys, tc.cds)
		}
	}
}

// TestUC22_AlgorithmRollover: the new algorithm's signatures come before its keys, and
// go after them (RFC 6781 section 4.1.4), so that a set is signed with each
// algorithm that a remembered DNSKEY set has.
func TestUC22_AlgorithmRollover(t *testing.T) {
	origin := dns.MustParseName("roll.example")
	old := timed(newKey(t, KeyOptions{Zone: origin, Algorithm: ED25519, KSK: true}, 1), Timing{Delete: now.Add(20 * day), Inactive: now.Add(22 * day)})
	next := timed(newKey(t, KeyOptions{Zone: origin, KSK: true}, 2), Timing{Activate: now.Add(5 * day), Publish: now.Add(7 * day)})
	p := run(t, []*Key{old, next}, now.Add(40*day))
	for _, tc := range []struct {
		days      int
		published []uint16
		signed    []uint16
	}{
		{1, sorted(old.Tag()), sorted(old.Tag())},
		{6, sorted(old.Tag()), sorted(old.Tag(), next.Tag())},
		{8, sorted(old.Tag(), next.Tag()), sorted(old.Tag(), next.Tag())},
		{23, sorted(next.Tag()), sorted(next.Tag())},
	} {
		z := p.at(now.Add(time.Duration(tc.days) * day))
		if got := published(z); !slices.Equal(got, tc.published) {
			t.Errorf("day %d: published %v, want %v", tc.days, got, tc.published)
		}
		if got := tags(z, "a.roll.example", dns.TypeA); !slices.Equal(got, tc.signed) {
			t.Errorf("day %d: signed by %v, want %v", tc.days, got, tc.signed)
		}
	}
	// Two algorithms for good: each signs everything.
	both := sign(t, readZone(t, rolling, "roll.example"), []*Key{timed(old, Timing{}), timed(next, Timing{})}, Policy{}, now)
	for _, rtype := range []uint16{dns.TypeSOA, dns.TypeDNSKEY, dns.TypeNSEC} {
		if got := tags(both, "roll.example", rtype); !slices.Equal(got, sorted(old.Tag(), next.Tag())) {
			t.Errorf("%s is signed by %v", dns.Type(rtype), got)
		}
	}
}

// TestUC22_Roles: who signs what, with keys of one kind, of both, and when the
// times of all have passed but nobody made new ones.
func TestUC22_Roles(t *testing.T) {
	origin := dns.MustParseName("roll.example")
	ksk := newKey(t, KeyOptions{Zone: origin, Algorithm: ED25519, KSK: true}, 1)
	zsk := newKey(t, KeyOptions{Zone: origin, Algorithm: ED25519}, 2)
	gone := Timing{Inactive: now.Add(-day)}
	for _, tc := range []struct {
		name       string
		keys       []*Key
		dnskey, ns []uint16
	}{
		{"both", []*Key{ksk, zsk}, sorted(ksk.Tag()), sorted(zsk.Tag())},
		{"one for everything", []*Key{ksk}, sorted(ksk.Tag()), sorted(ksk.Tag())},
		{"without FlagSEP", []*Key{zsk}, sorted(zsk.Tag()), sorted(zsk.Tag())},
		{"one inactive", []*Key{ksk, timed(zsk, gone)}, sorted(ksk.Tag()), sorted(ksk.Tag())},
		{"both inactive", []*Key{timed(ksk, gone), timed(zsk, gone)}, sorted(ksk.Tag()), sorted(zsk.Tag())},
		{"not active yet", []*Key{timed(ksk, Timing{Activate: now.Add(day)}), timed(zsk, Timing{Activate: now.Add(day)})}, sorted(ksk.Tag()), sorted(zsk.Tag())},
	} {
		z := sign(t, readZone(t, rolling, "roll.example"), tc.keys, Policy{}, now)
		if a, b := tags(z, "roll.example", dns.TypeDNSKEY), tags(z, "roll.example", dns.TypeNS); !slices.Equal(a, tc.dnskey) || !slices.Equal(b, tc.ns) {
			t.Errorf("%s: DNSKEY signed by %v, NS by %v, want %v and %v", tc.name, a, b, tc.dnskey, tc.ns)
		}
	}
	unsigned := sign(t, readZone(t, rolling, "roll.example"), []*Key{timed(ksk, Timing{Publish: now.Add(day)})}, Policy{}, now)
	if unsigned.Signed() || len(keysOf(unsigned)) != 0 {
		t.Error("signed with a key that is not published")
	}
}
