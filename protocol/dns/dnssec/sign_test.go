package dnssec

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

const day = 24 * time.Hour

// change is what Sign would do.
func change(t testing.TB, z *zone.Zone, keys []*Key, p Policy, now time.Time) zone.Change {
	t.Helper()
	c, err := Sign(z, keys, p, now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// count counts records of a type.
func count(rrs []dns.RR, rtype uint16) (n int) {
	for _, rr := range rrs {
		if rr.Header().Rrtype == rtype {
			n++
		}
	}
	return n
}

// records are all of z as text, in order.
func records(t testing.TB, z *zone.Zone) (lines []string) {
	t.Helper()
	for name, set := range z.All() {
		rrs, err := set.RRs(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, rr := range rrs {
			lines = append(lines, fmt.Sprintf("%s %d %s %s", name, set.TTL, set.Type, dns.DataText(rr)))
		}
	}
	slices.Sort(lines)
	return lines
}

// tags are the keys that signed a set.
func tags(z *zone.Zone, name string, rtype uint16) (out []uint16) {
	for _, rr := range z.RRs(dns.MustParseName(name), dns.TypeRRSIG) {
		if sig := rr.(*dns.RRSIG); sig.TypeCovered == rtype {
			out = append(out, sig.KeyTag)
		}
	}
	slices.Sort(out)
	return out
}

func sorted(tags ...uint16) []uint16 { slices.Sort(tags); return tags }

// TestUC22_SigningIsIncremental: what is signed and fresh stays; a changed set
// is signed anew, with the proofs beside it, and nothing else; whether the version
// before is given or not, the result is the same.
func TestUC22_SigningIsIncremental(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			keys := pair(t, "hard.example", ED25519)
			z := sign(t, readZone(t, hard, "hard.example"), keys, v.policy, now)
			if !z.Signed() || z.Serial() != 8 {
				t.Fatalf("signed %v, serial %d, want true, 8", z.Signed(), z.Serial())
			}
			if c := change(t, z, keys, v.policy, now.Add(time.Hour)); len(c.Added)+len(c.Removed) != 0 {
				t.Fatalf("a signed zone: added %v, removed %v, want nothing", c.Added, c.Removed)
			}
			parse := func(s string) dns.RR {
				rr, err := dns.ParseRR(s)
				if err != nil {
					t.Fatal(err)
				}
				return rr
			}
			for _, step := range []struct {
				name       string
				c          zone.Change
				signatures int // with NSEC; less does not depend on it
			}{
				{"another address", zone.Change{Added: []dns.RR{parse("mail.hard.example. 3600 IN A 192.0.2.77")}}, 2},                     // A, SOA
				{"a new name", zone.Change{Added: []dns.RR{parse("new.name.hard.example. 3600 IN A 192.0.2.77")}}, 4},                      // A, 2 NSEC, SOA
				{"a name less", zone.Change{Removed: []dns.RR{parse("unknown.hard.example. 3600 IN TYPE65280 \\# 4 deadbeef")}}, 2},        // NSEC, SOA
				{"a type more", zone.Change{Added: []dns.RR{parse(`mail.hard.example. 3600 IN HINFO "a" "b"`)}}, 3},                        // HINFO, NSEC, SOA
				{"another TTL", zone.Change{Added: []dns.RR{parse("alias.hard.example. 60 IN CNAME mail.hard.example.")}}, 2},              // CNAME, SOA
				{"a cut above names", zone.Change{Added: []dns.RR{parse("ent.hard.example. 3600 IN NS elsewhere.example.")}}, 3},           // two NSEC, SOA; what is below loses its own
				{"a delegation that is secure now", zone.Change{Added: []dns.RR{parse("insecure.hard.example. 3600 IN DS 1 13 2 00")}}, 3}, // DS, NSEC, SOA
			} {
				changed, err := z.Apply(step.c)
				if err != nil {
					t.Fatal(err)
				}
				full := change(t, changed, keys, v.policy, now)
				quick, err := Resign(Versions{From: z, To: changed}, keys, v.policy, now)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := fmt.Sprint(quick), fmt.Sprint(full); got != want {
					t.Errorf("%s: with the version before: %s, without: %s", step.name, got, want)
				}
				if n := count(full.Added, dns.TypeRRSIG); v.name == "NSEC" && n != step.signatures {
					t.Errorf("%s: %d signatures made, want %d: %v", step.name, n, step.signatures, full.Added)
				}
				next, err := changed.Apply(full)
				if err != nil {
					t.Fatal(err)
				}
				verifyAll(t, next, now)
				// As if the zone had been signed so from the beginning.
				bare, err := next.Apply(change(t, next, nil, Policy{}, now))
				if err != nil {
					t.Fatal(err)
				}
				fresh := sign(t, bare, keys, v.policy, now)
				got, want := withoutSOA(records(t, next)), withoutSOA(records(t, fresh))
				if !slices.Equal(got, want) {
					t.Errorf("%s: got\n%v\nwant\n%v", step.name, got, want)
				}
				z = next
			}
		})
	}
}

