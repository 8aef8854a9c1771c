package dnssec

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// large is a zone of n names.
func large(b *testing.B, n int) *zone.Zone {
	b.Helper()
	var text bytes.Buffer
	text.WriteString("@ 3600 SOA ns.else. m.else. 1 2 3 4 600\n@ 3600 NS ns.else.\n")
	for i := range n {
		fmt.Fprintf(&text, "host%d 3600 A 192.0.2.%d\n", i, i%256)
	}
	z, err := zone.Read(&text, zone.Options{Origin: dns.MustParseName("large.example")})
	if err != nil {
		b.Fatal(err)
	}
	return z
}

// BenchmarkSign signs 10,000 names for the first time.
func BenchmarkSign(b *testing.B) {
	z := large(b, 10_000)
	for _, a := range []Algorithm{ECDSAP256SHA256, ED25519} {
		keys := []*Key{newKey(b, KeyOptions{Zone: z.Origin(), Algorithm: a, KSK: true}, 1)}
		for _, v := range variants[:2] {
			b.Run(a.String()+"/"+v.name, func(b *testing.B) {
				for b.Loop() {
					if _, err := Sign(z, keys, v.policy, now); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkResign looks through 10,000 signed names after a change of one.
func BenchmarkResign(b *testing.B) {
	z := large(b, 10_000)
	keys := []*Key{newKey(b, KeyOptions{Zone: z.Origin(), KSK: true}, 1)}
	rr, err := dns.ParseRR("new.large.example. 60 IN A 192.0.2.1")
	if err != nil {
		b.Fatal(err)
	}
	for _, v := range variants[:2] {
		from := sign(b, z, keys, v.policy, now)
		to, err := from.Apply(zone.Change{Added: []dns.RR{rr}})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Resign(Versions{From: from, To: to}, keys, v.policy, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerifyRRset checks one set of three addresses.
func BenchmarkVerifyRRset(b *testing.B) {
	for _, a := range algorithms {
		z := sign(b, readZone(b, hard, "hard.example"), pair(b, "hard.example", a), Policy{}, now)
		s := take(b, z, "many.hard.example.", dns.TypeA)
		b.Run(a.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.verify(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
