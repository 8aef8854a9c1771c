package main

import (
	"bufio"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/reactor"
)

func TestWeblog(t *testing.T) {
	t.Chdir(t.TempDir())
	file, err := os.Create("access-log")
	if err != nil {
		t.Fatal(err)
	}
	file.WriteString("old\n")
	r := reactor.New(nil)
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", new(weblog))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- r.Run(t.Context()) }()

	// Somebody writes, in pieces, until all have seen what they want.
	done := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				file.WriteString(`one "GET /a?b&c`)
				file.WriteString(" HTTP/1.1\"\ntwo\n")
			}
		}
	})
	for range 3 {
		conn, err := net.Dial("tcp", port.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(time.Minute))
		hits := bufio.NewScanner(conn)
		for range 100 {
			for hits.Scan() && hits.Text() != "<hit>one &#34;GET /a?b&amp;c HTTP/1.1&#34;</hit>" {
			}
			if hits.Scan(); hits.Text() != "<hit>two</hit>" {
				t.Fatalf("got %q, %v, want the two hits in turn", hits.Text(), hits.Err())
			}
		}
		conn.Close()
	}
	close(done)
	writing.Wait()
	r.Stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
