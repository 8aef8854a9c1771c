package service_test

import (
	"fmt"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

type greeter struct{ twistor.Transport }

func (g *greeter) Connected()         { fmt.Fprintln(g, "hello") }
func (g *greeter) Received([]byte)    {}
func (g *greeter) Disconnected(error) {}
func (g *greeter) Dismissed() {
	fmt.Fprintln(g, "good-bye")
	g.Close()
}

// Two ports that start and stop together.
func Example() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	greet := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &greeter{t} })
	g := new(service.Group)
	g.Add("public", service.Listen("tcp:8001", greet))
	g.Add("private", service.ListenAll([]string{"tcp:8002:host=127.0.0.1", "unix:/tmp/greet"}, greet))

	program := deferred.Inline(clock, func(co *deferred.Co) (struct{}, error) {
		if err := g.Start(co, service.On(clock)); err != nil {
			return struct{}{}, err
		}
		if err := co.Sleep(time.Hour); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, g.Stop(co)
	})
	program.Done(func(_ struct{}, err error) { fmt.Println("stopped:", err) })
	clock.Advance(0)
	client := clock.Ports()[2].Accept()
	clock.Advance(2 * time.Hour)
	fmt.Print(client.Written())
	// Output:
	// stopped: <nil>
	// hello
	// good-bye
}