// withoutSOA leaves out what the serial number changes.
func withoutSOA(lines []string) []string {
	return slices.DeleteFunc(lines, func(s string) bool {
		var name, rtype, first string
		var ttl int
		fmt.Sscan(s, &name, &ttl, &rtype, &first)
		return rtype == "SOA" || rtype == "RRSIG" && first == "SOA"
	})
}

// TestUC22_StaleSignaturesAreReplaced: a signature that is not of the data,
// though in time, is found and made anew.
func TestUC22_StaleSignaturesAreReplaced(t *testing.T) {
	keys := pair(t, "hard.example", ED25519)
	z := sign(t, readZone(t, hard, "hard.example"), keys, Policy{}, now)
	name := dns.MustParseName("many.hard.example.")
	s := take(t, z, "many.hard.example.", dns.TypeA)
	wrong := *s.sigs[0]
	wrong.Signature = "AAAA" + wrong.Signature[4:]
	broken, err := z.Apply(zone.Change{Removed: []dns.RR{s.sigs[0]}, Added: []dns.RR{&wrong}})
	if err != nil {
		t.Fatal(err)
	}
	if c := change(t, broken, keys, Policy{}, now); count(c.Added, dns.TypeRRSIG) != 2 {
		t.Errorf("added %v, want a signature of A and one of SOA", c.Added)
	}
	next := sign(t, broken, keys, Policy{}, now)
	if got := next.RRs(name, dns.TypeRRSIG); len(got) != 2 {
		t.Errorf("got %v, want one signature a set", got)
	}
	verifyAll(t, next, now)
}

// TestUC22_Unsigning: without keys, or when they are all deleted, nothing of DNSSEC
// is left but what delegations say.
func TestUC22_Unsigning(t *testing.T) {
	for _, v := range variants {
		z := readZone(t, hard, "hard.example")
		signed := sign(t, z, pair(t, "hard.example", ED25519), v.policy, now)
		bare := sign(t, signed, nil, v.policy, now)
		if got, want := withoutSOA(records(t, bare)), withoutSOA(records(t, z)); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", v.name, got, want)
		}
		if bare.Serial() != 9 {
			t.Errorf("%s: serial %d, want 9", v.name, bare.Serial())
		}
	}
}

// TestUC22_ProofsChangeKind: from NSEC to NSEC3 and back in one version each.
func TestUC22_ProofsChangeKind(t *testing.T) {
	keys := pair(t, "hard.example", ED25519)
	z := sign(t, readZone(t, hard, "hard.example"), keys, Policy{}, now)
	for _, v := range []variant{variants[1], variants[2], variants[0]} {
		z = sign(t, z, keys, v.policy, now)
		want := sign(t, readZone(t, hard, "hard.example"), keys, v.policy, now)
		if got := withoutSOA(records(t, z)); !slices.Equal(got, withoutSOA(records(t, want))) {
			t.Errorf("%s: got %v", v.name, got)
		}
	}
}

// TestUC22_SignaturesLastAndAreSpread: 14 days less a part that follows from the
// name, from an hour earlier on, renewed when a quarter is left; Due says when.
func TestUC22_SignaturesLastAndAreSpread(t *testing.T) {
	keys := pair(t, "hard.example", ED25519)
	z := sign(t, readZone(t, hard, "hard.example"), keys, Policy{}, now)
	ends := map[uint32]bool{}
	first := uint32(1<<32 - 1)
	for name, set := range z.All() {
		if set.Type != dns.TypeRRSIG {
			continue
		}
		for d := range data(set) {
			s, _ := readSignature(d)
			if left := s.left(now); left > 14*day || left < 14*day*7/8 {
				t.Errorf("%s %s: valid for %s", name, s.covered, left)
			}
			if s.since(now) != time.Hour {
				t.Errorf("%s %s: valid since %s", name, s.covered, s.since(now))
			}
			ends[s.expiration] = true
			first = min(first, s.expiration)
		}
	}
	if len(ends) < 40 {
		t.Errorf("signatures end at %d different times, want them spread", len(ends))
	}
	due := Due(z, keys, Policy{}, now)
	if want := time.Unix(int64(first), 0).Add(-14 * day / 4); !due.Equal(want) {
		t.Errorf("due at %s, want %s", due, want)
	}
	// An hour and more before that there is nothing to do; then some are renewed,
	// at last all.
	if c := change(t, z, keys, Policy{}, due.Add(-time.Hour-time.Second)); len(c.Added) != 0 {
		t.Errorf("an hour before: %v", c.Added)
	}
	all := count(change(t, readZone(t, hard, "hard.example"), keys, Policy{}, now).Added, dns.TypeRRSIG)
	some := count(change(t, z, keys, Policy{}, due).Added, dns.TypeRRSIG)
	if some == 0 || some > all/2 {
		t.Errorf("when due: %d of %d signatures renewed, want some", some, all)
	}
	// A year of it: never is anything close to its end, and versions are few.
	at, versions := now, 0
	for ; at.Before(now.Add(365 * day)); versions++ {
		z = sign(t, z, keys, Policy{}, at)
		for n := range nodes(z) {
			for _, sigs := range n.sigs {
				for d := range data(sigs) {
					if s, _ := readSignature(d); s.left(at) < 3*day {
						t.Fatalf("%s %s: %s left", n.name, s.covered, s.left(at))
					}
				}
			}
		}
		next := Due(z, keys, Policy{}, at)
		if !next.After(at) {
			t.Fatalf("signed at %s, and due at once", at)
		}
		at = next
		if testing.Short() && versions > 20 {
			break
		}
	}
	if versions > 365*24 {
		t.Errorf("%d versions in a year", versions)
	}
	// Without jitter and batch all are renewed at once.
	p := Policy{Jitter: -1, Batch: -1, Inception: -1}
	z = sign(t, readZone(t, hard, "hard.example"), keys, p, now)
	due = Due(z, keys, p, now)
	if want := now.Add(14 * day * 3 / 4); !due.Equal(want) || count(change(t, z, keys, p, due).Added, dns.TypeRRSIG) != all {
		t.Errorf("without jitter: due at %s, want %s, and everything then", due, want)
	}
}

