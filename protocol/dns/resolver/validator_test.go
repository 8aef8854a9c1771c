package resolver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnssec"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/sim"
)

// signed is a zone signed at a time, and its DS record.
func (tr *tree) signed(text string, p dnssec.Policy, at time.Time) (*zone.Zone, string) {
	tr.Helper()
	z := tr.zone(text)
	key, err := dnssec.Generate(rand.NewChaCha8([32]byte([]byte(fmt.Sprintf("%-32.32s", z.Origin())))), dnssec.KeyOptions{Zone: z.Origin()})
	if err != nil {
		tr.Fatal(err)
	}
	key.DNSKEY.Flags |= dnssec.FlagSEP
	change, err := dnssec.Sign(z, []*dnssec.Key{key}, p, at)
	if err != nil {
		tr.Fatal(err)
	}
	if z, err = z.Apply(change); err != nil {
		tr.Fatal(err)
	}
	ds, err := dnssec.NewDS(key.DNSKEY, dnssec.DigestSHA256)
	if err != nil {
		tr.Fatal(err)
	}
	return z, ds.String()
}

// A signedTree is a tree in which the root, com, good.com and nsec3.com are
// signed, plain.com is not, and bad.com is signed and changed by a test.
type signedTree struct {
	*tree
	anchors []*dns.DS
	v       *Validator
}

const signedZone = `
	@ NS ns
	ns A $good
	www A 192.0.2.1
	alias CNAME www
	out CNAME www.plain.com.
	*.wild A 192.0.2.7
	old DNAME new
	x.new A 192.0.2.3
	a.ent A 192.0.2.4
	sub NS ns.sub
	ns.sub A $good`

// A treeConfig says what is different in a signedTree.
type treeConfig struct {
	change func(z *zone.Zone) zone.Change // to bad.com, after it was signed
	at     time.Duration                  // from now, when bad.com was signed
	ds     func(string) string            // what com has of bad.com's DS record
	optOut bool                           // com leaves unsigned zones out of its proofs
}

func newSignedTree(t *testing.T, w *sim.World, o treeConfig) *signedTree {
	tr := newTree(t, w)
	now := w.Now()
	good, goodDS := tr.signed("good.com"+signedZone, dnssec.Policy{}, now)
	hashed, hashedDS := tr.signed("nsec3.com"+signedZone, dnssec.Policy{NSEC3: true}, now)
	broken, brokenDS := tr.signed("bad.com"+signedZone, dnssec.Policy{}, now.Add(o.at))
	if o.change != nil {
		var err error
		if broken, err = broken.Apply(o.change(broken)); err != nil {
			t.Fatal(err)
		}
	}
	if o.ds != nil {
		brokenDS = o.ds(brokenDS)
	}
	com, comDS := tr.signed("com\n@ NS ns\nns A $com\n"+
		"good NS ns.good\nns.good A $good\n"+goodDS+"\nnsec3 NS ns.nsec3\nns.nsec3 A $good\n"+hashedDS+
		"\nbad NS ns.bad\nns.bad A $good\n"+brokenDS+"\nplain NS ns.plain\nns.plain A $good\n", dnssec.Policy{NSEC3: true, OptOut: o.optOut}, now)
	root, rootDS := tr.signed(".\n@ NS ns.root.\nns.root. A $root\ncom. NS ns.com.\nns.com. A $com\n"+comDS, dnssec.Policy{}, now)
	tr.handle("root", root)
	tr.handle("com", com)
	tr.handle("good", closestOf([]*zone.Zone{good, hashed, broken, tr.zone("plain.com\n@ NS ns\nns A $good\nwww A 192.0.2.5\n"),
		tr.zone("sub.good.com\n@ NS ns\nns A $good\nwww A 192.0.2.8\n"), tr.zone("sub.nsec3.com\n@ NS ns\nns A $good\nwww A 192.0.2.8\n")}))
	st := &signedTree{tree: tr}
	for _, rr := range rrs(rootDS) {
		st.anchors = append(st.anchors, rr.(*dns.DS))
	}
	st.v = &Validator{Loop: tr.client.Loop(), Resolver: tr.r, Anchors: st.anchors}
	return st
}

