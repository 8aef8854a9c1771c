// The program dnsblock looks names up for others. Those in a list, and all below
// them, do not exist; it is a hosts file, as the known ones of advertisers are.
//
//	dnsblock -list blocked.txt -forward 9.9.9.9
//
// The lesson: Handlers stand before each other. What is immutable, the list, all
// loops share; what is not, the cache, each has for itself.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"os"
	"regexp"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/resolver"
	"github.com/twistor-go/twistor/reactor"
)

// A blocker refuses the names of a list, and passes on all others.
type blocker struct {
	names map[string]bool // immutable
	next  dns.Handler
}

func (b blocker) Serve(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
	for n := q.Name; !n.IsRoot(); n = n.Parent() {
		if b.names[string(n)] {
			w.SetRcode(dns.RcodeNameError)
			w.Explain(uint16(resolver.CodeBlocked), "the list has "+n.String())
			return nil
		}
	}
	return b.next.Serve(w, q)
}

var comment = regexp.MustCompile("#.*")

// parse reads a list. Names of one label, such as localhost, are nobody's.
func parse(text string) map[string]bool {
	names := map[string]bool{}
	for _, word := range strings.Fields(comment.ReplaceAllString(text, "")) {
		if n, err := dns.ParseName(word); err == nil && n.Labels() > 1 {
			names[string(n)] = true
		}
	}
	return names
}

// listen serves at an address on all loops.
func listen(l twistor.Loop, at string, names map[string]bool, above dns.Upstream) error {
	servers := twistor.NewEach(l, func(_ *twistor.Each[*dns.Server], l twistor.Loop) *dns.Server {
		cache := &resolver.Cache{Loop: l, Resolver: &dns.Client{Loop: l, Servers: []dns.Upstream{above}}}
		return &dns.Server{Handler: blocker{names, cache}}
	})
	_, udp := endpoint.ListenPacketEach(l, "udp:"+at, func(l twistor.Loop) twistor.PacketProtocol { return servers.On(l).Packets() })
	_, tcp := endpoint.ListenEach(l, "tcp:"+at, func(l twistor.Loop) twistor.Factory { return servers.On(l).Factory() })
	return errors.Join(udp, tcp)
}

func main() {
	file := flag.String("list", "blocked.txt", "the `file` of names")
	forward := flag.String("forward", "9.9.9.9", "the `server` to ask")
	flag.Parse()
	r := reactor.New(nil)
	text, err := os.ReadFile(*file)
	above, wrong := dns.ParseUpstream(*forward)
	if err := errors.Join(err, wrong, listen(r.Loop(), "127.0.0.1:8053", parse(string(text)), above)); err != nil {
		log.Fatal(err)
	}
	log.Fatal(r.Run(context.Background()))
}
