package dnssec

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// A case of one set, its signatures, and the zone's keys.
type signedSet struct {
	set  []dns.RR
	sigs []*dns.RRSIG
	keys []*dns.DNSKEY
	now  time.Time
}

func (s signedSet) verify() (Verified, error) {
	return VerifyRRset(s.set, s.sigs, s.keys, s.now, &Budget{})
}

// take is a set of z with copies of everything, to be broken.
func take(t testing.TB, z *zone.Zone, name string, rtype dns.Type) signedSet {
	t.Helper()
	n := dns.MustParseName(name)
	s := signedSet{set: z.RRs(n, rtype), keys: keysOf(z), now: now}
	for _, rr := range z.RRs(n, dns.TypeRRSIG) {
		if sig := rr.(*dns.RRSIG); dns.Type(sig.TypeCovered) == rtype {
			s.sigs = append(s.sigs, sig)
		}
	}
	if len(s.set) == 0 || len(s.sigs) == 0 {
		t.Fatalf("%s %s: %d records, %d signatures", name, rtype, len(s.set), len(s.sigs))
	}
	return s
}

func keysOf(z *zone.Zone) (keys []*dns.DNSKEY) {
	for _, rr := range z.RRs(z.Origin(), dns.TypeDNSKEY) {
		keys = append(keys, rr.(*dns.DNSKEY))
	}
	return keys
}

// TestUC22_BrokenSignatures: what is broken in any way is refused, with the
// code that says how; unbroken it is accepted.
func TestUC22_BrokenSignatures(t *testing.T) {
	for _, a := range []Algorithm{ECDSAP256SHA256, ED25519, RSASHA256} {
		t.Run(a.String(), func(t *testing.T) {
			z := sign(t, readZone(t, hard, "hard.example"), pair(t, "hard.example", a), Policy{}, now)
			other := sign(t, readZone(t, "@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS a.\nmail.hard 60 A 192.0.2.3\n", "example"), pair(t, "example", a), Policy{}, now)
			stranger := newKey(t, KeyOptions{Zone: z.Origin(), Algorithm: a}, 77)
			flip := func(b64 string) string {
				b, _ := base64.StdEncoding.DecodeString(b64)
				b[len(b)/2] ^= 1
				return base64.StdEncoding.EncodeToString(b)
			}
			tests := []struct {
				name string
				code uint16
				do   func(s *signedSet)
			}{
				{"expired", CodeSignatureExpired, func(s *signedSet) { s.now = s.now.Add(15 * 24 * time.Hour) }},
				{"expired by a second", CodeSignatureExpired, func(s *signedSet) { s.now = time.Unix(int64(s.sigs[0].Expiration)+1, 0) }},
				{"not yet valid", CodeSignatureTooEarly, func(s *signedSet) { s.now = s.now.Add(-2 * time.Hour) }},
				{"ends before it begins", CodeBogus, func(s *signedSet) {
					s.sigs[0].Inception, s.sigs[0].Expiration = s.sigs[0].Expiration, s.sigs[0].Inception
				}},
				{"wrong key", CodeKeyMissing, func(s *signedSet) { s.keys = []*dns.DNSKEY{stranger.DNSKEY} }},
				{"wrong key of the same tag", CodeBogus, func(s *signedSet) {
					s.sigs[0].KeyTag, s.keys = stranger.Tag(), []*dns.DNSKEY{stranger.DNSKEY}
				}},
				{"no keys", CodeKeyMissing, func(s *signedSet) { s.keys = nil }},
				{"no zone key", CodeNoZoneKey, func(s *signedSet) {
					for _, k := range s.keys {
						k.Flags &^= FlagZone
					}
				}},
				{"revoked keys", CodeNoZoneKey, func(s *signedSet) {
					for _, k := range s.keys {
						k.Flags |= FlagRevoke
					}
				}},
				{"protocol", CodeNoZoneKey, func(s *signedSet) {
					for _, k := range s.keys {
						k.Protocol = 4
					}
				}},
				{"bit of the data", CodeBogus, func(s *signedSet) { s.set[0].(*dns.A).A[3] ^= 1 }},
				{"bit of the signature", CodeBogus, func(s *signedSet) { s.sigs[0].Signature = flip(s.sigs[0].Signature) }},
				{"short signature", CodeBogus, func(s *signedSet) { s.sigs[0].Signature = s.sigs[0].Signature[:8] }},
				{"no base64", CodeBogus, func(s *signedSet) { s.sigs[0].Signature = "?" }},
				{"one record more", CodeBogus, func(s *signedSet) {
					more := *s.set[0].(*dns.A)
					more.A = []byte{192, 0, 2, 99}
					s.set = append(s.set, &more)
				}},
				{"one record less", CodeBogus, func(s *signedSet) { s.set = s.set[1:] }},
				{"wrong owner", CodeSignatureMissing, func(s *signedSet) {
					for _, rr := range s.set {
						rr.Header().Name = "mail.hard.example."
					}
				}},
				{"wrong owner of both", CodeBogus, func(s *signedSet) {
					for _, rr := range s.set {
						rr.Header().Name = "mail.hard.example."
					}
					s.sigs[0].Hdr.Name = "mail.hard.example."
				}},
				{"wrong type", CodeSignatureMissing, func(s *signedSet) { s.sigs[0].TypeCovered = dns.TypeAAAA }},
				{"wrong signer", CodeBogus, func(s *signedSet) { s.sigs[0].SignerName = "example." }},
				{"signer of another zone", CodeBogus, func(s *signedSet) {
					s.keys, s.sigs[0].SignerName = keysOf(other), "example."
					s.sigs[0].KeyTag = KeyTag(s.keys[0])
				}},
				{"keys of another zone", CodeBogus, func(s *signedSet) { s.keys = keysOf(other) }},
				{"too many labels", CodeBogus, func(s *signedSet) { s.sigs[0].Labels++ }},
				{"fewer labels", CodeBogus, func(s *signedSet) { s.sigs[0].Labels-- }},
				{"fewer labels than the zone", CodeBogus, func(s *signedSet) { s.sigs[0].Labels = 1 }},
				{"another original TTL", CodeBogus, func(s *signedSet) { s.sigs[0].OrigTtl++ }},
				{"another algorithm", CodeKeyMissing, func(s *signedSet) {
					s.sigs[0].Algorithm = map[bool]uint8{true: 13, false: 15}[a != ECDSAP256SHA256]
				}},
				{"downgrade to an algorithm that nobody knows", CodeBogus, func(s *signedSet) { s.sigs[0].Algorithm = 5 }},
				{"no signature", CodeSignatureMissing, func(s *signedSet) { s.sigs = nil }},
				{"class", CodeSignatureMissing, func(s *signedSet) { s.sigs[0].Hdr.Class = dns.ClassCH }},
			}
			for _, tc := range tests {
				s := take(t, z, "many.hard.example.", dns.TypeA)
				if _, err := s.verify(); err != nil {
					t.Fatalf("%s: before it was broken: %v", tc.name, err)
				}
				tc.do(&s)
				_, err := s.verify()
				bad, ok := errors.AsType[*BogusError](err)
				if !ok || bad.Code != tc.code {
					t.Errorf("%s: got %v, want an error of code %d", tc.name, err, tc.code)
				}
			}
		})
	}
}

