//go:build linux

// Web with fasthttp.
package main

import (
	"log"
	"net"

	"github.com/twistor-go/twistor/bench/internal/site"
	"github.com/valyala/fasthttp"
)

func main() {
	s := site.Parse()
	h := func(c *fasthttp.RequestCtx) {
		c.SetContentType("text/plain")
		c.WriteString(site.Hello)
	}
	if s.Files != "" {
		h = fasthttp.FSHandler(s.Files, 0)
	}
	server := &fasthttp.Server{
		Handler:     h,
		TLSConfig:   s.TLS,
		ReadTimeout: s.Header, // it has none for the head alone
	}
	l, err := net.Listen("tcp4", s.Addr)
	if err != nil {
		log.Fatal(err)
	}
	if s.TLS != nil {
		log.Fatal(server.ServeTLS(l, "", ""))
	}
	log.Fatal(server.Serve(l))
}
