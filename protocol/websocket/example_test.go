package websocket_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/websocket"
	"github.com/twistor-go/twistor/sim"
)

// An echo says what it hears.
type echo struct{ *websocket.Conn }

func (e *echo) Connected()                                    {}
func (e *echo) MessageReceived(kind websocket.Kind, p []byte) { e.WriteMessage(kind, p) }
func (e *echo) Disconnected(error)                            {}

func Example() {
	server := &web.Server{Handler: &websocket.Server{
		Build: func(c *websocket.Conn, _ *web.Request) websocket.Protocol { return &echo{c} },
	}}

	w := sim.New(nil, 0)
	defer w.Close()
	w.Host("server").Listen("tcp", ":80", server)
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		c, err := websocket.Dial(client.Loop(), "ws://server/echo", nil).Await(co)
		if err != nil {
			return err
		}
		defer c.Close()
		c.WriteText("Hello, Ada!")
		m, err := c.Read(co)
		fmt.Println(m.Kind, m.Text())
		return err
	})
	// Output:
	// text Hello, Ada!
}

// A chat is a Group, and everybody who says something.
func ExampleGroup() {
	var room websocket.Group
	chat := func(co *deferred.Co, c *websocket.Conn) error {
		name, err := c.Read(co)
		if err != nil {
			return err
		}
		room.Add(c)
		for m := range c.Messages(co) {
			room.WriteText(name.Text() + ": " + m.Text())
		}
		return c.Err()
	}
	server := &web.Server{Handler: &websocket.Server{Build: websocket.Conversation(chat)}}

	w := sim.New(nil, 0)
	defer w.Close()
	w.Host("server").Listen("tcp", ":80", server)
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		var people []*websocket.Conn
		for _, name := range []string{"Ada", "Grace"} {
			c, err := websocket.Dial(client.Loop(), "ws://server/chat", nil).Await(co)
			if err != nil {
				return err
			}
			defer c.Close()
			c.WriteText(name)
			people = append(people, c)
		}
		co.Sleep(time.Second)
		people[0].WriteText("Is anybody here?")
		for _, c := range people {
			m, err := c.Read(co)
			if err != nil {
				return err
			}
			fmt.Println(m.Text())
		}
		return nil
	})
	// Output:
	// Ada: Is anybody here?
	// Ada: Is anybody here?
}

// A Conversation closes with the *Error that it returns.
func ExampleConversation() {
	adder := func(co *deferred.Co, c *websocket.Conn) error {
		sum := 0
		for m := range c.Messages(co) {
			var n int
			if _, err := fmt.Sscan(m.Text(), &n); err != nil {
				return &websocket.Error{Code: websocket.Unsupported, Text: "want a number"}
			}
			sum += n
			c.WriteText(fmt.Sprint(sum))
		}
		return c.Err()
	}
	server := &web.Server{Handler: &websocket.Server{Build: websocket.Conversation(adder)}}

	w := sim.New(nil, 0)
	defer w.Close()
	w.Host("server").Listen("tcp", ":80", server)
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		c, err := websocket.Dial(client.Loop(), "ws://server/", nil).Await(co)
		if err != nil {
			return err
		}
		for _, s := range strings.Fields("1 2 3 four") {
			c.WriteText(s)
		}
		for m := range c.Messages(co) {
			fmt.Println(m.Text())
		}
		fmt.Println(c.Err())
		return nil
	})
	// Output:
	// 1
	// 3
	// 6
	// websocket: closed with 1003 "want a number"
}

// A message for many is prepared once.
func ExamplePrepare() {
	news := websocket.Prepare(websocket.Text, []byte("The harbour is open."))
	server := &web.Server{Handler: &websocket.Server{
		Build: websocket.Conversation(func(co *deferred.Co, c *websocket.Conn) error { return c.WritePrepared(news) }),
	}}

	w := sim.New(nil, 0)
	defer w.Close()
	w.Host("server").Listen("tcp", ":80", server)
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		for range 2 {
			c, err := websocket.Dial(client.Loop(), "ws://server/", nil).Await(co)
			if err != nil {
				return err
			}
			for m := range c.Messages(co) {
				fmt.Println(m.Text())
			}
		}
		return nil
	})
	// Output:
	// The harbour is open.
	// The harbour is open.
}

// A Client in the event form: what comes goes to its Protocol.
func ExampleClient_Dial() {
	server := &web.Server{Handler: &websocket.Server{
		Build: websocket.Conversation(func(co *deferred.Co, c *websocket.Conn) error {
			c.WriteText("tick")
			c.WriteText("tock")
			return nil
		}),
	}}

	w := sim.New(nil, 0)
	defer w.Close()
	w.Host("server").Listen("tcp", ":80", server)
	client := &websocket.Client{Deflate: &websocket.Deflate{}}
	ended := false
	client.Dial(w.Host("client").Loop(), "ws://server/clock", func(*websocket.Conn) websocket.Protocol {
		return &clock{&ended}
	}).Done(nil)
	w.Run(func() bool { return ended })
	// Output:
	// tick
	// tock
	// websocket: closed with 1000
}

type clock struct{ ended *bool }

func (k *clock) Connected()                                 {}
func (k *clock) MessageReceived(_ websocket.Kind, p []byte) { fmt.Printf("%s\n", p) }
func (k *clock) Disconnected(err error)                     { fmt.Println(err); *k.ended = true }

// A careful one answers at length, and does not read from who does not read
// his answers: the peer waits, and is not cut.
type careful struct{ *websocket.Conn }

func (k *careful) Connected()         {}
func (k *careful) Disconnected(error) {}
func (k *careful) Drained()           { k.Resume() }
func (k *careful) MessageReceived(websocket.Kind, []byte) {
	k.WriteText(strings.Repeat("la ", 10_000))
	if k.Full() {
		k.Pause()
	}
}

func ExampleConn_Full() {
	server := &web.Server{Handler: &websocket.Server{
		Build: func(c *websocket.Conn, _ *web.Request) websocket.Protocol { return &careful{c} },
	}}

	w := sim.New(nil, 0)
	defer w.Close()
	w.Host("server").Listen("tcp", ":80", server)
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		c, err := websocket.Dial(client.Loop(), "ws://server/", nil).Await(co)
		if err != nil {
			return err
		}
		defer c.Close()
		for range 200 {
			c.WriteText("sing")
		}
		co.Sleep(10 * time.Second) // 6 MB of songs, and nobody reads
		songs := 0
		for range c.Messages(co) {
			if songs++; songs == 200 {
				break
			}
		}
		fmt.Println(songs, "songs,", c.Err())
		return nil
	})
	// Output:
	// 200 songs, <nil>
}