// TestUC22_TTLIsBounded: a TTL that somebody raised is the signed one again, and
// nothing is kept longer than its signature is valid.
func TestUC22_TTLIsBounded(t *testing.T) {
	z := sign(t, readZone(t, hard, "hard.example"), pair(t, "hard.example", ED25519), Policy{}, now)
	s := take(t, z, "many.hard.example.", dns.TypeA)
	for _, rr := range s.set {
		rr.Header().Ttl = 86400
	}
	s.sigs[0].Hdr.Ttl = 86400
	if v, err := s.verify(); err != nil || v.TTL != 3600 {
		t.Errorf("got TTL %d, %v, want 3600", v.TTL, err)
	}
	s.now = time.Unix(int64(s.sigs[0].Expiration)-10, 0)
	if v, err := s.verify(); err != nil || v.TTL != 10 {
		t.Errorf("got TTL %d, %v, ten seconds before the end", v.TTL, err)
	}
}

// TestN19_SignatureDates: dates are compared by serial arithmetic (RFC 4034
// section 3.1.5), so signatures are valid beyond the year 2106, where the count
// begins again.
func TestN19_SignatureDates(t *testing.T) {
	late := time.Unix(1<<32-100, 0) // 100 seconds before
	z := sign(t, readZone(t, hard, "hard.example"), pair(t, "hard.example", ED25519), Policy{}, late)
	s := take(t, z, "many.hard.example.", dns.TypeA)
	if s.sigs[0].Expiration > s.sigs[0].Inception {
		t.Fatal("want a signature over the turn")
	}
	for _, c := range []struct {
		after time.Duration
		code  uint16
	}{{0, 0}, {200 * time.Second, 0}, {24 * time.Hour, 0}, {-2 * time.Hour, CodeSignatureTooEarly}, {20 * 24 * time.Hour, CodeSignatureExpired}} {
		s.now = late.Add(c.after)
		_, err := s.verify()
		bad, _ := errors.AsType[*BogusError](err)
		if c.code == 0 && err != nil || c.code != 0 && (bad == nil || bad.Code != c.code) {
			t.Errorf("%s later: got %v, want code %d", c.after, err, c.code)
		}
	}
}

