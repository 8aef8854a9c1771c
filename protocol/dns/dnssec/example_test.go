package dnssec_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnssec"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/sim"
)

const exampleZone = `
@   3600 SOA ns admin 1 7200 3600 1209600 600
@   3600 NS  ns
ns  3600 A   192.0.2.1
www 3600 A   192.0.2.2
`

// exampleNow and exampleRandom are the loop's, in a program.
var exampleNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func exampleRandom() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{}) }

// A zone is signed with a key of its own; what its parent needs to know is the DS
// record.
func Example() {
	z, err := zone.Read(strings.NewReader(exampleZone), zone.Options{Origin: dns.MustParseName("example")})
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := dnssec.Generate(exampleRandom(), dnssec.KeyOptions{Zone: z.Origin(), Algorithm: dnssec.ED25519, KSK: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	change, err := dnssec.Sign(z, []*dnssec.Key{key}, dnssec.Policy{}, exampleNow)
	if err != nil {
		fmt.Println(err)
		return
	}
	z, err = z.Apply(change)
	fmt.Println(err, z.Signed(), z.Serial())
	for _, rr := range z.RRs(dns.MustParseName("www.example"), dns.TypeNSEC) {
		fmt.Println(dns.DataText(rr))
	}
	ds, err := dnssec.NewDS(key.DNSKEY, dnssec.DigestSHA256)
	fmt.Println(ds.KeyTag == key.Tag(), ds.Algorithm, ds.DigestType, err)
	fmt.Println(dnssec.Due(z, []*dnssec.Key{key}, dnssec.Policy{}, exampleNow).Sub(exampleNow) > 8*24*time.Hour)
	// Output:
	// <nil> true 2
	// example. A RRSIG NSEC
	// true 15 2 <nil>
	// true
}

// A validator goes from the DS record to the zone's keys, and from those to what
// they signed.
func ExampleVerifyRRset() {
	z, key := signedExample()
	www := dns.MustParseName("www.example")
	ds, _ := dnssec.NewDS(key.DNSKEY, dnssec.DigestSHA256)
	var b dnssec.Budget

	keys := only[*dns.DNSKEY](z.RRs(z.Origin(), dns.TypeDNSKEY))
	entries, err := dnssec.MatchDS([]*dns.DS{ds}, keys, &b)
	fmt.Println(len(entries), err)
	set := z.RRs(z.Origin(), dns.TypeDNSKEY)
	_, err = dnssec.VerifyRRset(set, signatures(z, z.Origin(), dns.TypeDNSKEY), entries, exampleNow, &b)
	fmt.Println(err)
	set = z.RRs(www, dns.TypeA)
	v, err := dnssec.VerifyRRset(set, signatures(z, www, dns.TypeA), keys, exampleNow, &b)
	fmt.Println(v.Signer, v.Wildcard == nil, err)

	set[0].(*dns.A).A = []byte{203, 0, 113, 66}
	_, err = dnssec.VerifyRRset(set, signatures(z, www, dns.TypeA), keys, exampleNow, &b)
	fmt.Println(strings.HasPrefix(err.Error(), "dnssec: www.example. A: the signature by key"))
	// Output:
	// 1 <nil>
	// <nil>
	// example. true <nil>
	// true
}

// A Denial says what the proofs of an answer prove.
func ExampleNewDenial() {
	z, _ := signedExample()
	proofs := append(z.RRs(dns.MustParseName("ns.example"), dns.TypeNSEC), z.RRs(z.Origin(), dns.TypeNSEC)...)
	d, err := dnssec.NewDenial(z.Origin(), proofs, &dnssec.Budget{})
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := d.NameError(dns.MustParseName("nowhere.example"))
	fmt.Println(status, err)
	status, err = d.NoData(dns.MustParseName("ns.example"), dns.TypeMX)
	fmt.Println(status, err)
	_, err = d.NameError(dns.MustParseName("www.example"))
	fmt.Println(err)
	// Output:
	// secure <nil>
	// secure <nil>
	// dnssec: www.example.: no proof that it does not exist
}

// Keys live in files, as BIND's tools write and read them.
func ExampleReadKeys() {
	disk := sim.NewDisk(func() time.Time { return exampleNow })
	disk.Mkdir("keys", 0o700)
	origin := dns.MustParseName("example")
	for _, ksk := range []bool{true, false} {
		key, err := dnssec.Generate(exampleRandom(), dnssec.KeyOptions{Zone: origin, KSK: ksk, Timing: dnssec.Timing{Created: exampleNow}})
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := dnssec.Write(disk, "keys", key); err != nil {
			fmt.Println(err)
			return
		}
	}
	keys, err := dnssec.ReadKeys(disk, "keys", origin)
	fmt.Println(len(keys), err)
	fmt.Println(keys[0].Algorithm(), keys[0].KSK() != keys[1].KSK(), keys[0].Active(exampleNow))
	// Output:
	// 2 <nil>
	// ECDSAP256SHA256 true true
}

// A large zone is signed in pieces, here of up to ten signatures.
func ExampleNewPlan() {
	z, key := signedExample()
	later := exampleNow.Add(13 * 24 * time.Hour)
	plan, err := dnssec.NewPlan(dnssec.Versions{From: z, To: z}, []*dnssec.Key{key}, dnssec.Policy{}, later)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := 0; i < plan.Len(); i += 10 {
		if err := plan.Sign(i, min(i+10, plan.Len())); err != nil {
			fmt.Println(err)
			return
		}
	}
	change, err := plan.Change()
	fmt.Println(plan.Len(), len(change.Removed), len(change.Added), err)
	// Output: 8 9 9 <nil>
}

// The keys of the root, and others from a file.
func ExampleReadAnchors() {
	for _, ds := range dnssec.RootAnchors() {
		fmt.Println(ds.Hdr.Name, ds.KeyTag)
	}
	private, err := dnssec.ReadAnchors(strings.NewReader("corp. DS 12345 13 2 "+strings.Repeat("ab", 32)+"\n"), "corp.ds")
	fmt.Println(private[0].Hdr.Name, private[0].KeyTag, err)
	// Output:
	// . 20326
	// . 38696
	// corp. 12345 <nil>
}

func signedExample() (*zone.Zone, *dnssec.Key) {
	z, err := zone.Read(strings.NewReader(exampleZone), zone.Options{Origin: dns.MustParseName("example")})
	if err != nil {
		panic(err)
	}
	key, err := dnssec.Generate(exampleRandom(), dnssec.KeyOptions{Zone: z.Origin(), KSK: true})
	if err != nil {
		panic(err)
	}
	change, err := dnssec.Sign(z, []*dnssec.Key{key}, dnssec.Policy{}, exampleNow)
	if err != nil {
		panic(err)
	}
	if z, err = z.Apply(change); err != nil {
		panic(err)
	}
	return z, key
}

// only are the records of one Go type.
func only[T dns.RR](rrs []dns.RR) (out []T) {
	for _, rr := range rrs {
		out = append(out, rr.(T))
	}
	return out
}

// signatures are those of one type.
func signatures(z *zone.Zone, name dns.Name, t dns.Type) (out []*dns.RRSIG) {
	for _, sig := range only[*dns.RRSIG](z.RRs(name, dns.TypeRRSIG)) {
		if dns.Type(sig.TypeCovered) == t {
			out = append(out, sig)
		}
	}
	return out
}
