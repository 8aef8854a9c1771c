//go:build linux

// Web with Twistor.
package main

import (
	"context"
	"log"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/bench/internal/site"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/reactor"
)

func main() {
	s := site.Parse("native")
	server := &web.Server{
		Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
			w.SetHeader("Content-Type", "text/plain")
			w.WriteString(site.Hello)
		}),
		HeaderTimeout: s.Header,
		DisableHTTP2:  !s.H2,
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
