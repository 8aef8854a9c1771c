//go:build linux

// WebSocket with nbio's nbhttp.
package main

import (
	"log"
	"net/http"
	"sync"

	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"
	"github.com/twistor-go/twistor/bench/internal/site"
)

// A crowd is everybody who hears what one of them says.
type crowd struct {
	mu    sync.Mutex
	conns map[*websocket.Conn]struct{} // guarded by mu
}

func main() {
	s := site.Parse("echo", "broadcast")
	logging.SetLevel(logging.LevelError)
	all := &crowd{conns: map[*websocket.Conn]struct{}{}}
	u := websocket.NewUpgrader()
	u.OnMessage(func(c *websocket.Conn, kind websocket.MessageType, p []byte) { c.WriteMessage(kind, p) })
	if s.Way == "broadcast" {
		u.OnOpen(all.enter)
		u.OnMessage(all.say)
		u.OnClose(all.leave)
	}
	engine := nbhttp.NewEngine(nbhttp.Config{
		Network: "tcp",
		Addrs:   []string{s.Addr},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { u.Upgrade(w, r, nil) }),
	})
	if err := engine.Start(); err != nil {
		log.Fatal(err)
	}
	select {}
}

func (all *crowd) enter(c *websocket.Conn) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.conns[c] = struct{}{}
}

func (all *crowd) leave(c *websocket.Conn, _ error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.conns, c)
}

func (all *crowd) say(_ *websocket.Conn, kind websocket.MessageType, p []byte) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for c := range all.conns {
		c.WriteMessage(kind, p)
	}
}