// TestUC22_Serial: one more, over zero, or the time.
func TestUC22_Serial(t *testing.T) {
	unix := uint32(now.Unix())
	for _, tc := range []struct {
		step       SerialStep
		have, want uint32
	}{
		{SerialIncrement, 7, 8}, {SerialIncrement, 1<<32 - 1, 1}, {SerialUnixTime, 7, unix}, {SerialUnixTime, unix, unix + 1}, {SerialUnixTime, unix + 5, unix + 6},
	} {
		if got := tc.step.next(tc.have, now); got != tc.want {
			t.Errorf("step %d from %d: got %d, want %d", tc.step, tc.have, got, tc.want)
		}
	}
	// An update that has its own number keeps it.
	keys := pair(t, "hard.example", ED25519)
	z := sign(t, readZone(t, hard, "hard.example"), keys, Policy{}, now)
	old, soa := z.SOA(), *z.SOA()
	soa.Serial = 100
	to, err := z.Apply(zone.Change{Removed: []dns.RR{old}, Added: []dns.RR{&soa}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Resign(Versions{From: z, To: to}, keys, Policy{}, now)
	if err != nil {
		t.Fatal(err)
	}
	if to, err = to.Apply(c); err != nil || to.Serial() != 100 {
		t.Errorf("got serial %d, %v, want 100", to.Serial(), err)
	}
	verifyAll(t, to, now)
}

// TestUC22_Pieces: signatures may be made in pieces, and the change is complete
// only then.
func TestUC22_Pieces(t *testing.T) {
	keys := pair(t, "hard.example", ED25519)
	z := readZone(t, hard, "hard.example")
	plan, err := NewPlan(Versions{To: z}, keys, Policy{}, now)
	if err != nil {
		t.Fatal(err)
	}
	half := plan.Len() / 2
	if err := plan.Sign(half, plan.Len()); err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Change(); err == nil {
		t.Error("a change of half the signatures")
	}
	if err := plan.Sign(0, half); err != nil {
		t.Fatal(err)
	}
	c, err := plan.Change()
	if want := change(t, z, keys, Policy{}, now); err != nil || fmt.Sprint(c) != fmt.Sprint(want) {
		t.Errorf("in pieces: %v, %v, at once: %v", c, err, want)
	}
}

// TestUC22_Policy: what cannot work is refused.
func TestUC22_Policy(t *testing.T) {
	keys := pair(t, "hard.example", ED25519)
	z := readZone(t, hard, "hard.example")
	for _, p := range []Policy{
		{Validity: -1}, {Validity: time.Second}, {Validity: 10000 * time.Hour}, {Refresh: 8 * day}, {Refresh: -1}, {Jitter: 4 * day}, {Batch: 3 * day}, {OptOut: true}, {KeyTTL: 1 << 31},
	} {
		if _, err := Sign(z, keys, p, now); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
	if _, err := Sign(z, pair(t, "other.example", ED25519), Policy{}, now); err == nil {
		t.Error("keys of another zone were accepted")
	}
	broken := *keys[0]
	broken.Signer = keys[1].Signer
	if _, err := Sign(z, []*Key{&broken, keys[1]}, Policy{}, now); err == nil {
		t.Error("a private half of another key was accepted")
	}
	public := *keys[0]
	public.Signer = nil
	if _, err := Sign(z, []*Key{&public}, Policy{}, now); err == nil {
		t.Error("an algorithm without private key was accepted")
	}
}
