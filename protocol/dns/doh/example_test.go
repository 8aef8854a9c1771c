package doh_test

import (
	"fmt"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/doh"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// A server of DNS over HTTP, as it stands behind a proxy that speaks HTTPS, and
// a dns.Client that asks it.
func Example() {
	w := sim.New(nil, 0)
	s := &dns.Server{Handler: dns.HandlerFunc(func(w *dns.ResponseWriter, q *dns.Query) {
		w.Answer(&dns.A{Hdr: q.Header(60), A: []byte{192, 0, 2, 1}})
	})}
	mux := new(web.Mux)
	mux.Handle("/dns-query", &doh.Server{DNS: s})
	w.Host("server").Listen("tcp", ":80", &web.Server{Handler: mux})

	h := w.Host("client")
	wc := &web.Client{Loop: h.Loop()}
	c := &dns.Client{Loop: h.Loop(), Servers: []dns.Upstream{{Exchanger: &doh.Client{URL: "http://server/dns-query", Web: wc}}}}
	h.Do(func(co *deferred.Co) error {
		m, err := c.Resolve(dns.Question{Name: "www.example.", Qtype: dns.TypeA, Qclass: dns.ClassIN}, dns.Options{}).Await(co)
		if err != nil {
			return err
		}
		fmt.Println(m.Answer[0])
		wc.Close()
		return nil
	})
	w.Settle()
	w.Close()
	// Output: www.example.	60	IN	A	192.0.2.1
}
