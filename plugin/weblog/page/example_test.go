package page_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin/weblog/page"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/weblog"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// A program with a log of its own shows it to a browser.
func Example() {
	loop := sim.NewClock(nil)
	p := &page.Page{Title: "access.log", Epoch: "example"}
	log := &weblog.Server{Published: p.Published}
	deferred.Inline(loop, func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, p.Start(co, service.On(loop))
	})
	loop.Advance(0)

	browser := sim.Connect(loop, &web.Server{Handler: p})
	browser.Receive("GET /hits HTTP/1.1\r\nHost: weblog.example\r\nLast-Event-ID: example-0\r\n\r\n")
	browser.Clear()
	log.Publish([][]byte{[]byte(`192.0.2.7 - - [22/Nov/2026:10:00:00 +0000] "GET /<b> HTTP/1.1" 404 153 "-" "curl/8.14.1"`)})
	loop.Advance(time.Second)
	for line := range strings.Lines(browser.Written()) {
		if strings.HasPrefix(line, "id:") || strings.HasPrefix(line, "data:") {
			fmt.Print(line)
		}
	}
	// Output:
	// id: example-1
	// data: {"at":1893456000000,"first":0,"next":1,"hits":[[0,1795341600,"192.0.2.7","-","GET","/\u003cb\u003e",404,153,"","curl/8.14.1"]]}
}
