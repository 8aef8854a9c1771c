package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/reactor"
)

// start runs a proxy to an address, and returns where it listens.
func start(t *testing.T, to string) string {
	r := reactor.New(nil)
	port, err := endpoint.Listen(r.Loop(), "tcp:127.0.0.1:0", forward("tcp:"+to))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- r.Run(t.Context()) }()
	t.Cleanup(func() {
		r.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return port.Addr().String()
}

func dial(t *testing.T, address string) *net.TCPConn {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn.(*net.TCPConn)
}

// TestProxy asks through two proxies, ends its own direction, and then gets an
// answer that is longer than any buffer.
func TestProxy(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		conn, err := server.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		question, _ := io.ReadAll(conn)
		conn.Write(bytes.Repeat(question, 1_000_000))
	}()
	conn := dial(t, start(t, start(t, server.Addr().String())))
	io.WriteString(conn, "What is the answer?\n")
	conn.CloseWrite()
	answer, err := io.ReadAll(conn)
	if want := bytes.Repeat([]byte("What is the answer?\n"), 1_000_000); err != nil || !bytes.Equal(answer, want) {
		t.Errorf("got %d bytes, %v, want %d", len(answer), err, len(want))
	}
}

// TestNobodyThere: a client hears that the other side does not answer.
func TestNobodyThere(t *testing.T) {
	r := reactor.New(nil) // a port that was open, and is not any more
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", forward(""))
	if err != nil {
		t.Fatal(err)
	}
	closed := port.Addr().String()
	r.Close()

	conn, err := net.Dial("tcp", start(t, closed))
	if err != nil {
		return // the end came as soon as that
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if n, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d bytes, %v, want the connection to end", n, err)
	}
}
