// The program dnsdynamic serves the zone example from code: who asks, what time it
// is, and a round of addresses. Try it with
//
//	dig @127.0.0.1 -p 8053 who.example TXT
//	dig @127.0.0.1 -p 8053 now.example TXT
//	dig @127.0.0.1 -p 8053 round.example
//
// The lesson: a Handler makes an answer of a query, and each loop has its own, so
// it counts without a lock; what is on the wire is the Server's.
package main

import (
	"net"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/app"
)

var origin = dns.MustParseName("example")

// soa tells who asks for what is not there how long that holds.
var soa = &dns.SOA{
	Hdr: dns.RecordHeader{Name: "example.", Rrtype: dns.TypeSOA, Class: dns.ClassIN, Ttl: 60},
	Ns:  "ns.example.", Mbox: "hostmaster.example.", Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: 60,
}

// serve is the server of one loop.
func serve(l twistor.Loop) *dns.Server {
	var turn byte
	names := map[string]func(q *dns.Query) dns.RR{
		"example.": func(q *dns.Query) dns.RR { return soa },
		"who.example.": func(q *dns.Query) dns.RR {
			return &dns.TXT{Hdr: header(q, dns.TypeTXT), Txt: []string{q.From.Addr.Addr().String()}}
		},
		"now.example.": func(q *dns.Query) dns.RR {
			return &dns.TXT{Hdr: header(q, dns.TypeTXT), Txt: []string{l.Now().UTC().Format(time.RFC3339)}}
		},
		"round.example.": func(q *dns.Query) dns.RR {
			turn = turn%3 + 1
			return &dns.A{Hdr: header(q, dns.TypeA), A: net.IPv4(192, 0, 2, turn)}
		},
	}
	return &dns.Server{Handler: dns.HandlerFunc(func(w *dns.ResponseWriter, q *dns.Query) {
		if !q.Name.In(origin) {
			w.SetRcode(dns.RcodeRefused)
			return
		}
		w.SetAuthoritative(true)
		answer, ok := names[q.Name.String()]
		if !ok {
			w.SetRcode(dns.RcodeNameError)
			w.Add(dns.Authority, soa)
		} else if rr := answer(q); rr.Header().Rrtype == uint16(q.Type) {
			w.Answer(rr)
		} else {
			w.Add(dns.Authority, soa) // the name is there, and has no such records
		}
	})}
}

// header has a TTL of zero: nobody keeps what is new each time.
func header(q *dns.Query, t uint16) dns.RecordHeader {
	return dns.RecordHeader{Name: q.Name.String(), Rrtype: t, Class: dns.ClassIN}
}

func program(at string) *app.App {
	a := app.New("dnsdynamic")
	a.Add("udp", service.ListenPacketEach("udp:"+at, func(l twistor.Loop) twistor.PacketProtocol { return serve(l).Packets() }))
	a.Add("tcp", service.ListenEach("tcp:"+at, func(l twistor.Loop) twistor.Factory { return serve(l).Factory() }))
	return a
}

func main() { program("127.0.0.1:8053").Main() }
