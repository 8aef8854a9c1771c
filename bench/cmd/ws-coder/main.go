//go:build linux

// WebSocket with coder/websocket, on net/http.
package main

import (
	"context"
	"log"
	"net/http"
	"sync"

	"github.com/coder/websocket"
	"github.com/twistor-go/twistor/bench/internal/site"
)

// A crowd is everybody who hears what one of them says.
type crowd struct {
	mu    sync.Mutex
	conns map[*websocket.Conn]struct{} // guarded by mu
}

func main() {
	s := site.Parse("echo", "broadcast")
	all := &crowd{conns: map[*websocket.Conn]struct{}{}}
	log.Fatal(http.ListenAndServe(s.Addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		all.serve(r.Context(), c, s.Way == "broadcast")
	})))
}

func (all *crowd) serve(ctx context.Context, c *websocket.Conn, broadcast bool) {
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
	for {
		kind, p, err := c.Read(ctx)
		if err != nil {
			return
		}
		if broadcast {
			all.say(ctx, kind, p)
		} else if err := c.Write(ctx, kind, p); err != nil {
			return
		}
	}
}

func (all *crowd) say(ctx context.Context, kind websocket.MessageType, p []byte) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for c := range all.conns {
		if err := c.Write(ctx, kind, p); err != nil {
			c.CloseNow()
		}
	}
}
