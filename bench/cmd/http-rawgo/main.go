//go:build linux

// A minimal HTTP hello on the bare Go epoll loop. Heads split over two reads
// are not put together: a limit, no server.
package main

import (
	"log"

	"github.com/twistor-go/twistor/bench/internal/minihttp"
	"github.com/twistor-go/twistor/bench/internal/rawloop"
	"github.com/twistor-go/twistor/bench/internal/site"
)

func main() {
	s := site.Parse()
	var out []byte
	log.Fatal(rawloop.Serve(s.Addr, func(in []byte) []byte {
		out, _ = minihttp.Answer(out[:0], in)
		return out
	}))
}
