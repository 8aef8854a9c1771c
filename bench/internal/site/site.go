//go:build linux

// Package site is what the web servers of this bench have in common: what they
// are asked to serve, and their command line.
//
//	http-net -cert cert.pem -key key.pem ADDR
package site

import (
	"crypto/tls"
	"flag"
	"log"
	"slices"
	"strings"
	"time"
)

// Hello is the body that every server answers with, as text/plain.
const Hello = "Hello, World!"

// A Site is what a command line asks for. Immutable after first use.
type Site struct {
	Addr   string
	Way    string // one of the server's ways to be used
	Files  string // the folder to serve; "": Hello for every path
	TLS    *tls.Config
	H2     bool          // HTTP/2: by ALPN over TLS, else by prior knowledge
	Header time.Duration // within which a request's head must be here; 0: the server's own
}

// Parse reads the command line, or ends the program. ways are how the server can
// be used, the first one unless told.
func Parse(ways ...string) Site {
	log.SetFlags(0)
	var s Site
	var cert, key string
	ways = append(ways, "")
	flag.StringVar(&s.Way, "way", ways[0], "how to use it: "+strings.Join(ways[:len(ways)-1], ", "))
	flag.StringVar(&s.Files, "files", "", "serve this folder")
	flag.StringVar(&cert, "cert", "", "serve TLS with this certificate")
	flag.StringVar(&key, "key", "", "and its key")
	flag.BoolVar(&s.H2, "h2", false, "serve HTTP/2")
	flag.DurationVar(&s.Header, "header", 0, "close a connection whose request's head is not here by then")
	flag.Parse()
	if flag.NArg() != 1 || !slices.Contains(ways, s.Way) {
		log.Fatalf("usage: [-way %s] [-files DIR] [-cert FILE -key FILE] [-h2] [-header TIME] ADDR", strings.Join(ways[:len(ways)-1], "|"))
	}
	s.Addr = flag.Arg(0)
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			log.Fatal(err)
		}
		s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
	}
	return s
}
