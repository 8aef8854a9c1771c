//go:build linux

// DNS with Twistor: a zone in memory behind dns.Server, over UDP and TCP.
// Usage: dns-twistor ADDR ZONEFILE
package main

import (
	"context"
	"log"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/bench/internal/hosts"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/reactor"
)

func read(file string) (*zone.Zone, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return zone.Read(f, zone.Options{Origin: dns.MustParseName(hosts.Zone), File: file})
}

func main() {
	addr := os.Args[1]
	z, err := read(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	s := &dns.Server{Handler: z}
	r := reactor.New(nil)
	if _, err := r.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: addr}, s.Packets()); err != nil {
		log.Fatal(err)
	}
	if _, err := twistor.Listen(r.Loop(), "tcp", addr, s.Factory()); err != nil {
		log.Fatal(err)
	}
	log.Fatal(r.Run(context.Background()))
}
