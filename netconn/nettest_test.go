package netconn_test

import (
	"context"
	"net"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/netconn"
	"github.com/twistor-go/twistor/reactor"
)

// run runs a reactor for the time of a test, and returns its first loop. before
// is called while the test's goroutine still is the loop's.
func run(t *testing.T, before func(l twistor.Loop)) twistor.Loop {
	t.Helper()
	r := reactor.New(&reactor.Config{Loops: 1})
	if before != nil {
		before(r.Loop())
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Error("the reactor did not end within 20 s")
		}
	})
	return r.Loop()
}

// pair is the two ends of a connection over loopback, both of netconn.
func pair(t *testing.T) (dialed, accepted net.Conn) {
	t.Helper()
	var ln *netconn.Listener
	l := run(t, func(l twistor.Loop) {
		var err error
		if ln, err = netconn.Listen(l, "tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	})
	dialed, err := netconn.Dial(t.Context(), l, "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if accepted, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	return dialed, accepted
}

// P10: a Transport is a net.Conn as golang.org/x/net/nettest has it.
func TestP10Conformance(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2 = pair(t)
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
}
