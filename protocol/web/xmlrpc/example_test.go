package xmlrpc_test

import (
	"fmt"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/xmlrpc"
	"github.com/twistor-go/twistor/sim"
)

// A function that others call, and one who does.
func Example() {
	w := sim.New(nil, 1)
	s := &xmlrpc.Server{}
	s.Handle("add", func(a, b int) int { return a + b })
	s.Handle("divide", func(a, b int) (int, error) {
		if b == 0 {
			return 0, &xmlrpc.Fault{Code: 1, Text: "division by zero"}
		}
		return a / b, nil
	})
	w.Host("server").Listen("tcp", ":80", &web.Server{Handler: s})

	client := w.Host("client")
	over := false
	client.Do(func(co *deferred.Co) error {
		defer func() { over = true }()
		c := &web.Client{Loop: client.Loop()}
		defer c.Close()
		p := &xmlrpc.Proxy{URL: "http://server/RPC2", Client: c}
		sum, err := xmlrpc.Call[int](p, "add", 1, 2).Await(co)
		fmt.Println(sum, err)
		_, err = p.Call("divide", 1, 0).Await(co)
		fmt.Println(err)
		return nil
	})
	w.Run(func() bool { return over })
	// Output:
	// 3 <nil>
	// xmlrpc: fault 1: division by zero
}
