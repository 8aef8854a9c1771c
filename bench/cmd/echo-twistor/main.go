// Echo with Twistor. Usage: echo-twistor ADDR [CERT KEY]
package main

import (
	"context"
	"crypto/tls"
	"log"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/reactor"
)

// An echo answers with what it receives, and stops reading from a peer that
// does not read its answers: no other server here bounds what it owes.
type echo struct{ twistor.Transport }

func (e *echo) Connected()         {}
func (e *echo) Disconnected(error) {}
func (e *echo) Drained()           { e.Resume() }
func (e *echo) Received(p []byte) {
	e.Write(p)
	if e.Full() {
		e.Pause()
	}
}

func main() {
	c := twistor.ListenConfig{Network: "tcp", Address: os.Args[1], MaxConnections: 100_000}
	if len(os.Args) > 3 {
		cert, err := tls.LoadX509KeyPair(os.Args[2], os.Args[3])
		if err != nil {
			log.Fatal(err)
		}
		c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	r := reactor.New(nil)
	build := func(t twistor.Transport) twistor.Protocol { return &echo{t} }
	if _, err := r.Loop().Listen(c, twistor.FactoryFunc(build)); err != nil {
		log.Fatal(err)
	}
	log.Fatal(r.Run(context.Background()))
}
