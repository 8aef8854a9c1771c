package authority_test

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/authority"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/sim"
)

var origin = dns.MustParseName("example")

const file = `
@    3600 IN SOA ns1 host 1 3600 600 604800 60
@    3600 IN NS  ns1
@    3600 IN NS  ns2
ns1  3600 IN A   10.0.0.1
ns2  3600 IN A   10.0.0.2
`

// serve answers at port 53 from a.
func serve(a *authority.Authority, l twistor.Loop) error {
	s := &dns.Server{Handler: a.Handler(l), Opcodes: authority.Opcodes()}
	if _, err := l.ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, s.Packets()); err != nil {
		return err
	}
	_, err := twistor.Listen(l, "tcp", ":53", s.Factory())
	return err
}

// A zone changes at its primary, and the secondary has it in a moment.
func Example() {
	w := sim.New(nil, 0)
	defer w.Close()
	one, two := w.Host("ns1"), w.Host("ns2")
	at := func(h *sim.Host) authority.Peer {
		return authority.Peer{Addr: netip.AddrPortFrom(h.Addr(), 53)}
	}

	primary := authority.New(one.Loop(), authority.Config{})
	one.Do(func(co *deferred.Co) error {
		if err := serve(primary, one.Loop()); err != nil {
			return err
		}
		z, err := zone.Read(strings.NewReader(file), zone.Options{Origin: origin, File: "example.zone"})
		if err != nil {
			return err
		}
		_, err = primary.AddPrimary(z, authority.Primary{
			Transfer: []authority.Grant{{From: netip.PrefixFrom(two.Addr(), 32)}},
			Notify:   []authority.Peer{at(two)},
		}).Await(co)
		return err
	})

	secondary := authority.New(two.Loop(), authority.Config{})
	two.Do(func(co *deferred.Co) error {
		if err := serve(secondary, two.Loop()); err != nil {
			return err
		}
		_, err := secondary.AddSecondary(origin, authority.Secondary{Primaries: []authority.Peer{at(one)}}).Await(co)
		return err
	})
	w.Run(func() bool { return secondary.Zone(origin) != nil })
	fmt.Println("it came with", secondary.Zone(origin).Records(), "records")

	www, err := dns.ParseRR("www.example. 60 IN A 192.0.2.1")
	if err != nil {
		panic(err)
	}
	one.Do(func(co *deferred.Co) error {
		_, err := primary.Change(origin, zone.Change{Added: []dns.RR{www}}).Await(co)
		return err
	})
	w.Run(func() bool { return secondary.Zone(origin).Serial() == 2 })
	fmt.Println(secondary.Zone(origin).RRs(dns.MustParseName("www.example"), dns.TypeA))

	one.Do(primary.Stop)
	two.Do(secondary.Stop)
	// Output:
	// it came with 5 records
	// [www.example.	60	IN	A	192.0.2.1]
}

// users is a Source: a zone whose names are in a program.
type users map[string]string

// Lookup implements authority.Source.
func (u users) Lookup(name dns.Name) *deferred.Deferred[authority.Node] {
	text := "example. 60 IN SOA ns1.example. host.example. 1 3600 600 604800 60"
	if len(name) != len(origin) {
		home, ok := u[name.String()]
		if !ok {
			return deferred.Succeeded(authority.Node{})
		}
		text = name.String() + " 60 IN TXT " + home
	}
	rr, err := dns.ParseRR(text)
	if err != nil {
		return deferred.Failed[authority.Node](nil, err)
	}
	node := authority.Node{Records: []dns.RR{rr}}
	if len(name) == len(origin) {
		ns, err := dns.ParseRR("example. 60 IN NS ns1.example.")
		if err != nil {
			return deferred.Failed[authority.Node](nil, err)
		}
		node.Records = append(node.Records, ns)
	}
	return deferred.Succeeded(node)
}

func ExampleSource() {
	w := sim.New(nil, 0)
	defer w.Close()
	h := w.Host("ns1")
	a := authority.New(h.Loop(), authority.Config{})
	h.Do(func(co *deferred.Co) error {
		if err := a.AddSource(origin, users{"alice.example.": "Wonderland"}); err != nil {
			return err
		}
		return serve(a, h.Loop())
	})
	client := &dns.Client{Loop: w.Host("client").Loop()}
	w.Host("client").Do(func(co *deferred.Co) error {
		for _, name := range []string{"alice.example.", "bob.example."} {
			m := new(dns.Message)
			m.Question = []dns.Question{{Name: name, Qtype: dns.TypeTXT, Qclass: dns.ClassIN}}
			answer, err := client.Exchange(m, dns.Upstream{Addr: netip.AddrPortFrom(h.Addr(), 53)}).Await(co)
			if err != nil {
				return err
			}
			fmt.Println(name, dns.Rcode(answer.Rcode), answer.Answer)
		}
		return client.Close()
	})
	// Output:
	// alice.example. NOERROR [alice.example.	60	IN	TXT	"Wonderland"]
	// bob.example. NXDOMAIN []
}
