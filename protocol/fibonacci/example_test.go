package fibonacci_test

import (
	"fmt"
	"log/slog"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/fibonacci"
	"github.com/twistor-go/twistor/sim"
)

// Two clients of one server.
func Example() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	server := &fibonacci.Server{Log: slog.New(slog.DiscardHandler)}
	a, b := sim.Connect(clock, server), sim.Connect(clock, server)
	a.Receive("next\n")
	b.Receive("next\nand another\n")
	a.Receive("next\n")
	fmt.Print("a:\n", a.Written(), "b:\n", b.Written())
	// Output:
	// a:
	// 2
	// 8
	// b:
	// 3
	// 5
}

// A client asks for three numbers at once.
func ExampleDial() {
	w := sim.New(nil, 0)
	w.Host("server").Listen("tcp", ":8889", &fibonacci.Server{Log: slog.New(slog.DiscardHandler)})
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		c, err := fibonacci.Dial(client.Loop(), "tcp:server:8889").Await(co)
		if err != nil {
			return err
		}
		defer c.Close()
		numbers, err := deferred.All(c.Next(), c.Next(), c.Next()).Await(co)
		fmt.Println(numbers)
		return err
	})
	// Output: [2 3 5]
}
