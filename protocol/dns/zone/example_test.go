package zone_test

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

const file = `
$TTL 1h
@	SOA ns hostmaster ( 2024010101 1h 15m 1w 10m )
	NS  ns
ns	A   192.0.2.1
www	A   192.0.2.2
*.dyn	TXT "any name below dyn"
`

func Example() {
	z, err := zone.Read(strings.NewReader(file), zone.Options{Origin: dns.MustParseName("example.com")})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := &dns.Server{Handler: z} // and have it listen
	_ = s
	fmt.Println(z.Origin(), z.Serial(), z.Names(), z.Records(), z.Signed())
	for _, rr := range z.RRs(dns.MustParseName("www.example.com"), dns.TypeA) {
		fmt.Println(rr)
	}
	// Output:
	// example.com. 2024010101 4 5 false
	// www.example.com.	3600	IN	A	192.0.2.2
}

// A zone need not be in a file.
func ExampleNew() {
	var records []dns.RR
	for _, s := range []string{
		"example.com. 60 IN SOA ns.example.com. hostmaster.example.com. 1 3600 900 604800 600",
		"example.com. 60 IN NS ns.example.com.",
	} {
		rr, err := dns.ParseRR(s)
		if err != nil {
			fmt.Println(err)
			return
		}
		records = append(records, rr)
	}
	z, err := zone.New(dns.MustParseName("example.com"), slices.Values(records))
	if err != nil {
		fmt.Println(err)
		return
	}
	z.WriteTo(os.Stdout)
	// Output:
	// example.com.	60	IN	SOA	ns.example.com. hostmaster.example.com. 1 3600 900 604800 600
	// example.com.	60	IN	NS	ns.example.com.
}

// A change makes another version; the one before stays for who has it.
func ExampleZone_Apply() {
	z, err := zone.Read(strings.NewReader(file), zone.Options{Origin: dns.MustParseName("example.com")})
	if err != nil {
		fmt.Println(err)
		return
	}
	serial := *z.SOA()
	serial.Serial = uint32(dns.Serial(z.Serial()).Next())
	added, err := dns.ParseRR("mail.example.com. 60 IN A 192.0.2.3")
	if err != nil {
		fmt.Println(err)
		return
	}
	next, err := z.Apply(zone.Change{Removed: []dns.RR{z.SOA()}, Added: []dns.RR{&serial, added}})
	if err != nil {
		fmt.Println(err)
		return
	}
	mail := dns.MustParseName("mail.example.com")
	fmt.Println(z.Serial(), z.Has(mail))
	fmt.Println(next.Serial(), next.Has(mail))
	// Output:
	// 2024010101 false
	// 2024010102 true
}

func ExampleRead_error() {
	_, err := zone.Read(strings.NewReader(file+"www CNAME ns\n"), zone.Options{Origin: dns.MustParseName("example.com"), File: "example.com.zone"})
	fmt.Println(err)
	// Output:
	// zone: example.com.zone:8: www.example.com. CNAME: want no other records beside it
}
