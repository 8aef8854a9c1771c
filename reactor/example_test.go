package reactor_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
)

// A greeter says hello to whoever connects, and stops the program when that
// one has left.
type greeter struct {
	twistor.Transport
	stop func()
}

func (g *greeter) Connected()         { fmt.Fprint(g, "hello\n"); g.Close() }
func (g *greeter) Received([]byte)    {}
func (g *greeter) Disconnected(error) { g.stop() }

// A printer prints what it hears.
type printer struct{ twistor.Transport }

func (p *printer) Connected()           {}
func (p *printer) Received(data []byte) { fmt.Printf("%s", data) }
func (p *printer) Disconnected(error)   {}

func Example() {
	r := reactor.New(nil)
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return &greeter{t, r.Stop}
	}))
	if err != nil {
		log.Fatal(err)
	}
	twistor.Dial(r.Loop(), "tcp", port.Addr().String(), func(t twistor.Transport) *printer { return &printer{t} })
	if err := r.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output: hello
}

func ExampleReactor_BeforeStop() {
	ctx, cancel := context.WithCancel(context.Background())
	r := reactor.New(nil)
	r.BeforeStop(func() *deferred.Signal {
		fmt.Println("saving")
		return nil // or what has to be waited for
	})
	r.Loop().CallLater(time.Millisecond, cancel)
	r.Run(ctx)
	fmt.Println("stopped")
	// Output:
	// saving
	// stopped
}

func ExampleReactor_Turn() {
	r := reactor.New(nil)
	defer r.Close()
	r.Loop().Post(func() { fmt.Println("one turn") })
	r.Turn(0) // in a loop of one's own
	// Output: one turn
}

func ExampleDo() {
	err := reactor.Do(context.Background(), nil, func(co *deferred.Co, l twistor.Loop) error {
		if err := co.Sleep(time.Millisecond); err != nil {
			return err
		}
		fmt.Println("slept")
		return nil
	})
	fmt.Println(err)
	// Output:
	// slept
	// <nil>
}
