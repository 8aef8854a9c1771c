package resolver_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/resolver"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/sim"
)

// rootZone is a whole internet: one server, which knows everything.
const rootZone = `$TTL 300
@ SOA ns. nobody. 1 3600 600 86400 60
@ NS ns.
ns. A 10.0.0.1
www.example. A 192.0.2.1
`

// A resolver of one's own, for programs and for the clients of a server. In the
// real world, Config needs no more than what is to be different.
func Example() {
	w := sim.New(nil, 0)
	defer w.Close()
	root, client := w.Host("root"), w.Host("client")
	z, err := zone.Read(strings.NewReader(rootZone), zone.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := &dns.Server{Handler: z}
	root.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, s.Packets())
	hints, err := resolver.ReadHints(strings.NewReader(". 60 NS ns.\nns. 60 A 10.0.0.1\n"), "hints")
	if err != nil {
		fmt.Println(err)
		return
	}
	c := resolver.New(client.Loop(), resolver.Config{
		Hints:       hints,
		AllowServer: netip.Addr.IsPrivate, // ours are
		Validation:  resolver.NoValidate,  // our root is not signed
	})
	client.Do(func(co *deferred.Co) error {
		for range 2 {
			addrs, err := dns.LookupAddrs(c, "www.example").Await(co)
			fmt.Println(addrs, err)
		}
		return nil
	})
	fmt.Println(c.Stats.Hits, "of", c.Stats.Hits+c.Stats.Misses, "were known")
	// Output:
	// [192.0.2.1] <nil>
	// [192.0.2.1] <nil>
	// 2 of 4 were known
}

// A Cache before any Resolver, and what it does with an answer that a program makes.
func ExampleCache() {
	clock := sim.NewClock(nil)
	c := &resolver.Cache{Loop: clock, Resolver: hello{}}
	for range 3 {
		q := dns.Question{Name: "hello.example.", Qtype: dns.TypeTXT, Qclass: dns.ClassIN}
		c.Resolve(q, dns.Options{}).Done(func(m *dns.Message, err error) { fmt.Println(m.Answer[0], err) })
		clock.Advance(20 * time.Second)
	}
	// Output:
	// asked for hello.example.
	// hello.example.	60	IN	TXT	"hello" <nil>
	// hello.example.	40	IN	TXT	"hello" <nil>
	// hello.example.	20	IN	TXT	"hello" <nil>
}

type hello struct{}

func (hello) Resolve(q dns.Question, _ dns.Options) *deferred.Deferred[*dns.Message] {
	fmt.Println("asked for", q.Name)
	m := new(dns.Message)
	m.Answer = []dns.RR{&dns.TXT{Hdr: dns.RecordHeader{Name: q.Name, Rrtype: dns.TypeTXT, Class: dns.ClassIN, Ttl: 60}, Txt: []string{"hello"}}}
	return deferred.Succeeded(m)
}

// The built-in hints, and the file that they are from, say the same.
func ExampleRootHints() {
	for _, rr := range resolver.RootHints()[:3] {
		fmt.Println(rr)
	}
	// Output:
	// .	3600000	IN	NS	a.root-servers.net.
	// a.root-servers.net.	3600000	IN	A	198.41.0.4
	// a.root-servers.net.	3600000	IN	AAAA	2001:503:ba3e::2:30
}

// A file without servers is refused.
func ExampleReadHints() {
	_, err := resolver.ReadHints(strings.NewReader(". 60 NS ns.example.\n"), "named.root")
	fmt.Println(err)
	// Output:
	// resolver: named.root: want NS records of the root, and addresses of those servers
}

func ExamplePublicAddr() {
	for _, s := range []string{"198.41.0.4", "192.168.1.1", "2001:db8::1"} {
		fmt.Println(s, resolver.PublicAddr(netip.MustParseAddr(s)))
	}
	// Output:
	// 198.41.0.4 true
	// 192.168.1.1 false
	// 2001:db8::1 false
}
