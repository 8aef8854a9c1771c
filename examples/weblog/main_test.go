package main

import (
	"bufio"
	"net"
	"os"
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

	var clients []*bufio.Scanner
	for range 3 {
		conn, err := net.Dial("tcp", port.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		clients = append(clients, bufio.NewScanner(conn))
	}
	file.WriteString(`one "GET /a?b&c`)
	file.WriteString(" HTTP/1.1\"\ntwo\n")
	for _, c := range clients {
		for c.Scan() && c.Text() == "<hit>old</hit>" { // it may have come before the first look
		}
		one := c.Text()
		c.Scan()
		if two := c.Text(); one != "<hit>one &#34;GET /a?b&amp;c HTTP/1.1&#34;</hit>" || two != "<hit>two</hit>" {
			t.Errorf("got %q and %q, want both hits, whole", one, two)
		}
	}
	r.Stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
