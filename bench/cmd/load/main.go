//go:build linux

// Command load drives a server on the loopback and prints one JSON line.
//
//	load -mode echo -c 100 -size 64 -depth 16   how fast messages come back
//	load -mode idle -c 19000 [-tls]             memory of idle connections
//	load -mode http -c 100 -depth 16 [-tls]     how fast responses come
//	load -mode files -c 4 -path /100m.bin       how fast a file comes
//	load -mode handshakes -c 16 [-resume]       how fast connections over TLS do
//	load -mode websocket -c 100 -size 64        echo, over WebSocket
//	load -mode broadcast -c 10000               one message to all, over WebSocket
//	load -mode dns -c 8 -depth 16 -names 1000   how fast a name server answers
//	load -mode dns-tcp -c 32 -depth 16          the same, over connections
//	load -mode slow -attackers 10000            what honest clients notice of slow ones
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

	"github.com/twistor-go/twistor/bench/internal/site"
)

var (
	mode      = flag.String("mode", "echo", "what to do, of the above")
	address   = flag.String("addr", "127.0.0.1:7000", "the server")
	count     = flag.Int("c", 1, "connections")
	size      = flag.Int("size", 64, "bytes of a message, a multiple of 64")
	depth     = flag.Int("depth", 1, "messages in flight on a connection")
	warm      = flag.Duration("warm", 150*time.Millisecond, "time before measuring")
	window    = flag.Duration("dur", 800*time.Millisecond, "time measured")
	server    = flag.Int("pid", 0, "the server's process, for its CPU and memory")
	overTLS   = flag.Bool("tls", false, "idle, http: over TLS")
	path      = flag.String("path", "/", "what to ask a web server for")
	body      = flag.String("body", site.Hello, "what it is to answer")
	attackers = flag.Int("attackers", 10000, "slow: how many")
	patience  = flag.Duration("patience", 5*time.Second, "slow: an honest request that takes longer has failed")
	browser   = flag.Bool("browser", false, "http: with the fields that a browser sends")
	resume    = flag.Bool("resume", false, "handshakes: resume sessions")
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

	// Of slow: the percentage of honest requests that failed, and the
	// milliseconds that the others took; the percentage of attackers that were
	// still there at the end, and the seconds that the last one gone was suffered.
	Failed   float64 `json:"failed"`
	P50      float64 `json:"p50"`
	P99      float64 `json:"p99"`
	Left     float64 `json:"left"`
	Suffered float64 `json:"suffered"`

	Lost float64 `json:"lost"` // dns: the percentage of queries that had no answer
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
	case "http":
		r = getHello()
	case "files":
		r = getFiles()
	case "handshakes":
		r = handshakes()
	case "websocket":
		r = echoFrames()
	case "broadcast":
		r = broadcast()
	case "dns":
		r = askUDP()
	case "dns-tcp":
		r = askTCP()
	case "slow":
		r = slow()
	default:
		log.Fatalf("no mode %q", *mode)
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		log.Fatal(err)
	}
}
