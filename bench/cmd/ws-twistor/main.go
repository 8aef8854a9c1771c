//go:build linux

// WebSocket with Twistor.
package main

import (
	"context"
	"log"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/bench/internal/site"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/websocket"
	"github.com/twistor-go/twistor/reactor"
)

// An echo answers each message, and stops reading from a client that does not
// read its answers: no other server here bounds what it owes.
type echo struct{ *websocket.Conn }

func (e *echo) Connected()         {}
func (e *echo) Disconnected(error) {}
func (e *echo) Drained()           { e.Resume() }
func (e *echo) MessageReceived(kind websocket.Kind, p []byte) {
	e.WriteMessage(kind, p)
	if e.Full() {
		e.Pause()
	}
}

// A speaker tells all what it hears.
type speaker struct {
	*websocket.Conn
	all *websocket.Group
}

func (s *speaker) Connected()         { s.all.Add(s.Conn) }
func (s *speaker) Disconnected(error) {}
func (s *speaker) MessageReceived(kind websocket.Kind, p []byte) {
	s.all.Write(websocket.Prepare(kind, p))
}

func main() {
	s := site.Parse("echo", "broadcast")
	all := &websocket.Group{}
	upgrade := &websocket.Server{Build: func(c *websocket.Conn, _ *web.Request) websocket.Protocol {
		if s.Way == "broadcast" {
			return &speaker{c, all}
		}
		return &echo{c}
	}}
	c := twistor.ListenConfig{Network: "tcp", Address: s.Addr, MaxConnections: 100_000}
	r := reactor.New(nil)
	if _, err := r.Loop().Listen(c, &web.Server{Handler: upgrade}); err != nil {
		log.Fatal(err)
	}
	log.Fatal(r.Run(context.Background()))
}
