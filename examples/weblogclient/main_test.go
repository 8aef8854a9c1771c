package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service"
)

const hit = `<hit host="127.0.0.1" ident="-" user="-" time="2026-11-22T10:00:00Z" method="GET" path="/PATH"` +
	` protocol="HTTP/1.1" status="200" bytes="612" referrer="" agent=""/>` + "\n"

// TestP05Reconnects plays a server that cuts the first stream, says good-bye in
// the second, loses hits in the third, and then is gone.
func TestP05Reconnects(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for _, stream := range []string{
			"<weblog>\n" + strings.Replace(hit, "PATH", "one", 1) + "<hit host=",
			"<weblog>\n" + strings.Replace(hit, "PATH", "two", 1) + "</weblog>",
			"<weblog>\n<lost count=\"3\"/>" + strings.Replace(hit, "PATH", "three", 1) + "</weblog>",
		} {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, stream)
			conn.Close()
		}
		server.Close()
	}()

	var out bytes.Buffer
	client := &reader{server: "tcp:" + server.Addr().String(), out: &out,
		backoff: service.Backoff{Min: time.Millisecond, MaxTries: 3}}
	r := reactor.New(&reactor.Config{Loops: 1})
	ended := deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, client.run(co, r.Loop())
	})
	var last error
	ended.Done(func(_ struct{}, err error) {
		last = err
		r.Stop()
	})
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "10:00:00 127.0.0.1 200 GET \"/one\"\n10:00:00 127.0.0.1 200 GET \"/two\"\n" +
		"3 hits were lost\n10:00:00 127.0.0.1 200 GET \"/three\"\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if last == nil || !strings.Contains(last.Error(), "refused") {
		t.Errorf("got %v, want it to give up when nobody answers", last)
	}
}