// TestUC22_WildcardExpansion: records of a wildcard verify under a name that it
// stands for, and say so; a proof made from one does not.
func TestUC22_WildcardExpansion(t *testing.T) {
	z := sign(t, readZone(t, hard, "hard.example"), pair(t, "hard.example", ED25519), Policy{}, now)
	expand := func(rtype dns.Type, name string) (Verified, error) {
		s := take(t, z, "*.w.hard.example.", rtype)
		for _, rr := range s.set {
			rr.Header().Name = name
		}
		s.sigs[0].Hdr.Name = name
		return s.verify()
	}
	v, err := expand(dns.TypeA, "One.two.W.hard.example.")
	if err != nil || v.Wildcard.String() != "*.w.hard.example." {
		t.Errorf("got %v, %v", v.Wildcard, err)
	}
	if v, err := expand(dns.TypeA, "*.w.hard.example."); err != nil || v.Wildcard != nil {
		t.Errorf("the wildcard itself: got %v, %v, want no expansion", v.Wildcard, err)
	}
	if _, err := expand(dns.TypeNSEC, "*.w.hard.example."); err != nil {
		t.Errorf("the wildcard's own proof: %v", err)
	}
	if _, err := expand(dns.TypeNSEC, "mail.w.hard.example."); err == nil {
		t.Error("a proof made from a wildcard was accepted")
	}
}

// TestUC22_MatchDS: DS records lead to the keys that they are digests of, and to
// no others.
func TestUC22_MatchDS(t *testing.T) {
	keys := pair(t, "hard.example", ECDSAP256SHA256)
	records := []*dns.DNSKEY{keys[1].DNSKEY, keys[0].DNSKEY}
	ds := func(digest uint8, change func(*dns.DS)) *dns.DS {
		d, err := NewDS(keys[0].DNSKEY, digest)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(d)
		}
		return d
	}
	bad := func(d *dns.DS) { d.Digest = strings.Repeat("00", len(d.Digest)/2) }
	sha1 := func(d *dns.DS) { d.DigestType, d.Digest = 1, d.Digest[:40] }
	for _, tc := range []struct {
		name string
		ds   []*dns.DS
		want error // nil: keys[0]
	}{
		{"SHA-256", []*dns.DS{ds(2, nil)}, nil},
		{"SHA-384", []*dns.DS{ds(4, nil)}, nil},
		{"capitals", []*dns.DS{ds(2, func(d *dns.DS) { d.Digest, d.Hdr.Name = strings.ToUpper(d.Digest), "Hard.EXAMPLE." })}, nil},
		{"one of two", []*dns.DS{ds(2, bad), ds(4, nil)}, nil},
		{"SHA-1 beside", []*dns.DS{ds(2, sha1), ds(2, nil)}, nil},
		{"digest mismatch", []*dns.DS{ds(2, bad)}, &BogusError{}},
		{"SHA-1 beside a mismatch", []*dns.DS{ds(2, sha1), ds(2, bad)}, &BogusError{}},
		{"tag mismatch", []*dns.DS{ds(2, func(d *dns.DS) { d.KeyTag++ })}, &BogusError{}},
		{"another zone's", []*dns.DS{ds(2, func(d *dns.DS) { d.Hdr.Name = "example." })}, &BogusError{}},
		{"algorithm mismatch", []*dns.DS{ds(2, func(d *dns.DS) { d.Algorithm = 8 })}, &BogusError{}},
		{"SHA-1 only", []*dns.DS{ds(2, sha1)}, ErrInsecure},
		{"unknown digest", []*dns.DS{ds(2, func(d *dns.DS) { d.DigestType = 99 })}, ErrInsecure},
		{"unknown algorithm", []*dns.DS{ds(2, func(d *dns.DS) { d.Algorithm = 99 })}, ErrInsecure},
		{"algorithm with SHA-1", []*dns.DS{ds(2, func(d *dns.DS) { d.Algorithm = 5 })}, ErrInsecure},
	} {
		found, err := MatchDS(tc.ds, records, &Budget{})
		_, isBogus := errors.AsType[*BogusError](err)
		switch {
		case tc.want == nil && (err != nil || len(found) != 1 || found[0] != keys[0].DNSKEY):
			t.Errorf("%s: got %v, %v", tc.name, found, err)
		case tc.want == ErrInsecure && err != ErrInsecure, tc.want != nil && tc.want != ErrInsecure && !isBogus:
			t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
		}
	}
}

