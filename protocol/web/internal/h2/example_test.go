package h2_test

import (
	"bytes"
	"fmt"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web/internal/h2"
)

// A side is one end of a connection that says what it hears.
type side struct {
	out bytes.Buffer
	c   *h2.Conn
}

func (s *side) Write(p []byte) (int, error) { return s.out.Write(p) }
func (s *side) Full() bool                  { return false }
func (s *side) Buffered() int               { return s.out.Len() }

// No deadline passes in the example.
func (s *side) Now() time.Time                                     { return time.Unix(0, 0) }
func (s *side) CallLater(time.Duration, func()) (t deferred.Timer) { return t }

func (s *side) HeaderReceived(st *h2.Stream, h *h2.Head, end bool) {
	if h.Status > 0 {
		fmt.Println("the client hears", h.Status, h.Header.Get("content-type"))
		return
	}
	fmt.Println("the server hears", h.Method, h.Path)
	fields := new(http1.Header)
	fields.Add("Content-Type", "text/plain")
	s.c.Answer(st, h2.Answer{Status: 200, Length: 5, Header: fields, Body: []byte("hello"), End: true})
	s.c.Release(st)
}

func (s *side) DataReceived(st *h2.Stream, p []byte, end bool) {
	fmt.Printf("the client hears %q, and that is all: %v\n", p, end)
	s.c.Consume(st, len(p))
	if end {
		s.c.Release(st)
	}
}

func (s *side) TrailerReceived(*h2.Stream, *http1.Header) {}
func (s *side) StreamReset(st *h2.Stream, why h2.Cause)   { s.c.Release(st) }
func (s *side) StreamDrained(*h2.Stream)                  {}
func (s *side) Relieved()                                 {}
func (s *side) SettingsReceived()                         {}
func (s *side) PongReceived([8]byte)                      {}
func (s *side) GoAwayReceived(*h2.Error)                  {}
func (s *side) Ended(*h2.Error)                           {}

// A client and a server, and the bytes between them.
func ExampleConn() {
	client, server := new(side), new(side)
	pool := new(h2.Pool)
	client.c = h2.NewConn(h2.Client, h2.Config{}, pool, client, client, client)
	server.c = h2.NewConn(h2.Server, h2.Config{}, pool, server, server, server)
	client.c.Start()
	server.c.Start()
	client.c.Open(h2.Question{Method: "GET", Scheme: "https", Authority: "example.com", Path: "/", Length: -1, End: true}, nil)
	for client.out.Len()+server.out.Len() > 0 {
		server.c.Receive(client.out.Next(1000))
		client.c.Receive(server.out.Next(1000))
	}
	// Output:
	// the server hears GET /
	// the client hears 200 text/plain
	// the client hears "hello", and that is all: true
}
