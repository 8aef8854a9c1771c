package dnssec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// A truth is what a small zone has, as a list of its names says it: an
// oracle that shares nothing with proofs.
type truth struct {
	types map[string][]dns.Type // of names with records, as they are in the file
	cuts  []dns.Name            // delegations, and owners of DNAME
}

// hidden reports whether the zone has nothing to say of n.
func (tr *truth) hidden(n dns.Name) bool {
	for _, c := range tr.cuts {
		if n.In(c) && len(n) > len(c) {
			return true
		}
	}
	return false
}

// exists reports whether n is a name, if only an empty one.
func (tr *truth) exists(n dns.Name) bool {
	for s := range tr.types {
		if x := dns.MustParseName(s); x.In(n) && !tr.hidden(x) {
			return true
		}
	}
	return false
}

// source is the name whose records answer for n: itself, or a wildcard; nil: none.
func (tr *truth) source(n dns.Name) dns.Name {
	if tr.exists(n) {
		return n
	}
	for n = n.Parent(); !tr.exists(n); n = n.Parent() {
	}
	if w := wildcardOf(n); tr.exists(w) {
		return w
	}
	return nil
}

// unsigned reports whether n is a delegation without DS, or has nothing but such
// below: opt-out may leave it out.
func (tr *truth) unsigned(n dns.Name) bool {
	for s, types := range tr.types {
		if x := dns.MustParseName(s); x.In(n) && !tr.hidden(x) && (!slices.Contains(types, dns.TypeNS) || slices.Contains(types, dns.TypeDS)) {
			return false
		}
	}
	return true
}

const smallOrigin = "z.example."

// small makes a zone of a few names out of few labels, so that they meet.
func small(t testing.TB, r *rand.Rand, p Policy) (*zone.Zone, *truth) {
	t.Helper()
	text := "@ 60 SOA ns.else. m.else. 1 2 3 4 60\n@ 60 NS ns.else.\n"
	tr := &truth{types: map[string][]dns.Type{smallOrigin: {dns.TypeSOA, dns.TypeNS}}}
	for range r.IntN(9) {
		n := dns.MustParseName(label(r) + "." + smallOrigin)
		for r.IntN(2) == 0 && n.Labels() < 5 {
			n, _ = n.Prefix(label(r))
		}
		s := n.String()
		if _, twice := tr.types[s]; twice {
			continue
		}
		kind := r.IntN(8)
		if n.IsWildcard() {
			kind = min(kind, 4) // delegations of wildcards mean nothing
		}
		switch kind {
		case 5:
			text += s + " 60 NS ns.else.\n"
			tr.types[s] = []dns.Type{dns.TypeNS}
		case 6:
			text += s + " 60 NS ns.else.\n" + s + " 60 DS 1 13 2 " + strings.Repeat("ab", 32) + "\n"
			tr.types[s] = []dns.Type{dns.TypeNS, dns.TypeDS}
		case 7:
			text += s + " 60 DNAME else.\n"
			tr.types[s] = []dns.Type{dns.TypeDNAME}
		case 4:
			text += s + " 60 CNAME else.\n"
			tr.types[s] = []dns.Type{dns.TypeCNAME}
		default:
			text += s + " 60 A 192.0.2.1\n"
			tr.types[s] = []dns.Type{dns.TypeA}
		}
		if kind > 4 {
			tr.cuts = append(tr.cuts, n)
		}
	}
	key := newKey(t, KeyOptions{Zone: dns.MustParseName(smallOrigin), Algorithm: ED25519}, 3)
	return sign(t, readZone(t, text, smallOrigin), []*Key{key}, p, now), tr
}

func label(r *rand.Rand) string { return string("abc*"[r.IntN(4)]) }

// proofs are all NSEC and NSEC3 records of z.
func proofs(t testing.TB, z *zone.Zone) (out []dns.RR) {
	t.Helper()
	for name, set := range z.All() {
		if set.Type == dns.TypeNSEC || set.Type == dns.TypeNSEC3 {
			rrs, err := set.RRs(name)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, rrs...)
		}
	}
	return out
}

