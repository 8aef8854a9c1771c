package fibonacci

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// dial connects a Client to a server that the test plays.
func dial(t *testing.T) (*sim.Clock, *sim.Transport, *Client) {
	t.Helper()
	c := sim.NewClock(t)
	var client *Client
	Dial(c, "tcp:server:8889").Done(func(got *Client, err error) { client = got })
	server := c.Attempts()[0].Succeed()
	c.Advance(0)
	if client == nil {
		t.Fatal("not connected")
	}
	return c, server, client
}

// ask asks, and notes the answer.
func ask(client *Client, answers *[]string) {
	client.Next().Done(func(n *big.Int, err error) {
		if err != nil {
			*answers = append(*answers, err.Error())
			return
		}
		*answers = append(*answers, n.String())
	})
}

func TestClient(t *testing.T) {
	c, server, client := dial(t)
	var got []string
	ask(client, &got)
	ask(client, &got)
	ask(client, &got)
	c.Advance(0)
	if said := server.Take(); said != "next\nnext\nnext\n" {
		t.Errorf("it asked %q, want three lines", said)
	}
	server.Receive("2\n3", "\r\nERROR not now\n")
	if want := "2, 3, fibonacci: not now"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
	if client.Close(); !server.Closed() {
		t.Error("want the connection closed")
	}
}

// What is no answer ends the connection, and fails all questions.
func TestClientProtocolError(t *testing.T) {
	for _, in := range []string{"", "two", "-2", "+2", "0", "02", "2 ", " 2", "1e9", "0x2", "2_0", "ERROR", "error x", "\xff"} {
		c, server, client := dial(t)
		var first, second error
		client.Next().Done(func(_ *big.Int, err error) { first = err })
		client.Next().Done(func(_ *big.Int, err error) { second = err })
		server.Receive(in + "\n")
		c.Advance(time.Minute)
		if _, ok := errors.AsType[*ProtocolError](first); !ok {
			t.Errorf("%q: got %v, want a *ProtocolError", in, first)
		}
		if _, ok := errors.AsType[*ProtocolError](second); !ok || !server.Closed() {
			t.Errorf("%q: the second question got %v, closed %v, want the same end", in, second, server.Closed())
		}
	}
	c, server, client := dial(t)
	server.Receive("2\n")
	c.Advance(time.Minute)
	var err error
	client.Next().Done(func(_ *big.Int, e error) { err = e })
	if _, ok := errors.AsType[*ProtocolError](err); !ok {
		t.Errorf("an answer without a question: got %v, want a *ProtocolError", err)
	}
}

func TestClientLosesItsServer(t *testing.T) {
	c, server, client := dial(t)
	var before, after error
	client.Next().Done(func(_ *big.Int, err error) { before = err })
	server.End()
	c.Advance(0)
	client.Next().Done(func(_ *big.Int, err error) { after = err })
	if !errors.Is(before, io.EOF) || !errors.Is(after, io.EOF) {
		t.Errorf("got %v and %v, want io.EOF for both", before, after)
	}

	c, server, client = dial(t)
	client.Next().Done(func(_ *big.Int, err error) { before = err })
	server.Receive("ERROR too many clients\n")
	server.End()
	c.Advance(0)
	if refused, ok := errors.AsType[*Error](before); !ok || refused.Text != "too many clients" {
		t.Errorf("got %v, want what the server said", before)
	}
}

func TestClientAsksTooMuch(t *testing.T) {
	_, _, client := dial(t)
	var last error
	for range MaxAsking + 1 {
		client.Next().Done(func(_ *big.Int, err error) { last = err })
	}
	if !errors.Is(last, ErrAsking) {
		t.Errorf("got %v, want ErrAsking", last)
	}
}

// Over networks of many kinds the whole of it: every number once, in order.
func TestManyNetworks(t *testing.T) {
	sim.Seeds(t, 30, func(t *testing.T, w *sim.World) {
		s := &Server{}
		s.Log = w.Host("server").Loop().Log()
		w.Host("server").Listen("tcp", ":8889", s)
		host := w.Host("client")
		host.Do(func(co *deferred.Co) error {
			client, err := Dial(host.Loop(), "tcp:server:8889").Await(co)
			if err != nil {
				return err
			}
			defer client.Close()
			var want State
			for range 20 {
				asked := []*deferred.Deferred[*big.Int]{client.Next(), client.Next(), client.Next()}
				for _, d := range asked {
					n, err := d.Await(co)
					if err != nil {
						return err
					}
					if next := want.Advance(); n.Cmp(next) != 0 {
						return fmt.Errorf("got %v, want %v", n, next)
					}
				}
			}
			return nil
		})
	})
}
