package zone

import (
	_ "embed"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
)

var (
	//go:embed testdata/nsec.zone
	nsecZone string
	//go:embed testdata/nsec3.zone
	nsec3Zone string
)

// TestAllocations: answers allocate nothing, from the query's bytes to the
// answer's, with what there is to prove and signatures or without.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	zones := []struct {
		name   string
		z      *Zone
		signed bool
	}{{"plain", read(t, hard), false}, {"NSEC", read(t, nsecZone), true}, {"NSEC3", read(t, nsec3Zone), true}}
	changed, err := zones[0].z.Apply(Change{Added: records(t, "new.example. 60 IN A 192.0.2.99")})
	if err != nil {
		t.Fatal(err)
	}
	zones = append(zones, zones[0])
	zones[3].name, zones[3].z = "changed", changed
	for _, z := range zones {
		a := newAsker(z.z)
		for _, q := range []question{
			{"ns.example", dns.TypeA}, {"ns.example", dns.TypeAAAA}, {"ns.example", dns.TypeTXT},
			{"missing.example", dns.TypeA}, {"x.y.missing.example", dns.TypeA}, {"www.sub.example", dns.TypeA},
			{"example", dns.TypeMX}, {"example", dns.TypeNS}, {"x.wild.example", dns.TypeA}, {"alias.example", dns.TypeA},
			{"x.chain.example", dns.TypeTXT}, {"host.moved.example", dns.TypeA}, {"svc.example", dns.TypeHTTPS},
			{"secure.example", dns.TypeDS}, {"sub.example", dns.TypeDS}, {"example", dns.TypeANY}, {"empty.one.example", dns.TypeA},
		} {
			p := query(t, q.name, q.rtype, z.signed)
			if got := testing.AllocsPerRun(100, func() { a.ask(p) }); got != 0 {
				t.Errorf("%s: %s %s: got %v allocations, want none", z.name, q.name, q.rtype, got)
			}
		}
	}
}
