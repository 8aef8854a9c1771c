package sse_test

import (
	"fmt"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/sse"
	"github.com/twistor-go/twistor/sim"
)

// A Topic tells all who listen; a Source is one of them.
func Example() {
	w := sim.New(nil, 0)
	news := &sse.Topic{Keep: 10}
	w.Host("server").Listen("tcp", ":80", &web.Server{Handler: news})

	client := w.Host("client")
	source := &sse.Source{
		Client:   &web.Client{Loop: client.Loop(), Timeout: -1},
		URL:      "http://server/news",
		Received: func(e sse.Event) { fmt.Println(e.ID, e.Type, e.Data) },
	}
	client.Do(func(co *deferred.Co) error {
		listening := source.Listen()
		defer source.Client.Close()
		defer listening.Cancel()
		if err := co.Sleep(time.Second); err != nil {
			return err
		}
		news.Publish(sse.Event{Type: "weather", Data: "it rains"})
		news.Publish(sse.Event{Type: "weather", Data: "it stops"})
		return co.Sleep(time.Second)
	})
	// Output:
	// 1 weather it rains
	// 2 weather it stops
}

// A Stream is for what only one client hears.
func ExampleOpen() {
	countdown := web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		s := sse.Open(w, r, sse.Config{})
		defer s.Close()
		for n := 3; n > 0; n-- {
			if err := s.Send(sse.Event{Data: fmt.Sprint(n)}); err != nil {
				return err
			}
			if err := co.Sleep(time.Second); err != nil {
				return err // the client has left
			}
		}
		return s.Send(sse.Event{Type: "end"})
	})
	clock := sim.NewClock(nil)
	defer clock.Close()
	client := sim.Connect(clock, &web.Server{Handler: countdown})
	client.Receive("GET / HTTP/1.0\r\n\r\n")
	clock.Advance(0)
	client.Take()
	clock.Advance(3 * time.Second)
	fmt.Printf("%q\n", client.Take())
	// Output: "data: 2\n\ndata: 1\n\nevent: end\ndata: \n\n"
}
