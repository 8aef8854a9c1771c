//go:build linux

// Echo on the bare Go epoll loop.
package main

import (
	"log"
	"os"

	"github.com/twistor-go/twistor/bench/internal/rawloop"
)

func main() {
	log.Fatal(rawloop.Serve(os.Args[1], func(in []byte) []byte { return in }))
}
