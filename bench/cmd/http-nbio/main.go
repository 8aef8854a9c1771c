//go:build linux

// Web with nbio's nbhttp. It has no time limit for a request's head: the one for
// idle connections, which bytes put off, is the nearest.
package main

import (
	"io"
	"log"
	"net/http"
	"strconv"

	"github.com/lesismal/llib/std/crypto/tls"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/twistor-go/twistor/bench/internal/site"
)

func main() {
	s := site.Parse()
	logging.SetLevel(logging.LevelError)
	c := nbhttp.Config{
		Network:       "tcp",
		KeepaliveTime: s.Header,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", strconv.Itoa(len(site.Hello))) // else it sends chunks
			io.WriteString(w, site.Hello)
		}),
	}
	if s.TLS == nil {
		c.Addrs = []string{s.Addr}
	} else {
		// Its TLS is a fork of the standard library's, with types of its own.
		from := s.TLS.Certificates[0]
		pair := tls.Certificate{Certificate: from.Certificate, PrivateKey: from.PrivateKey}
		c.AddrsTLS = []string{s.Addr}
		c.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
	}
	engine := nbhttp.NewEngine(c)
	if err := engine.Start(); err != nil {
		log.Fatal(err)
	}
	select {}
}
