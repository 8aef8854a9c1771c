//go:build linux

// A minimal HTTP hello on gnet v2, which has no HTTP of its own.
package main

import (
	"log"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
	"github.com/twistor-go/twistor/bench/internal/minihttp"
	"github.com/twistor-go/twistor/bench/internal/site"
)

type server struct{ *gnet.BuiltinEventEngine }

func (server) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	c.SetContext(make([]byte, 0, 4096))
	return nil, gnet.None
}

func (server) OnTraffic(c gnet.Conn) gnet.Action {
	in, _ := c.Peek(-1)
	out, used := minihttp.Answer(c.Context().([]byte)[:0], in)
	c.Discard(used)
	c.Write(out)
	return gnet.None
}

func main() {
	s := site.Parse()
	log.Fatal(gnet.Run(server{}, "tcp://"+s.Addr, gnet.WithMulticore(true),
		gnet.WithReuseAddr(true), gnet.WithLogLevel(logging.ErrorLevel)))
}
