package weblog

import (
	"errors"
	"io"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/framing"
)

// A Client says what is to become of a stream that Dial reads. Its functions
// are called on the loop. Immutable after first use.
type Client struct {
	// Hit is called for each hit. Nil: they are passed over.
	Hit func(Hit)
	// Lost is called when a pull server has forgotten hits. Nil: never mind.
	Lost func(count uint64)
	// Every is how often to ask a pull server what is new, at once for the first
	// time. 0: never; the server pushes.
	Every time.Duration
}

// Dial connects to the server at an endpoint, and reads its stream to the end:
// the Signal succeeds at the server's good-bye, and fails if there was no
// connection, or with what Hits says of the stream. To cancel it ends the
// connection.
func Dial(l twistor.Loop, at string, c *Client) *deferred.Signal {
	over := deferred.New[struct{}](l)
	var conn *framing.Conn
	dialing := endpoint.Dial(l, at, framing.Conversation(func(co *deferred.Co, from *framing.Conn) error {
		conn = from
		defer over.Fail(io.ErrUnexpectedEOF) // if one of c's functions panics
		if err := c.read(co, from); err != nil {
			over.Fail(err)
			return nil // it is the Signal's
		}
		over.Succeed(struct{}{})
		return nil
	}))
	dialing.Done(func(_ twistor.Protocol, err error) {
		if err != nil {
			over.Fail(err)
		}
	})
	return over.OnCancel(func() {
		dialing.Cancel()
		if conn != nil {
			conn.Abort()
		}
	})
}

// read reads one stream.
func (c *Client) read(co *deferred.Co, conn *framing.Conn) error {
	if c.Every > 0 {
		var timer twistor.Timer
		timer = conn.Loop().CallLater(0, func() {
			if !conn.Full() { // else it has not even read what it was asked before
				io.WriteString(conn, question)
			}
			timer.Reset(c.Every)
		})
		defer func() { timer.Stop() }()
	}
	for hit, err := range Hits(conn.Reader(co)) {
		lost, ok := errors.AsType[*LostError](err)
		switch {
		case ok && c.Lost != nil:
			c.Lost(lost.Count)
		case !ok && err != nil:
			return err
		case !ok && c.Hit != nil:
			c.Hit(hit)
		}
	}
	return nil
}
