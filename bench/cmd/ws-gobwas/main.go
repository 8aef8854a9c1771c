//go:build linux

// WebSocket with gobwas/ws: a goroutine a connection, frames without a layer
// above them.
package main

import (
	"bufio"
	"io"
	"log"
	"net"
	"sync"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/twistor-go/twistor/bench/internal/site"
)

// A crowd is everybody who hears what one of them says.
type crowd struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{} // guarded by mu
}

func main() {
	s := site.Parse("echo", "broadcast")
	l, err := net.Listen("tcp4", s.Addr)
	if err != nil {
		log.Fatal(err)
	}
	all := &crowd{conns: map[net.Conn]struct{}{}}
	for {
		c, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go all.serve(c, s.Way == "broadcast")
	}
}

func (all *crowd) serve(c net.Conn, broadcast bool) {
	defer c.Close()
	if _, err := ws.Upgrade(c); err != nil {
		return
	}
	if broadcast {
		all.mu.Lock()
		all.conns[c] = struct{}{}
		all.mu.Unlock()
		defer func() {
			all.mu.Lock()
			delete(all.conns, c)
			all.mu.Unlock()
		}()
	}
	// Without buffers it reads each frame in three calls, and writes each alone.
	in, out := bufio.NewReader(c), bufio.NewWriter(c)
	defer out.Flush()
	both := struct {
		io.Reader
		io.Writer
	}{in, out}
	for {
		p, op, err := wsutil.ReadClientData(both)
		if err != nil {
			return
		}
		if broadcast {
			all.say(op, p)
			continue
		}
		if err := wsutil.WriteServerMessage(out, op, p); err != nil {
			return
		}
		if in.Buffered() == 0 {
			out.Flush()
		}
	}
}

// say compiles the frame once.
func (all *crowd) say(op ws.OpCode, p []byte) {
	frame := ws.MustCompileFrame(ws.NewFrame(op, true, p))
	all.mu.Lock()
	defer all.mu.Unlock()
	for c := range all.conns {
		if _, err := c.Write(frame); err != nil {
			c.Close()
		}
	}
}
