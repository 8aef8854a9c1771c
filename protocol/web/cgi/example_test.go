package cgi_test

import (
	"fmt"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/cgi"
	"github.com/twistor-go/twistor/sim"
)

// A program at /report, here a simulated one.
func Example() {
	mux := &web.Mux{}
	mux.Mount("/report", &cgi.Script{Path: "/srv/report.py"})

	w := sim.New(nil, 1)
	server := w.Host("server")
	server.Program("/srv/report.py", func(co *deferred.Co, c *sim.Child) int {
		c.Write(co, 1, "Content-Type: text/plain\n\nfrom a program")
		return 0
	})
	server.Listen("tcp", ":80", &web.Server{Handler: mux})
	p := w.Host("client").Dial("server:80")
	p.Send("GET /report/today HTTP/1.0\r\n\r\n")
	for range 5 {
		fmt.Println(p.Line())
	}
	p.Expect("from a program")
	fmt.Println("from a program")
	// Output:
	// HTTP/1.1 200 OK
	// Date: Tue, 01 Jan 2030 00:00:00 GMT
	// Content-Type: text/plain
	// Connection: close
	//
	// from a program
}
