//go:build linux

// Web with the standard library.
package main

import (
	"io"
	"log"
	"net/http"

	"github.com/twistor-go/twistor/bench/internal/site"
)

func main() {
	s := site.Parse()
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, site.Hello)
	})
	if s.Files != "" {
		h = http.FileServer(http.Dir(s.Files))
	}
	var p http.Protocols
	p.SetHTTP1(!s.H2)
	p.SetHTTP2(s.H2 && s.TLS != nil)
	p.SetUnencryptedHTTP2(s.H2 && s.TLS == nil)
	server := &http.Server{Addr: s.Addr, Handler: h, TLSConfig: s.TLS, Protocols: &p, ReadHeaderTimeout: s.Header}
	if s.TLS != nil {
		log.Fatal(server.ListenAndServeTLS("", ""))
	}
	log.Fatal(server.ListenAndServe())
}
