package dnssec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnstest"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/reactor"
)

// TestUC22_PeersAcceptWhatWeSign: bind9's and ldns' verifiers find nothing wrong in
// a zone with everything in it, whatever the algorithm and the kind of proofs.
func TestUC22_PeersAcceptWhatWeSign(t *testing.T) {
	z := readZone(t, hard, "hard.example")
	now := time.Now() // dnssec-verify knows no other
	for i, a := range algorithms {
		for j, v := range variants {
			if testing.Short() && i%len(variants) != j {
				continue
			}
			t.Run(a.String()+"/"+v.name, func(t *testing.T) {
				file := writeZone(t, sign(t, z, pair(t, "hard.example", a), v.policy, now))
				dnstest.Run(t, "dnssec-verify", "-q", "-o", "hard.example", file)
				dnstest.Run(t, "ldns-verify-zone", "-V", "1", file)
			})
		}
	}
}

// TestUC22_PeersAcceptOddZones: the root, one with nothing but its apex, and one whose
// apex has a DNAME, so that all else in it is hidden.
func TestUC22_PeersAcceptOddZones(t *testing.T) {
	now := time.Now()
	for _, tc := range []struct{ origin, text string }{
		{".", ". 60 SOA a. b. 1 2 3 4 5\n. 60 NS ns.test.\ntest. 60 NS ns.test.\nns.test. 60 A 192.0.2.1\nsecure. 60 NS ns.test.\nsecure. 60 DS 1 13 2 " + strings.Repeat("ab", 32) + "\n"},
		{"tiny.example", "@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS ns.test.\n"},
		{"moved.example", "@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS ns.test.\n@ 60 DNAME other.example.\nhidden 60 A 192.0.2.1\n"},
	} {
		keys := pair(t, tc.origin, ECDSAP256SHA256)
		z := readZone(t, tc.text, tc.origin)
		for _, v := range variants {
			z = sign(t, z, keys, v.policy, now) // from one kind of proofs to the next
			file := writeZone(t, z)
			dnstest.Run(t, "dnssec-verify", "-q", "-o", tc.origin, file)
			dnstest.Run(t, "ldns-verify-zone", "-V", "1", file)
			if c := change(t, z, keys, v.policy, now); len(c.Added)+len(c.Removed) > 0 {
				t.Errorf("%s, %s: signed again: %v", tc.origin, v.name, c)
			}
		}
	}
}

// TestUC22_PeersRefuseWhatIsBroken is the control of the tests with bind9's and
// ldns' verifiers: a proof less, and a signature of other data, are seen.
func TestUC22_PeersRefuseWhatIsBroken(t *testing.T) {
	now := time.Now()
	z := sign(t, readZone(t, hard, "hard.example"), pair(t, "hard.example", ED25519), Policy{}, now)
	for name, c := range map[string]zone.Change{
		"a proof less":       {Removed: z.RRs(dns.MustParseName("mail.hard.example"), dns.TypeNSEC)},
		"an address more":    {Added: []dns.RR{&dns.A{Hdr: dns.RecordHeader{Name: "mail.hard.example.", Rrtype: dns.TypeA, Class: dns.ClassIN, Ttl: 3600}, A: []byte{192, 0, 2, 66}}}},
		"signatures less":    {Removed: z.RRs(dns.MustParseName("many.hard.example"), dns.TypeRRSIG)},
		"a key less":         {Removed: z.RRs(z.Origin(), dns.TypeDNSKEY)[:1]},
		"a name not in NSEC": {Added: []dns.RR{&dns.NS{Hdr: dns.RecordHeader{Name: "new.hard.example.", Rrtype: dns.TypeNS, Class: dns.ClassIN, Ttl: 3600}, Ns: "a."}}},
	} {
		broken, err := z.Apply(c)
		if err != nil {
			t.Fatal(err)
		}
		file := writeZone(t, broken)
		if out, err := dnstest.Feed(t, "", "dnssec-verify", "-q", "-o", "hard.example", file); err == nil {
			t.Errorf("%s: dnssec-verify accepts it: %s", name, out)
		}
		if out, err := dnstest.Feed(t, "", "ldns-verify-zone", "-V", "1", file); err == nil {
			t.Errorf("%s: ldns-verify-zone accepts it: %s", name, out)
		}
	}
}

// verifyAll checks each set of z that its zone signs, and returns how many.
func verifyAll(t *testing.T, z *zone.Zone, now time.Time) (n int) {
	t.Helper()
	var cut dns.Name
	for name, set := range z.All() {
		if cut != nil && name.In(cut) && len(name) > len(cut) && set.Type != dns.TypeNSEC3 || set.Type == dns.TypeRRSIG {
			continue
		}
		if _, ok := z.RRset(name, dns.TypeNS); ok && len(name) > len(z.Origin()) {
			cut = name
			if set.Type != dns.TypeDS && set.Type != dns.TypeNSEC {
				continue
			}
		} else if _, ok := z.RRset(name, dns.TypeDNAME); ok {
			cut = name
		}
		s := take(t, z, name.String(), set.Type)
		s.now = now
		if _, err := s.verify(); err != nil {
			t.Errorf("%s %s: %v", name, set.Type, err)
		}
		// The oracle: what the library behind our records thinks of it.
		for _, sig := range s.sigs {
			for _, k := range s.keys {
				if KeyTag(k) == sig.KeyTag && sig.Verify(k, s.set) != nil && !name.IsWildcard() {
					t.Errorf("%s %s: the oracle refuses it", name, set.Type)
				}
			}
		}
		n++
	}
	return n
}

