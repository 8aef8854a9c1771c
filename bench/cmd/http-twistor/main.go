//go:build linux

// Web with Twistor: its native Handler, or one of net/http, on goroutines or as
// coroutines on the loop.
package main

import (
	"context"
	"io"
	"log"
	"net/http"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/bench/internal/site"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/static"
	"github.com/twistor-go/twistor/reactor"
)

// hello is the native Handler.
func hello(w *web.ResponseWriter, _ *web.Request) {
	w.SetHeader("Content-Type", "text/plain")
	w.WriteString(site.Hello)
}

// standard is the one of net/http.
func standard(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, site.Hello)
}

func main() {
	s := site.Parse("native", "http", "loop")
	server := &web.Server{HeaderTimeout: s.Header, DisableHTTP2: !s.H2}
	switch {
	case s.Files != "":
		server.Handler = &static.Files{Dir: s.Files}
	case s.Way == "http":
		server.Handler = web.HTTP(http.HandlerFunc(standard))
	case s.Way == "loop":
		server.Handler = web.OnLoop(http.HandlerFunc(standard))
	default:
		server.Handler = web.HandlerFunc(hello)
	}
	c := twistor.ListenConfig{Network: "tcp", Address: s.Addr, MaxConnections: 100_000}
	if s.TLS != nil {
		c.TLS = s.TLS
		c.TLS.NextProtos = server.NextProtos()
	}
	r := reactor.New(nil)
	if _, err := r.Loop().Listen(c, server); err != nil {
		log.Fatal(err)
	}
	log.Fatal(r.Run(context.Background()))
}