// TestUC22_UnsupportedKeysAreInsecure: a zone with nothing but unknown algorithms
// is an unsigned one; with a known one beside, it is not (RFC 4035 section 5.2).
func TestUC22_UnsupportedKeysAreInsecure(t *testing.T) {
	z := sign(t, readZone(t, hard, "hard.example"), pair(t, "hard.example", ED25519), Policy{}, now)
	s := take(t, z, "many.hard.example.", dns.TypeA)
	unknown := *s.keys[0]
	unknown.Algorithm = 5
	known := s.keys
	s.keys = []*dns.DNSKEY{&unknown}
	if _, err := s.verify(); err != ErrInsecure {
		t.Errorf("got %v, want ErrInsecure", err)
	}
	s.keys = append(s.keys, known...)
	if _, err := s.verify(); err != nil {
		t.Error(err)
	}
	s.sigs[0].Algorithm = 5
	if _, err := s.verify(); errors.Is(err, ErrInsecure) || err == nil {
		t.Errorf("got %v, want a BogusError: the known algorithm's signature was taken away", err)
	}
}

// TestUC22_KeyTrap: keys of one tag and signatures that are all wrong cost a
// bounded number of computations (CVE-2023-50387), and so do hashes of long names
// (CVE-2023-50868).
func TestUC22_KeyTrap(t *testing.T) {
	z := sign(t, readZone(t, hard, "hard.example"), pair(t, "hard.example", ED25519), Policy{}, now)
	s := take(t, z, "many.hard.example.", dns.TypeA)
	sig := s.sigs[0]
	var signing *dns.DNSKEY
	for _, k := range s.keys {
		if KeyTag(k) == sig.KeyTag {
			signing = k
		}
	}
	// The tag is a sum: swapping two words of the key keeps it.
	raw, _ := base64.StdEncoding.DecodeString(signing.PublicKey)
	s.keys = nil
	for i := 2; i+2 <= len(raw); i += 2 {
		b := bytes.Clone(raw)
		b[0], b[1], b[i], b[i+1] = b[i], b[i+1], b[0], b[1]
		k := *signing
		k.PublicKey = base64.StdEncoding.EncodeToString(b)
		if KeyTag(&k) != sig.KeyTag {
			t.Fatal("another tag")
		}
		s.keys = append(s.keys, &k)
	}
	s.sigs = nil
	for range 100 {
		s.sigs = append(s.sigs, sig)
	}
	b := &Budget{}
	_, err := VerifyRRset(s.set, s.sigs, s.keys, now, b)
	if _, failures, _ := b.Spent(); err != ErrBudget || failures != DefaultMaxFailures+1 {
		t.Errorf("got %v after %d wrong signatures, want ErrBudget after %d", err, failures, DefaultMaxFailures+1)
	}
	// With the true key among three, it is found.
	s.keys = append(s.keys[:2:2], signing)
	if _, err := VerifyRRset(s.set, s.sigs, s.keys, now, &Budget{}); err != nil {
		t.Error(err)
	}
	if _, err := VerifyRRset(s.set, s.sigs, s.keys[2:], now, &Budget{MaxSignatures: -1}); err != ErrBudget {
		t.Errorf("without a budget: got %v", err)
	}

	z = sign(t, readZone(t, hard, "hard.example"), pair(t, "hard.example", ED25519), Policy{NSEC3: true}, now)
	d, err := NewDenial(z.Origin(), proofs(t, z)[:8], &Budget{MaxHashes: 20})
	if err != nil {
		t.Fatal(err)
	}
	long := dns.MustParseName(strings.Repeat("a.", 100) + "hard.example")
	if _, err := d.NameError(long); err != ErrBudget {
		t.Errorf("a name of 102 labels: got %v, want ErrBudget", err)
	}
}
