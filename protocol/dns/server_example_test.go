package dns_test

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// A server that answers from code, over UDP and TCP, asked by a client.
func ExampleServer() {
	w := sim.New(nil, 0)
	s := &dns.Server{
		Handler: dns.HandlerFunc(func(w *dns.ResponseWriter, q *dns.Query) {
			w.SetAuthoritative(true)
			w.Answer(&dns.TXT{Hdr: q.Header(60), Txt: []string{"you asked over " + q.Network.String()}})
		}),
	}
	server, client := w.Host("server"), w.Host("client")
	server.Listen("tcp", ":53", s.Factory())
	server.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, s.Packets())

	c := &dns.Client{Loop: client.Loop()}
	for _, network := range []string{"udp", "tcp"} {
		u, _ := dns.ParseUpstream(network + "://" + server.Addr().String())
		c.Servers = append(c.Servers, u)
	}
	client.Do(func(co *deferred.Co) error {
		c.Order = dns.InTurn
		for range 2 {
			m, err := c.Resolve(dns.Question{Name: "who.example.", Qtype: dns.TypeTXT, Qclass: dns.ClassIN}, dns.Options{}).Await(co)
			if err != nil {
				return err
			}
			fmt.Println(m.Answer[0].(*dns.TXT).Txt[0])
		}
		return nil
	})
	fmt.Println(s.Stats().Queries[dns.OverTCP], "query over TCP")
	w.Close()
	// Output:
	// you asked over udp
	// you asked over tcp
	// 1 query over TCP
}

// Two parties that share a key sign what they send each other.
func ExampleTSIGKey() {
	key, err := dns.ParseTSIGKey("hmac-sha256:transfer.example:c2VjcmV0IG9mIHR3byBwYXJ0aWVz")
	if err != nil {
		fmt.Println(err)
		return
	}
	ring, _ := dns.NewKeyring(key)
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

	m := new(dns.Message).SetAxfr("example.com.")
	p, _ := m.Pack()
	p, _, _ = key.Sign(p, now)

	signing, err := ring.Verify(p, now)
	fmt.Println(signing.Key(), err)
	_, err = ring.Verify(p, now.Add(time.Hour))
	fmt.Println(err)
	// Output:
	// transfer.example. <nil>
	// dns: TSIG key transfer.example.: BADTIME: the clocks differ by 3600 s: want up to 300
}

// Keys are read from the files that other servers have.
func ExampleReadTSIGKeys() {
	keys, err := dns.ReadTSIGKeys(strings.NewReader(`key "transfer.example" {
		algorithm hmac-sha512;
		secret "c2VjcmV0IG9mIHR3byBwYXJ0aWVz";
	};`))
	fmt.Println(keys, err)
	// Output: [hmac-sha512:transfer.example.] <nil>
}

// Servers behind one address share the secret of their cookies.
func ExampleFixedCookies() {
	c, err := dns.FixedCookies(twistor.Conceal("e5e973e5a6b2a43f48e7dc849e37bfcf"))
	if err != nil {
		fmt.Println(err)
		return
	}
	s := &dns.Server{Cookies: c, RequireCookie: true}
	fmt.Println(s.RequireCookie)
	_, err = dns.FixedCookies(twistor.Conceal("secret"))
	fmt.Println(err)
	// Output:
	// true
	// dns: cookie secret: want 32 hexadecimal digits
}

// A line of a query log.
func ExampleLineLog() {
	log := &dns.LineLog{To: os.Stdout}
	log.Answered(&dns.Entry{
		At: time.Date(2026, 11, 22, 16, 12, 0, 0, time.UTC), Took: 120 * time.Microsecond,
		From: twistor.Peer{Addr: netip.MustParseAddrPort("192.0.2.7:4711")}, Network: dns.OverTLS,
		Name: dns.MustParseName("www.example.com"), Type: dns.TypeA, Class: dns.ClassIN, Bytes: 61,
	})
	// Output: 2026-11-22T16:12:00.000Z 192.0.2.7:4711 tls www.example.com. IN A NOERROR 61 0.120ms
}