// agree checks that a Denial with all of the zone's proofs proves what is true and,
// with all of them or only some, nothing that is not.
func agree(t testing.TB, seed uint64, p Policy) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	z, tr := small(t, r, p)
	all := proofs(t, z)
	for range 30 {
		q := dns.MustParseName(smallOrigin)
		for q.Labels() == 2 || r.IntN(2) == 0 && q.Labels() < 6 {
			q, _ = q.Prefix(label(r))
		}
		qtype := []dns.Type{dns.TypeA, dns.TypeNS, dns.TypeDS, dns.TypeCNAME, dns.TypeTXT}[r.IntN(5)]
		some := slices.DeleteFunc(slices.Clone(all), func(dns.RR) bool { return r.IntN(3) == 0 })
		for _, records := range [][]dns.RR{all, some} {
			if len(records) == 0 {
				continue
			}
			d, err := NewDenial(z.Origin(), records, &Budget{})
			if err != nil {
				t.Fatal(err)
			}
			whole := len(records) == len(all)
			c := claims{t, fmt.Sprintf("seed %d, %+v: %s %s", seed, p, q, qtype), d, tr, q, qtype, whole, p.OptOut}
			c.nameError()
			c.noData()
			c.delegation()
			c.wildcard()
		}
	}
}

type claims struct {
	t      testing.TB
	what   string
	d      *Denial
	tr     *truth
	q      dns.Name
	qtype  dns.Type
	whole  bool
	optOut bool
}

// judge compares what was proved with what is true. Insecure says less: it may be about
// what opt-out leaves out.
func (c *claims) judge(claim string, s Status, err error, is, leftOut bool) {
	c.t.Helper()
	proved := err == nil
	switch {
	case proved && s == Secure && !is:
		c.t.Errorf("%s: %s was proved, and is not true", c.what, claim)
	case proved && s == Insecure && !(c.optOut && (is || leftOut)):
		c.t.Errorf("%s: %s was proved as insecure, and is not true", c.what, claim)
	case !proved && is && c.whole:
		c.t.Errorf("%s: %s is true, and was not proved: %v", c.what, claim, err)
	}
}

// leftOut reports whether opt-out says nothing of the name: it, or the name above
// it that is not in the chain, may be an unsigned delegation.
func (c *claims) leftOut() bool {
	for n := c.q; n.Labels() > 2; n = n.Parent() {
		if c.tr.exists(n) && !c.tr.unsigned(n) {
			return c.tr.hidden(c.q) && c.tr.unsigned(n)
		}
		if c.tr.unsigned(n) {
			return true
		}
	}
	return false
}

func (c *claims) nameError() {
	s, err := c.d.NameError(c.q)
	is := !c.tr.hidden(c.q) && c.tr.source(c.q) == nil
	c.judge("NXDOMAIN", s, err, is, c.leftOut())
}

func (c *claims) noData() {
	s, err := c.d.NoData(c.q, c.qtype)
	is := false
	if src := c.tr.source(c.q); src != nil && !c.tr.hidden(c.q) {
		types := c.tr.types[src.String()]
		cut := slices.Contains(types, dns.TypeNS)
		is = !slices.Contains(types, c.qtype) && !slices.Contains(types, dns.TypeCNAME) && (!cut || c.qtype == dns.TypeDS)
	}
	if c.optOut && c.tr.exists(c.q) && c.tr.unsigned(c.q) {
		is = is && err == nil // there may be nothing that proves it
	}
	c.judge("NODATA", s, err, is, c.leftOut())
}

func (c *claims) delegation() {
	err := c.d.Delegation(c.q)
	types := c.tr.types[c.q.String()]
	is := !c.tr.hidden(c.q) && slices.Contains(types, dns.TypeNS) && !slices.Contains(types, dns.TypeDS)
	s := Secure
	if c.optOut && c.leftOut() {
		s = Insecure
	}
	c.judge("an unsigned delegation", s, err, is, c.leftOut())
}

// wildcard asks of wildcards that there are: their records, which are signed,
// prove that.
func (c *claims) wildcard() {
	for n := c.q.Parent(); n.Labels() >= 2; n = n.Parent() {
		w := wildcardOf(n)
		if c.tr.hidden(w) || c.tr.types[w.String()] == nil {
			continue
		}
		s, err := c.d.Wildcard(c.q, w)
		is := !c.tr.hidden(c.q) && !c.tr.exists(suffix(c.q, n.Labels()+1))
		c.judge("nothing nearer than "+w.String(), s, err, is, c.leftOut())
	}
}

// TestUC22_ProofsAreTrue: in random zones, a proof is accepted if and only if
// what it claims is true.
func TestUC22_ProofsAreTrue(t *testing.T) {
	zones := uint64(300)
	if testing.Short() {
		zones = 25
	}
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			for seed := range zones {
				agree(t, seed, v.policy)
				if t.Failed() {
					return
				}
			}
		})
	}
}

// FuzzDenial is the same with other seeds.
func FuzzDenial(f *testing.F) {
	f.Add(uint64(1), uint8(0))
	f.Add(uint64(2), uint8(1))
	f.Add(uint64(3), uint8(2))
	f.Fuzz(func(t *testing.T, seed uint64, kind uint8) {
		agree(t, seed, variants[int(kind)%len(variants)].policy)
	})
}