// secured is what text says, and whether it was secure.
func (st *signedTree) secured(name string, t dns.Type) string {
	m, err := st.ask(st.v, name, t)
	s := text(m, err)
	if err == nil && m.AuthenticatedData {
		s += ", secure"
	}
	return s
}

// TestUC22_validates: what is signed is secure, what is proved not to be is let
// pass, and what is not there is proved.
func TestUC22_validates(t *testing.T) {
	sim.Seeds(t, 5, func(t *testing.T, w *sim.World) {
		st := newSignedTree(t, w, treeConfig{})
		for _, zone := range []string{"good.com.", "nsec3.com."} {
			for _, c := range []struct {
				name string
				t    dns.Type
				want string
			}{
				{"www.", dns.TypeA, "NOERROR, A 192.0.2.1, secure"},
				{"alias.", dns.TypeA, "NOERROR, CNAME www." + zone + ", A 192.0.2.1, secure"},
				{"www.", dns.TypeMX, "NOERROR, secure"},
				{"none.", dns.TypeA, "NXDOMAIN, secure"},
				{"none.of.these.", dns.TypeA, "NXDOMAIN, secure"},
				{"ent.", dns.TypeA, "NOERROR, secure"},
				{"a.ent.", dns.TypeA, "NOERROR, A 192.0.2.4, secure"},
				{"a.b.wild.", dns.TypeA, "NOERROR, A 192.0.2.7, secure"},
				{"a.b.wild.", dns.TypeMX, "NOERROR, secure"},
				{"x.old.", dns.TypeA, "NOERROR, DNAME new." + zone + ", CNAME x.new." + zone + ", A 192.0.2.3, secure"},
				{"x.old.", dns.TypeCNAME, "NOERROR, DNAME new." + zone + ", CNAME x.new." + zone + ", secure"},
				{"alias.", dns.TypeCNAME, "NOERROR, CNAME www." + zone + ", secure"},
				{"", dns.TypeDNSKEY, "DNSKEY"},
				{"", dns.TypeDS, "DS"},
				{"sub.", dns.TypeDS, "NOERROR, secure"},
				{"www.sub.", dns.TypeA, "NOERROR, A 192.0.2.8"},
				{"out.", dns.TypeA, "NOERROR, CNAME www.plain.com., A 192.0.2.5"},
			} {
				got := st.secured(c.name+zone, c.t)
				if c.want == "DNSKEY" || c.want == "DS" {
					if !strings.HasPrefix(got, "NOERROR, "+c.want+" ") || !strings.HasSuffix(got, ", secure") {
						t.Errorf("%s%s %s: got %q", c.name, zone, c.t, got)
					}
				} else if got != c.want {
					t.Errorf("%s%s %s: got %q, want %q", c.name, zone, c.t, got, c.want)
				}
			}
		}
		for name, want := range map[string]string{"www.plain.com.": "NOERROR, A 192.0.2.5", "none.plain.com.": "NXDOMAIN", "none.": "NXDOMAIN, secure",
			"none.com.": "NXDOMAIN, secure"} { //sim:unordered each for itself
			if got := st.secured(name, dns.TypeA); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		// Who asks for less gets less: no signatures, no proofs.
		m, err := st.askFor(&Cache{Loop: st.client.Loop(), Resolver: st.v}, "none.good.com.", dns.TypeA, dns.Options{})
		if err != nil || len(m.Ns) != 1 || !m.AuthenticatedData {
			t.Errorf("without DO: got %v, %v", m, err)
		}
	})
}

// swap replaces records of a zone.
func swap(removed []dns.RR, added ...string) zone.Change {
	return zone.Change{Removed: removed, Added: rrs(added...)}
}

// signatures are those over the records of a name and type.
func signatures(z *zone.Zone, name string, t dns.Type) (out []dns.RR) {
	for _, rr := range z.RRs(dns.MustParseName(name), dns.TypeRRSIG) {
		if sig := rr.(*dns.RRSIG); dns.Type(sig.TypeCovered) == t {
			out = append(out, rr)
		}
	}
	return out
}

// TestUC22_refuses: a signed zone that is broken in any of these ways is
// refused, with the reason; whoever does not want it checked gets it; and the
// zone unbroken is secure.
func TestUC22_refuses(t *testing.T) {
	www, day := "www.bad.com.", 24*time.Hour
	addresses := func(z *zone.Zone) []dns.RR { return z.RRs(dns.MustParseName(www), dns.TypeA) }
	for _, c := range []struct {
		name   string
		ask    string
		change func(z *zone.Zone) zone.Change
		at     time.Duration
		ds     func(string) string
		code   Code
	}{
		{name: "other data", change: func(z *zone.Zone) zone.Change { return swap(addresses(z), www+" 300 IN A 6.6.6.6") }, code: CodeBogus},
		{name: "a record more", change: func(z *zone.Zone) zone.Change { return swap(nil, www+" 300 IN A 6.6.6.6") }, code: CodeBogus},
		{name: "expired", at: -20 * day, code: CodeSignatureExpired},
		{name: "not valid yet", at: 20 * day, code: CodeSignatureNotYetValid},
		{name: "no signature", change: func(z *zone.Zone) zone.Change { return zone.Change{Removed: signatures(z, www, dns.TypeA)} }, code: CodeSignaturesMissing},
		{name: "the signature of another name", change: func(z *zone.Zone) zone.Change {
			c := zone.Change{Removed: signatures(z, www, dns.TypeA)}
			for _, rr := range signatures(z, "a.ent.bad.com.", dns.TypeA) {
				other := *rr.(*dns.RRSIG)
				other.Hdr.Name, other.Labels = www, 3
				c.Added = append(c.Added, &other)
			}
			return c
		}, code: CodeBogus},
		{name: "signed by another zone", change: func(z *zone.Zone) zone.Change {
			c := zone.Change{Removed: signatures(z, www, dns.TypeA)}
			for _, rr := range c.Removed {
				other := *rr.(*dns.RRSIG)
				other.SignerName = "com."
				c.Added = append(c.Added, &other)
			}
			return c
		}, code: CodeKeyMissing},
		{name: "no key", change: func(z *zone.Zone) zone.Change {
			return zone.Change{Removed: append(z.RRs(z.Origin(), dns.TypeDNSKEY), signatures(z, "bad.com.", dns.TypeDNSKEY)...)}
		}, code: CodeKeyMissing},
		{name: "keys that are not signed", change: func(z *zone.Zone) zone.Change {
			return zone.Change{Removed: signatures(z, "bad.com.", dns.TypeDNSKEY)}
		}, code: CodeSignaturesMissing},
		{name: "a DS record of another key", ds: func(s string) string { return s[:len(s)-4] + "0123" }, code: CodeKeyMissing},
		{name: "a name that is not there, without a proof", ask: "none.bad.com.", change: func(z *zone.Zone) zone.Change {
			var c zone.Change
			for name, set := range z.All() {
				if set.Type == dns.TypeNSEC {
					c.Removed = append(c.Removed, z.RRs(name, dns.TypeNSEC)...)
					c.Removed = append(c.Removed, signatures(z, name.String(), dns.TypeNSEC)...)
				}
			}
			return c
		}, code: CodeDenialMissing},
		{name: "what a wildcard stands for, without a proof that nothing is nearer", ask: "a.b.wild.bad.com.", change: func(z *zone.Zone) zone.Change {
			var c zone.Change
			for name, set := range z.All() {
				if set.Type == dns.TypeNSEC {
					c.Removed = append(c.Removed, z.RRs(name, dns.TypeNSEC)...)
					c.Removed = append(c.Removed, signatures(z, name.String(), dns.TypeNSEC)...)
				}
			}
			return c
		}, code: CodeDenialMissing},
		{name: "a proof that was changed", ask: "none.bad.com.", change: func(z *zone.Zone) zone.Change {
			var c zone.Change
			for name, set := range z.All() {
				if set.Type == dns.TypeNSEC {
					for _, rr := range z.RRs(name, dns.TypeNSEC) {
						other := *rr.(*dns.NSEC)
						other.NextDomain = "zzz.bad.com."
						c.Removed, c.Added = append(c.Removed, rr), append(c.Added, &other)
					}
				}
			}
			return c
		}, code: CodeBogus},
		{name: "a TTL above what was signed", change: func(z *zone.Zone) zone.Change {
			c := zone.Change{Removed: addresses(z)}
			for _, rr := range signatures(z, www, dns.TypeA) {
				other := *rr.(*dns.RRSIG)
				other.OrigTtl = 1 << 20
				c.Removed, c.Added = append(c.Removed, rr), append(c.Added, &other)
			}
			c.Added = append(c.Added, rrs(www+" 86400 IN A 192.0.2.1")...)
			return c
		}, code: CodeBogus},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := sim.New(t, 1)
			ask := c.ask
			if ask == "" {
				ask = www
			}
			control := newSignedTree(t, sim.New(t, 2), treeConfig{})
			if got := control.secured(ask, dns.TypeA); !strings.HasSuffix(got, ", secure") {
				t.Fatalf("unbroken: got %q", got)
			}
			st := newSignedTree(t, w, treeConfig{change: c.change, at: c.at, ds: c.ds})
			_, err := st.ask(st.v, ask, dns.TypeA)
			f, ok := errors.AsType[*Failure](err)
			if !ok || f.Code != c.code {
				t.Errorf("got %v, want code %d", err, c.code)
			}
			if e, ok := errors.AsType[*dns.ResponseError](err); !ok || e.Rcode != dns.RcodeServerFailure {
				t.Errorf("the client is told %v, want SERVFAIL", err)
			}
			cache := &Cache{Loop: st.client.Loop(), Resolver: st.v}
			if _, err := st.askFor(cache, ask, dns.TypeA, dns.Options{}); err == nil {
				t.Error("the cache has an answer")
			}
			m, err := st.askFor(cache, ask, dns.TypeA, dns.Options{CheckingDisabled: true})
			if err != nil || m.AuthenticatedData {
				t.Errorf("with CD: got %v, %v, want the answer, not authenticated", m, err)
			}
			if _, err := st.askFor(cache, ask, dns.TypeA, dns.Options{}); err == nil {
				t.Error("what was asked for with CD became the answer of who asked without")
			}
			if got := st.secured("www.good.com.", dns.TypeA); got != "NOERROR, A 192.0.2.1, secure" {
				t.Errorf("another zone: got %q", got)
			}
			st.v.zones = table[*trust]{max: 100}
			st.v.Unchecked = []dns.Name{dns.MustParseName("bad.com.")}
			if m, err := st.ask(st.v, ask, dns.TypeA); err != nil || m.AuthenticatedData {
				t.Errorf("unchecked: got %v, %v", m, err)
			}
		})
	}
}

