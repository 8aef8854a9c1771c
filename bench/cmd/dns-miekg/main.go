//go:build linux

// DNS with github.com/miekg/dns: its server, and its records in a map.
// Usage: dns-miekg ADDR ZONEFILE
package main

import (
	"log"
	"os"
	"strings"

	"github.com/miekg/dns"

	"github.com/twistor-go/twistor/bench/internal/hosts"
)

type zone struct {
	soa     dns.RR
	records map[string][]dns.RR
}

func read(file string) (z zone, err error) {
	f, err := os.Open(file)
	if err != nil {
		return z, err
	}
	defer f.Close()
	z.records = map[string][]dns.RR{}
	p := dns.NewZoneParser(f, hosts.Zone, file)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		h := rr.Header()
		if h.Rrtype == dns.TypeSOA {
			z.soa = rr
		}
		z.records[h.Name] = append(z.records[h.Name], rr)
	}
	return z, p.Err()
}

func (z zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.Authoritative, m.Compress = true, true
	set, exists := z.records[strings.ToLower(q.Question[0].Name)]
	for _, rr := range set {
		if rr.Header().Rrtype == q.Question[0].Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	if !exists {
		m.Rcode = dns.RcodeNameError
	}
	if len(m.Answer) == 0 {
		m.Ns = []dns.RR{z.soa}
	}
	if q.IsEdns0() != nil {
		m.SetEdns0(1232, false)
	}
	w.WriteMsg(m)
}

func main() {
	addr := os.Args[1]
	z, err := read(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal((&dns.Server{Addr: addr, Net: "udp", Handler: z}).ListenAndServe()) }()
	log.Fatal((&dns.Server{Addr: addr, Net: "tcp", Handler: z, MaxTCPQueries: -1}).ListenAndServe())
}