// TestUC22_WeAcceptWhatBindSigns: keys of dnssec-keygen, a zone signed by
// dnssec-signzone, each algorithm, NSEC and NSEC3 with rounds and salt: we verify
// each set, DS records of dnssec-dsfromkey match, we sign with the same key
// files, and dnssec-verify accepts that too.
func TestUC22_WeAcceptWhatBindSigns(t *testing.T) {
	for i, a := range algorithms {
		for j, args := range [][]string{nil, {"-3", "abcd", "-H", "5"}, {"-3", "-", "-A"}} {
			if testing.Short() && i != j {
				continue
			}
			t.Run(a.String()+strings.Join(args, ""), func(t *testing.T) {
				dir := t.TempDir()
				file := filepath.Join(dir, "zone")
				if err := os.WriteFile(file, []byte(hard), 0o600); err != nil {
					t.Fatal(err)
				}
				keygen := []string{"-q", "-K", dir, "-a", a.String()}
				if a == RSASHA256 || a == RSASHA512 {
					keygen = append(keygen, "-b", "2048")
				}
				ksk := strings.TrimSpace(dnstest.Run(t, "dnssec-keygen", append(keygen, "-f", "KSK", "hard.example")...))
				dnstest.Run(t, "dnssec-keygen", append(keygen, "hard.example")...)
				dnstest.Run(t, "dnssec-signzone", append(append([]string{"-q", "-S", "-K", dir, "-d", dir, "-o", "hard.example"}, args...), file)...)
				text, err := os.ReadFile(file + ".signed")
				if err != nil {
					t.Fatal(err)
				}
				signed := readZone(t, string(text), "hard.example")
				now := time.Now() // the keys' time
				if n := verifyAll(t, signed, now); n < 50 {
					t.Errorf("verified %d sets, want more", n)
				}

				rr, err := dns.ParseRR(strings.Split(dnstest.Run(t, "dnssec-dsfromkey", "-2", filepath.Join(dir, ksk+".key")), "\n")[0])
				if err != nil {
					t.Fatal(err)
				}
				if keys, err := MatchDS([]*dns.DS{rr.(*dns.DS)}, keysOf(signed), &Budget{}); err != nil || len(keys) != 1 {
					t.Errorf("DS %v: got %v, %v", rr, keys, err)
				}

				keys, err := ReadKeys(reactor.New(nil).Loop().FS(), dir, signed.Origin())
				if err != nil || len(keys) != 2 {
					t.Fatalf("got %d keys, %v", len(keys), err)
				}
				again := sign(t, signed, keys, Policy{NSEC3: args != nil}, now)
				dnstest.Run(t, "dnssec-verify", "-q", "-o", "hard.example", writeZone(t, again))
				verifyAll(t, again, now)
			})
		}
	}
}

// TestUC22_PeersReadOurKeys: bind9 signs with keys that Write wrote, and makes
// the same DS record of them as we do.
func TestUC22_PeersReadOurKeys(t *testing.T) {
	fsys := reactor.New(nil).Loop().FS()
	for _, a := range algorithms {
		t.Run(a.String(), func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "zone")
			if err := os.WriteFile(file, []byte(hard), 0o600); err != nil {
				t.Fatal(err)
			}
			keys := pair(t, "hard.example", a)
			past := time.Now().Add(-time.Hour)
			for i, k := range keys {
				timed := *k
				timed.Timing = Timing{Created: past, Publish: past, Activate: past, Delete: past.Add(1e5 * time.Hour)}
				keys[i] = &timed
				if err := Write(fsys, dir, &timed); err != nil {
					t.Fatal(err)
				}
			}
			dnstest.Run(t, "dnssec-signzone", "-q", "-S", "-K", dir, "-d", dir, "-o", "hard.example", file)
			dnstest.Run(t, "dnssec-verify", "-q", "-o", "hard.example", file+".signed")
			base := filepath.Join(dir, fmt.Sprintf("Khard.example.+%03d+%05d", a, keys[0].Tag()))
			got := strings.Fields(dnstest.Run(t, "dnssec-dsfromkey", "-2", base+".key"))
			ds, err := NewDS(keys[0].DNSKEY, DigestSHA256)
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.ToUpper(ds.Digest); got[len(got)-1] != want {
				t.Errorf("DS: bind9 has %s, we have %s", got[len(got)-1], want)
			}
			if times := dnstest.Run(t, "dnssec-settime", "-p", "P", "-u", base); !strings.Contains(times, fmt.Sprint(past.Unix())) {
				t.Errorf("dnssec-settime says %q, want Publish %d", times, past.Unix())
			}
		})
	}
}
