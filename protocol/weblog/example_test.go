package weblog_test

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/twistor-go/twistor/protocol/weblog"
	"github.com/twistor-go/twistor/sim"
)

const line = `127.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET /%s HTTP/1.1" 200 612 "-" "curl/7.88"`

// A server that remembers one hit, and a client that comes after it.
func Example() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	server := &weblog.Server{Keep: 1, Replay: true, Log: slog.New(slog.DiscardHandler)}
	server.Publish([][]byte{fmt.Appendf(nil, line, "before")})

	client := sim.Connect(clock, server)
	server.Publish([][]byte{fmt.Appendf(nil, line, "after"), []byte("this is no hit")})
	fmt.Print(client.Written())
	fmt.Printf("%+v\n", server.Stats())
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <weblog>
	// <hit host="127.0.0.1" ident="-" user="-" time="2026-11-22T10:00:00Z" method="GET" path="/before" protocol="HTTP/1.1" status="200" bytes="612" referrer="" agent="curl/7.88"/>
	// <hit host="127.0.0.1" ident="-" user="-" time="2026-11-22T10:00:00Z" method="GET" path="/after" protocol="HTTP/1.1" status="200" bytes="612" referrer="" agent="curl/7.88"/>
	// {Hits:2 Misread:1 Clients:1 Served:1 Refused:0 Dropped:0}
}

// Hits works on whatever reads: here, on a stream that was kept.
func ExampleHits() {
	stream := strings.NewReader(`<weblog>
<hit host="127.0.0.1" time="2026-11-22T10:00:00Z" method="GET" path="/" status="200"/>
<lost count="3"/>
<hit host="::1" time="2026-11-22T10:00:05Z" method="GET" path="/caf&#233;" status="404"/>
</weblog>`)
	for hit, err := range weblog.Hits(stream) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(hit.Time.Format(time.TimeOnly), hit.Host, hit.Status, hit.Path)
	}
	// Output:
	// 10:00:00 127.0.0.1 200 /
	// weblog: 3 hits were lost
	// 10:00:05 ::1 404 /café
}

// A client that asks a pull server every minute.
func ExampleDial() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	over := weblog.Dial(clock, "tcp:192.0.2.1:8888", &weblog.Client{
		Hit:   func(h weblog.Hit) { fmt.Println(h.Path) },
		Every: time.Minute,
	})
	over.Done(func(_ struct{}, err error) { fmt.Println("over:", err) })
	clock.Advance(0)

	server := clock.Attempts()[0].Succeed() // plays the server
	clock.Advance(time.Minute)
	fmt.Println("asked", server.Written())
	server.Receive(`<weblog><hit path="/index"/><none/></weblog>`)
	clock.Advance(0)
	// Output:
	// asked NEW?NEW?
	// /index
	// over: <nil>
}

// A line is taken apart and becomes an element of the stream.
func ExampleEncoder() {
	var r weblog.Record
	if err := r.Parse(fmt.Appendf(nil, line, `a?b&c\xC3\xA9\x00`)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(r.Hit().Status, r.Hit().Agent)
	os.Stdout.Write(new(weblog.Encoder).AppendHit(nil, &r))
	// Output:
	// 200 curl/7.88
	// <hit host="127.0.0.1" ident="-" user="-" time="2026-11-22T10:00:00Z" method="GET" path="/a?b&amp;cé\x00" protocol="HTTP/1.1" status="200" bytes="612" referrer="" agent="curl/7.88"/>
}
