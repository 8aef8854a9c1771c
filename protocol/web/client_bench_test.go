package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/reactor"
)

// BenchmarkClientGet asks a server on the same loop, one question after another, over a real
// socket; both sides are counted.
func BenchmarkClientGet(b *testing.B) {
	r := reactor.New(nil)
	defer r.Close()
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		w.WriteString("hello")
	})})
	if err != nil {
		b.Fatal(err)
	}
	url := "http://" + port.Addr().String() + "/"
	ctx, cancel := context.WithCancel(context.Background())
	b.ReportAllocs()
	deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) {
		defer cancel()
		c := &web.Client{Loop: r.Loop()}
		for b.Loop() {
			resp, err := c.Get(url).Await(co)
			if err == nil {
				_, err = resp.Bytes(-1).Await(co)
			}
			if err != nil {
				b.Error(err)
				break
			}
		}
		return struct{}{}, nil
	}).Done(nil)
	r.Run(ctx)
}

// BenchmarkClientGetStd is the same with net/http's client and server.
func BenchmarkClientGetStd(b *testing.B) {
	url := "http://" + serveStd(b) + "/"
	b.ReportAllocs()
	for b.Loop() {
		resp, err := http.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func serveStd(b *testing.B) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }))
	b.Cleanup(s.Close)
	return s.Listener.Addr().String()
}
