//go:build linux

// Command load drives a server on the loopback and prints one JSON line.
//
//	load -mode echo -c 100 -size 64 -depth 16   how fast messages come back
//	load -mode idle -c 19000 [-tls]             memory of idle connections
//
// One thread runs an epoll loop with raw system calls and without garbage
// collection, so that the load costs little next to the server.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"
	"runtime/debug"
	"time"
)

var (
	mode    = flag.String("mode", "echo", "echo or idle")
	address = flag.String("addr", "127.0.0.1:7000", "the server")
	count   = flag.Int("c", 1, "connections")
	size    = flag.Int("size", 64, "bytes of a message, a multiple of 64")
	depth   = flag.Int("depth", 1, "messages in flight on a connection")
	warm    = flag.Duration("warm", 150*time.Millisecond, "time before measuring")
	window  = flag.Duration("dur", 800*time.Millisecond, "time measured")
	server  = flag.Int("pid", 0, "the server's process, for its CPU and memory")
	overTLS = flag.Bool("tls", false, "idle: over TLS")
)

// A result is what load prints. Figures that a mode does not measure are zero.
type result struct {
	Rate float64 `json:"rate"` // messages a second
	CPU  float64 `json:"cpu"`  // the server's microseconds of CPU for a message
	Busy float64 `json:"busy"` // the server's CPU seconds for a second of time
	Load float64 `json:"load"` // the same of this program
	RSS  float64 `json:"rss"`  // the server's memory, KiB

	// Of idle connections: bytes of the server for each, once connected, and
	// after one message has gone there and back; the kernel's slab for both
	// ends; connections made a second.
	Idle  float64 `json:"idle"`
	Used  float64 `json:"used"`
	Slab  float64 `json:"slab"`
	Setup float64 `json:"setup"`
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("load: ")
	flag.Parse()
	debug.SetGCPercent(-1)
	var r result
	switch *mode {
	case "echo":
		r = echo()
	case "idle":
		r = idle()
	default:
		log.Fatalf("no mode %q, want echo or idle", *mode)
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		log.Fatal(err)
	}
}