// TestKeyTrap: a zone with a hundred keys of one tag and a hundred signatures that
// do not verify costs a bounded amount of work (CVE-2023-50387).
func TestKeyTrap(t *testing.T) {
	w := sim.New(t, 1)
	st := newSignedTree(t, w, treeConfig{change: func(z *zone.Zone) zone.Change {
		var c zone.Change
		for _, rr := range signatures(z, "www.bad.com.", dns.TypeA) {
			for i := range 90 {
				other := *rr.(*dns.RRSIG)
				other.Inception -= uint32(i + 1) // another signature, which is wrong
				c.Added = append(c.Added, &other)
			}
			c.Removed = append(c.Removed, rr)
		}
		return c
	}})
	_, err := st.ask(st.v, "www.bad.com.", dns.TypeA)
	if !errors.Is(err, dnssec.ErrBudget) {
		t.Errorf("got %v, want %v", err, dnssec.ErrBudget)
	}
}

// TestOptOut: a zone that is left out of the proofs of the one above is not
// signed, nor is a name there certain not to be; signed ones are secure.
func TestOptOut(t *testing.T) {
	st := newSignedTree(t, sim.New(t, 1), treeConfig{optOut: true})
	for name, want := range map[string]string{
		"www.plain.com.": "NOERROR, A 192.0.2.5",
		"none.com.":      "NXDOMAIN",
		"www.good.com.":  "NOERROR, A 192.0.2.1, secure",
		"ns.com.":        "NOERROR, A " + st.ip("com") + ", secure",
	} {
		if got := st.secured(name, dns.TypeA); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestNoAnchor: what is below no key that is trusted is not signed, to us; and
// keys for one zone hold for what is below it only.
func TestNoAnchor(t *testing.T) {
	st := newSignedTree(t, sim.New(t, 1), treeConfig{})
	st.v.Anchors = []*dns.DS{}
	if got := st.secured("www.good.com.", dns.TypeA); got != "NOERROR, A 192.0.2.1" {
		t.Errorf("without anchors: got %q", got)
	}
	st = newSignedTree(t, sim.New(t, 1), treeConfig{})
	keys, err := st.ask(st.r, "good.com.", dns.TypeDS)
	if err != nil {
		t.Fatal(err)
	}
	st.v.Anchors = nil
	for _, rr := range keys.Answer {
		if ds, ok := rr.(*dns.DS); ok {
			st.v.Anchors = append(st.v.Anchors, ds)
		}
	}
	for name, want := range map[string]string{"www.good.com.": "NOERROR, A 192.0.2.1, secure", "www.nsec3.com.": "NOERROR, A 192.0.2.1"} {
		if got := st.secured(name, dns.TypeA); got != want {
			t.Errorf("with an anchor at good.com: %s: got %q, want %q", name, got, want)
		}
	}
}

// TestSilentAnchor: when nobody can be asked for keys, nothing is secure, and
// it is said that this is why.
func TestSilentAnchor(t *testing.T) {
	w := sim.New(t, 1)
	st := newSignedTree(t, w, treeConfig{})
	clock := st.client.Loop()
	f := &fake{loop: clock, say: func(q dns.Question) (*dns.Message, error) {
		if q.Qtype == dns.TypeA {
			return said(q.Name + " 60 IN A 6.6.6.6"), nil
		}
		return nil, dns.ErrTimeout
	}}
	v := &Validator{Loop: clock, Resolver: f, Anchors: st.anchors}
	_, err := st.ask(v, "www.good.com.", dns.TypeA)
	if got, ok := errors.AsType[*Failure](err); !ok || got.Code != CodeIndeterminate {
		t.Errorf("got %v", err)
	}
}

// TestClaims: that a server says it has validated means nothing to us.
func TestClaims(t *testing.T) {
	st := newSignedTree(t, sim.New(t, 1), treeConfig{})
	f := &fake{loop: st.client.Loop(), say: func(q dns.Question) (*dns.Message, error) {
		return said(q.Name+" 60 IN A 6.6.6.6", "AD"), nil
	}}
	for _, o := range []dns.Options{{CheckingDisabled: true}, {}} {
		v := &Validator{Loop: f.loop, Resolver: f, Anchors: []*dns.DS{}}
		if m, err := st.askFor(v, "www.good.com.", dns.TypeA, o); err != nil || m.AuthenticatedData {
			t.Errorf("%+v: got %v, %v, want no AD", o, m, err)
		}
	}
}
