package authority

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnssec"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/sim"
)

// signing is with a key, the same one for each call.
func signing(t testing.TB) *Signing {
	t.Helper()
	var seed [32]byte
	k, err := dnssec.Generate(rand.NewChaCha8(seed), dnssec.KeyOptions{Zone: example, KSK: true, Algorithm: 15})
	if err != nil {
		t.Fatal(err)
	}
	return &Signing{Keys: []*dnssec.Key{k}}
}

// check verifies every signature of z, and that every set has one; it returns
// when the first ends.
func check(t testing.TB, z *zone.Zone, now time.Time) (first time.Time) {
	t.Helper()
	var keys []*dns.DNSKEY
	for _, rr := range z.RRs(example, dns.TypeDNSKEY) {
		keys = append(keys, rr.(*dns.DNSKEY))
	}
	if len(keys) == 0 || !z.Signed() {
		t.Fatalf("the zone is not signed:\n%s", text(z))
	}
	for name, set := range z.All() {
		if set.Type == dns.TypeRRSIG {
			continue
		}
		rrs, err := set.RRs(name)
		if err != nil {
			t.Fatal(err)
		}
		var sigs []*dns.RRSIG
		for _, rr := range z.RRs(name, dns.TypeRRSIG) {
			if s := rr.(*dns.RRSIG); dns.Type(s.TypeCovered) == set.Type {
				sigs = append(sigs, s)
				if at := time.Unix(int64(s.Expiration), 0); first.IsZero() || at.Before(first) {
					first = at
				}
			}
		}
		if _, err := dnssec.VerifyRRset(rrs, sigs, keys, now, new(dnssec.Budget)); err != nil {
			t.Errorf("%s %s: %v", name, set.Type, err)
		}
	}
	return first
}

// TestUC22Signing: a zone is signed when it is loaded, when it is updated, when its
// owner replaces it, and again in time, for four months; and its secondary follows by
// differences.
func TestUC22Signing(t *testing.T) {
	w := sim.New(t, 0)
	w.Host("one").Disk.Mount().Mkdir("zones", 0o700)
	one, two := open(t, w, "one", Config{Dir: "zones"}), open(t, w, "two", Config{})
	one.do(one.AddPrimary(zoneOf(t, 5, "www A 192.0.2.1"), Primary{Transfer: everybody, Update: anything,
		Notify: []Peer{two.peer()}, Signing: signing(t)}))
	two.do(two.AddSecondary(example, Secondary{Primaries: []Peer{one.peer()}, MinRefresh: 12 * time.Hour}))
	check(t, one.Zone(example), w.Now())
	c := client(t, w, "client")
	if got := dns.Rcode(c.ask(updating(nil, append(add(t, "new.example. 60 IN A 192.0.2.2"), removeName("www.example."))), one).Rcode); got != dns.RcodeSuccess {
		t.Errorf("an update: got %s", got)
	}
	check(t, one.Zone(example), w.Now())
	if got := dns.Rcode(c.ask(updating(nil, []dns.RR{removeSet("example.", dns.TypeNSEC)}), one).Rcode); got != dns.RcodeRefused {
		t.Errorf("an update of what signing makes: got %s, want REFUSED", got)
	}
	if got := dns.Rcode(c.ask(updating(nil, []dns.RR{removeSet("example.", dns.TypeDNSKEY)}), one).Rcode); got != dns.RcodeRefused {
		t.Errorf("an update of the keys: got %s, want REFUSED", got)
	}
	one.do(one.Replace(zoneOf(t, 6, "www A 192.0.2.3", "more TXT x")))
	check(t, one.Zone(example), w.Now())
	if z := one.Zone(example); !z.Has(dns.MustParseName("more.example")) || z.Has(dns.MustParseName("new.example")) {
		t.Error("the zone is not as its owner wrote it")
	}
	serial := one.Zone(example).Serial()
	for day := range 120 {
		w.Advance(24 * time.Hour)
		if first := check(t, one.Zone(example), w.Now()); first.Sub(w.Now()) < 2*24*time.Hour {
			t.Fatalf("day %d: a signature ends at %v, in less than two days", day, first)
		}
	}
	if got := one.Zone(example).Serial(); got < serial+9 {
		t.Errorf("four months later the serial is %d, and was %d: want more", got, serial)
	}
	w.Advance(time.Minute)
	if got, want := text(two.Zone(example)), text(one.Zone(example)); got != want {
		t.Errorf("the secondary has\n%s\nwant\n%s", got, want)
	}
	if got := two.Status()[0].Steps; got < 9 {
		t.Errorf("the secondary has taken %d differences: want more", got)
	}
	c.close()
	one.stop()
	two.stop()
}

// TestUC22SigningRestart: a signed zone goes on where it was after a restart: the
// same signatures, and a serial that no version had before. Without its keys it
// becomes an unsigned one.
func TestUC22SigningRestart(t *testing.T) {
	w := sim.New(t, 0)
	w.Host("one").Disk.Mount().Mkdir("zones", 0o700)
	w.Host("one").Disk.Mount().SyncDir(".")
	memory := &memory{loop: w.Host("one").Loop()}
	o := Primary{Signing: signing(t)}
	one := open(t, w, "one", Config{Dir: "zones", Journal: memory})
	one.do(one.AddPrimary(zoneOf(t, 5, "www A 192.0.2.1"), o))
	for i := range 3 {
		one.do(one.Change(example, zone.Change{Added: records(t, fmt.Sprintf("n%d.example. 60 IN TXT x", i))}))
	}
	was := one.Zone(example)
	one.host.Crash()
	w.Advance(time.Hour)
	one.host.Restart()
	memory.loop = one.host.Loop()
	one = open(t, w, "one", Config{Dir: "zones", Journal: memory})
	one.do(one.AddPrimary(zoneOf(t, 5, "www A 192.0.2.1"), o))
	z := one.Zone(example)
	check(t, z, w.Now())
	if !newer(z.Serial(), was.Serial()) || !z.Has(dns.MustParseName("n2.example")) {
		t.Errorf("got serial %d after %d, and\n%s", z.Serial(), was.Serial(), text(z))
	}
	of := func(z *zone.Zone) string {
		for _, rr := range z.RRs(dns.MustParseName("www.example"), dns.TypeRRSIG) {
			if rr.(*dns.RRSIG).TypeCovered == dns.TypeA {
				return rr.String()
			}
		}
		return ""
	}
	if of(z) != of(was) {
		t.Errorf("got another signature, want the one of before:\n%s\n%s", of(z), of(was))
	}
	one.do(one.SetSigning(example, Signing{}))
	if z := one.Zone(example); z.Signed() || len(z.RRs(example, dns.TypeDNSKEY)) > 0 {
		t.Errorf("without keys: got\n%s", text(z))
	}
	one.stop()
}
