package websocket

import (
	"errors"
	"io"
	"iter"
	"net"

	"github.com/twistor-go/twistor/deferred"
)

// A Message is what Read returns.
type Message struct {
	Kind  Kind
	Bytes []byte // the reader's own
}

// Text is the message as a string.
func (m Message) Text() string { return string(m.Bytes) }

// Read waits for the next message. Its errors are why no more comes: those of
// Disconnected, io.EOF when our service stops, or why co was cancelled. One
// coroutine reads at a time; two panic, and so does a Read of a Conn whose
// messages go to a Protocol of yours.
func (c *Conn) Read(co *deferred.Co) (Message, error) {
	v := c.talk
	if v == nil {
		panic("websocket: Read of a Conn whose messages go to its Protocol")
	}
	for len(v.unread) == 0 {
		if v.end != nil {
			return v.fail(v.end)
		}
		if v.wait != nil {
			if _, over := v.wait.Result(); !over {
				panic("websocket: a Conn is read by two coroutines at once")
			}
		}
		wait := deferred.New[struct{}](co.Loop())
		v.wait = wait
		_, err := wait.Await(co)
		if v.wait == wait {
			v.wait = nil
		}
		if err != nil && !v.lost {
			return v.fail(err)
		}
	}
	m := v.unread[0]
	v.unread[0] = Message{}
	if v.unread = v.unread[1:]; len(v.unread) == 0 {
		v.unread = nil // an idle conversation owns no buffer
	}
	v.bytes -= len(m.Bytes) + 64
	if v.held && v.bytes <= maxUnreadBytes/4 {
		v.held = false
		c.Resume()
	}
	return m, nil
}

func (v *conversation) fail(err error) (Message, error) {
	v.failed = err
	return Message{}, err
}

// Messages are the messages to come. The sequence ends where Read would fail;
// Err says why.
func (c *Conn) Messages(co *deferred.Co) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		for {
			m, err := c.Read(co)
			if err != nil || !yield(m) {
				return
			}
		}
	}
}

// Err is why the last Read failed: nil if none has, or if the conversation came
// to an orderly end. So a loop over Messages is followed by `return c.Err()`.
func (c *Conn) Err() error {
	if c.talk == nil || errors.Is(c.talk.failed, io.EOF) {
		return nil
	}
	return c.talk.failed
}

// Flush waits while the connection is Full, so that a slow peer slows a
// writer down instead of being cut. Its error says that the connection is lost, or
// co cancelled. Only a conversation may call it.
func (c *Conn) Flush(co *deferred.Co) error {
	v := c.talk
	if v == nil {
		panic("websocket: Flush of a Conn whose events go to its Protocol")
	}
	for c.open && c.Full() {
		if v.dry == nil {
			v.dry = deferred.New[struct{}](co.Loop())
		}
		if _, err := v.dry.Shield().Await(co); err != nil && !v.lost {
			return err
		}
	}
	if !c.open {
		return v.closed()
	}
	return nil
}

func (v *conversation) closed() error {
	if v.end != nil {
		return v.end
	}
	return net.ErrClosed
}
