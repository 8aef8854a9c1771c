// The program proxy forwards what comes to one place to another, and back:
//
//	proxy -listen tcp:127.0.0.1:7009 -to tcp:www.example.com:80
//
// The lesson: back-pressure and half-closing in both directions are a property
// of the engine. Nothing is read from the client before the other side is
// there; who reads slowly slows the other down, and costs no memory.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/reactor"
)

// A waiting is a client whose other side is being dialed.
type waiting struct {
	twistor.Transport
	to      string
	dialing *deferred.Deferred[twistor.Protocol]
}

func (w *waiting) Connected() {
	w.Pause()
	w.dialing = endpoint.Dial(w.Loop(), w.to, twistor.FactoryFunc(func(there twistor.Transport) twistor.Protocol {
		return &reached{there, w}
	}))
	w.dialing.Done(func(_ twistor.Protocol, err error) {
		if err != nil {
			log.Println(w.RemoteAddr(), err)
			w.Abort()
		}
	})
}

func (w *waiting) Received([]byte) {}

// Disconnected is heard if the client has gone before: nobody minds any more.
func (w *waiting) Disconnected(error) { w.dialing.Cancel() }

// A reached is the other side, for as long as it takes to join the two.
type reached struct {
	twistor.Transport
	client *waiting
}

func (r *reached) Connected() {
	policy.Pipe(r.client.Transport, r.Transport).Done(func(carried policy.Traffic, _ error) {
		log.Println(r.client.RemoteAddr(), carried.AToB, "bytes there,", carried.BToA, "back", carried.Err)
	})
}
func (r *reached) Received([]byte)    {}
func (r *reached) Disconnected(error) {}

func forward(to string) twistor.Factory {
	return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &waiting{Transport: t, to: to} })
}

func main() {
	from := flag.String("listen", "tcp:127.0.0.1:7009", "the `endpoint` to listen at")
	to := flag.String("to", "tcp:127.0.0.1:80", "the `endpoint` to forward to")
	flag.Parse()
	r := reactor.New(nil)
	port, err := endpoint.Listen(r.Loop(), *from, forward(*to))
	if err != nil {
		log.Fatal(err)
	}
	log.Println("listening on", port.Addr())
	log.Fatal(r.Run(context.Background()))
}
