package main

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/twistor-go/twistor/reactor"
)

// A peer is somebody at a terminal.
type peer struct {
	net.Conn
	in *bufio.Scanner
	t  *testing.T
}

func (p *peer) say(line string) { fmt.Fprintf(p, "%s\n", line) }

func (p *peer) want(why, want string) {
	p.t.Helper()
	if !p.in.Scan() || p.in.Text() != want {
		p.t.Fatalf("%s: got %q, %v, want %q", why, p.in.Text(), p.in.Err(), want)
	}
}

func TestChat(t *testing.T) {
	r := reactor.New(&reactor.Config{Loops: 3})
	port, err := listen(r.Loop(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- r.Run(t.Context()) }()

	// More people than loops: some share a room, some do not.
	var people []*peer
	for i := range 7 {
		conn, err := net.Dial("tcp", port.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		p := &peer{conn, bufio.NewScanner(conn), t}
		people = append(people, p)
		p.want("a name is asked for", "What is your name?")
		p.say(fmt.Sprint("p", i))
		for _, other := range people {
			other.want("everybody hears who comes", fmt.Sprintf("p%d has come in.", i))
		}
	}
	for i, p := range people {
		p.say("hello")
		for _, other := range people {
			other.want("everybody hears what is said", fmt.Sprintf("p%d: hello", i))
		}
	}
	people[0].Close()
	for _, other := range people[1:] {
		other.want("everybody hears who leaves", "p0 has left.")
	}
	r.Stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
