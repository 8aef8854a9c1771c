// The program echo says everything again, to everybody at once: the smallest
// server. Try it with nc 127.0.0.1 7007.
//
// The lesson: a protocol is told what happens, and never waits. A client that
// sends and does not read is not read from either, until it does.
package main

import (
	"context"
	"log"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/reactor"
)

type echo struct{ twistor.Transport }

func (e *echo) Connected() { log.Println("hello", e.RemoteAddr()) }

func (e *echo) Received(p []byte) {
	e.Write(p)
	if e.Full() {
		e.Pause()
	}
}

func (e *echo) Drained() { e.Resume() }

func (e *echo) Disconnected(err error) { log.Println("good-bye", e.RemoteAddr(), err) }

func build(t twistor.Transport) twistor.Protocol { return &echo{t} }

func main() {
	r := reactor.New(nil)
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:7007", twistor.FactoryFunc(build))
	if err != nil {
		log.Fatal(err)
	}
	log.Println("listening on", port.Addr())
	log.Fatal(r.Run(context.Background()))
}
