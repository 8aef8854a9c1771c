package main

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/reactor"
)

// TestEcho sends more than any buffer holds before it reads a byte of it.
func TestEcho(t *testing.T) {
	r := reactor.New(nil)
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", twistor.FactoryFunc(build))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- r.Run(t.Context()) }()

	conn, err := net.Dial("tcp", port.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	said := bytes.Repeat([]byte("Twist and shout. "), 1_000_000)
	go func() {
		conn.Write(said)
		conn.(*net.TCPConn).CloseWrite()
	}()
	heard, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(heard, said) {
		t.Errorf("got %d bytes, %v, want the %d that were said", len(heard), err, len(said))
	}
	r.Stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
