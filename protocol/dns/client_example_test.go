package dns_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// world is a simulated network with a name server, host "ns", and a host that
// asks it.
func world() (w *sim.World, here *sim.Host, ns dns.Upstream) {
	records := map[string]string{
		"www.example. A":              "www.example. 300 A 192.0.2.1",
		"www.example. AAAA":           "www.example. 300 AAAA 2001:db8::1",
		"example. MX":                 "example. 300 MX 10 mail.example.",
		"_chat._tcp.example. SRV":     "_chat._tcp.example. 300 SRV 1 1 5222 chat.",
		"1.2.0.192.in-addr.arpa. PTR": "1.2.0.192.in-addr.arpa. 300 PTR www.example.",
	}
	s := &dns.Server{Handler: dns.HandlerFunc(func(w *dns.ResponseWriter, q *dns.Query) {
		text, ok := records[q.Name.String()+" "+q.Type.String()]
		if !ok {
			w.SetRcode(dns.RcodeNameError)
			return
		}
		rr, _ := dns.ParseRR(text)
		w.Answer(rr)
	})}
	w = sim.New(nil, 0)
	h := w.Host("ns")
	if _, err := h.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, s.Packets()); err != nil {
		panic(err)
	}
	h.Listen("tcp", ":53", s.Factory())
	return w, w.Host("here"), dns.Upstream{Addr: netip.AddrPortFrom(h.Addr(), 53)}
}

// A Client asks a server; Lookup takes any type of record.
func ExampleClient() {
	_, here, ns := world()
	c := &dns.Client{Loop: here.Loop(), Servers: []dns.Upstream{ns}}
	here.Do(func(co *deferred.Co) error {
		defer c.Close()
		mx, err := dns.Lookup[*dns.MX](c, "example").Await(co)
		if err != nil {
			return err
		}
		fmt.Println("mail goes to", mx[0].Mx)
		_, err = dns.LookupAddrs(c, "nobody.example").Await(co)
		fmt.Println(errors.Is(err, dns.ErrNoSuchName), err)
		return nil
	})
	// Output:
	// mail goes to mail.example.
	// true dns: nobody.example. AAAA: no such name
}

// Exchange sends a query of one's own, and shows all of the answer.
func ExampleClient_Exchange() {
	_, here, ns := world()
	c := &dns.Client{Loop: here.Loop()}
	here.Do(func(co *deferred.Co) error {
		defer c.Close()
		q := &dns.Message{Question: []dns.Question{{Name: "www.example.", Qtype: dns.TypeA, Qclass: dns.ClassIN}}}
		m, err := c.Exchange(q, ns).Await(co)
		if err != nil {
			return err
		}
		fmt.Println(dns.Rcode(m.Rcode), len(m.Answer), m.RecursionAvailable)
		return nil
	})
	// Output: NOERROR 1 false
}

// LookupPTR finds the names of an address.
func ExampleLookupPTR() {
	_, here, ns := world()
	c := &dns.Client{Loop: here.Loop(), Servers: []dns.Upstream{ns}}
	here.Do(func(co *deferred.Co) error {
		defer c.Close()
		names, err := dns.LookupPTR(c, netip.MustParseAddr("192.0.2.1")).Await(co)
		fmt.Println(names)
		return err
	})
	// Output: [www.example.]
}

// DialSRV connects to where the domain says that the service is.
func ExampleDialSRV() {
	w, here, ns := world()
	w.Host("chat").Listen("tcp", ":5222", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		t.Write([]byte("hello"))
		return &sim.Ear{Transport: t}
	}))
	c := &dns.Client{Loop: here.Loop(), Servers: []dns.Upstream{ns}}
	ear := new(sim.Ear)
	here.Do(func(co *deferred.Co) error {
		defer c.Close()
		_, err := dns.DialSRV(here.Loop(), c, dns.SRVDial{Service: "chat", Domain: "example"}, ear).Await(co)
		return err
	})
	w.Run(func() bool { return len(ear.Bytes) > 0 })
	fmt.Printf("%s from %v\n", ear.Bytes, ear.RemoteAddr())
	// Output: hello from 10.0.0.3:5222
}

// A loop of a real reactor looks names up so, if the reactor's Config has
//
//	Names: func(at twistor.Loop) twistor.Resolver { return &dns.Names{Loop: at} }
func ExampleNames() {
	_, here, ns := world()
	c := &dns.Client{Loop: here.Loop(), Servers: []dns.Upstream{ns}}
	names := &dns.Names{Loop: here.Loop(), Resolver: c}
	here.Do(func(co *deferred.Co) error {
		defer c.Close()
		for _, host := range []string{"www.example", "localhost", "192.0.2.7"} {
			addrs, err := names.Resolve(host).Await(co)
			if err != nil {
				return err
			}
			fmt.Println(host, addrs)
		}
		return nil
	})
	// Output:
	// www.example [2001:db8::1 192.0.2.1]
	// localhost [127.0.0.1 ::1]
	// 192.0.2.7 [192.0.2.7]
}

// A Chain asks a hosts file, which knows localhost even if it is missing, and
// then a server; Search completes names.
func ExampleChain() {
	_, here, ns := world()
	c := &dns.Client{Loop: here.Loop(), Servers: []dns.Upstream{ns}}
	r := dns.Chain{&dns.Hosts{Loop: here.Loop()}, &dns.Search{Resolver: c, Domains: []string{"example"}}}
	here.Do(func(co *deferred.Co) error {
		defer c.Close()
		for _, host := range []string{"localhost", "www"} {
			addr, err := dns.LookupHost(r, host).Await(co)
			if err != nil {
				return err
			}
			fmt.Println(host, addr)
		}
		return nil
	})
	// Output:
	// localhost 127.0.0.1
	// www 192.0.2.1
}

func ExampleReverseName() {
	fmt.Println(dns.ReverseName(netip.MustParseAddr("192.0.2.10")))
	fmt.Println(dns.ParseReverseName(dns.MustParseName("10.2.0.192.in-addr.arpa")))
	// Output:
	// 10.2.0.192.in-addr.arpa.
	// 192.0.2.10 true
}

func ExampleParseUpstream() {
	for _, s := range []string{"192.0.2.53", "tcp://[2001:db8::53]:5353", "tls://192.0.2.53#dns.example"} {
		u, err := dns.ParseUpstream(s)
		fmt.Println(u, err)
	}
	_, err := dns.ParseUpstream("dns.example")
	fmt.Println(err)
	// Output:
	// 192.0.2.53:53 <nil>
	// tcp://[2001:db8::53]:5353 <nil>
	// tls://192.0.2.53:853#dns.example <nil>
	// dns: server "dns.example": want an address, with a port or without
}

func ExampleParseResolvConf() {
	c := dns.ParseResolvConf([]byte("nameserver 192.0.2.53\nsearch corp.example\noptions ndots:2 rotate colour\n"))
	fmt.Println(c.Servers, c.Search, c.Ndots, c.Rotate)
	fmt.Println(strings.Join(c.Ignored, "\n"))
	// Output:
	// [192.0.2.53:53] [corp.example] 2 true
	// line 3: option "colour": not known
}
