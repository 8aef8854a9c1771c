package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/plugin"
)

const (
	// A message carries what was not sent yet of one connection, whose own
	// limit is 1 MiB unless it was told otherwise.
	maxMessageBytes = 64 << 20
	maxMessages     = 100_000
)

// answerTimeout is how long the old process waits for the new one. The new one
// waits for as long as the old one lives, whose services may take their time to
// stop. Tests wait less.
var answerTimeout = time.Minute

// A message is one line of what the old and the new process of a program say to
// each other in an upgrade:
//
//	old: port...  pidfile  listed
//	new:                            prepared
//	old:                                      connection...  start
//	new:                                                            ready
//	old:                                                                   connection...
//
// The new one says failed instead of prepared or ready if it cannot.
type message struct {
	Kind    string        `json:"kind"`
	Name    string        `json:"name,omitempty"` // an endpoint, or a file's
	State   []byte        `json:"state,omitempty"`
	Unsent  []byte        `json:"unsent,omitempty"`
	Unread  []byte        `json:"unread,omitempty"`
	Error   string        `json:"error,omitempty"`
	Status  plugin.Status `json:"status,omitempty"`
	HasFile bool          `json:"file,omitempty"`
	file    *os.File
}

// A channel is one end of that conversation, over a UNIX socket. Loop-only.
type channel struct {
	twistor.Transport
	partial []byte
	files   []*os.File
	came    deferred.Queue[message]
	ended   error // nil: it goes on
	broken  bool  // by what the other process said

	memory string // the .tap that the former process has left
}

// openChannel talks over the socket f, which it closes.
func openChannel(co *deferred.Co, l twistor.Loop, f *os.File) (*channel, error) {
	defer f.Close() // Dial has a duplicate
	c := &channel{came: deferred.Queue[message]{MaxItems: maxMessages}}
	build := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		c.Transport = t
		t.SetLimits(twistor.Limits{Max: -1}) // as much as there are connections
		return c
	})
	if _, err := l.Dial(twistor.DialConfig{File: f}, build).Await(co); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *channel) Connected() {}

func (c *channel) FileReceived(f *os.File) { c.files = append(c.files, f) }

func (c *channel) Received(p []byte) {
	for {
		piece, rest, whole := bytes.Cut(p, []byte("\n"))
		c.partial = append(c.partial, piece...)
		if !whole {
			break
		}
		line := c.partial
		p, c.partial = rest, nil
		var m message
		if err := json.Unmarshal(line, &m); err != nil {
			c.fail(fmt.Errorf("upgrade: %q: %w", line[:min(len(line), 100)], err))
			return
		}
		if m.HasFile {
			if len(c.files) == 0 {
				c.fail(fmt.Errorf("upgrade: %s %s without its descriptor", m.Kind, m.Name))
				return
			}
			m.file, c.files = c.files[0], c.files[1:]
		}
		if err := c.came.Put(m); err != nil {
			c.fail(err)
			return
		}
	}
	if len(c.partial) > maxMessageBytes {
		c.fail(fmt.Errorf("upgrade: a message of more than %d bytes", maxMessageBytes))
	}
}

func (c *channel) fail(err error) {
	c.ended, c.broken = err, true
	c.Abort()
}

func (c *channel) Disconnected(err error) {
	if c.ended == nil {
		c.ended = err
	}
	for _, f := range c.files { // of messages that did not come whole
		f.Close()
	}
	c.files = nil
	c.came.Put(message{Kind: "gone"})
}

// say sends m, with its file.
func (c *channel) say(m message) error {
	m.HasFile = m.file != nil
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if m.file == nil {
		_, err = c.Write(line)
		return err
	}
	sender, ok := twistor.As[twistor.FileSender](c.Transport)
	if !ok {
		return errors.New("upgrade: this system cannot send descriptors")
	}
	return sender.WriteFiles(line, m.file)
}

// hear waits for the next message; a failure of the other process is an error.
func (c *channel) hear(co *deferred.Co) (message, error) {
	m, err := c.came.Get(co.Loop()).Await(co)
	return c.understand(m, err)
}

// understand makes errors of the messages that are none.
func (c *channel) understand(m message, err error) (message, error) {
	switch {
	case err != nil:
		return m, err
	case m.Kind == "failed":
		return m, &plugin.Error{Status: m.Status, Err: errors.New(m.Error)}
	case m.Kind == "gone":
		c.came.Put(m) // for whoever asks again
		if c.broken {
			return m, c.ended
		}
		return m, fmt.Errorf("the other process is gone: %w", c.ended)
	}
	return m, nil
}

// expect waits for a message of that kind, for answerTimeout.
func (c *channel) expect(co *deferred.Co, kind string) error {
	m, err := c.understand(c.came.Get(co.Loop()).Timeout(answerTimeout).Await(co))
	if errors.Is(err, deferred.ErrTimeout) {
		return fmt.Errorf("the other process has not said %q after %v", kind, answerTimeout)
	}
	if err == nil && m.Kind != kind {
		err = fmt.Errorf("the other process said %q: want %s", m.Kind, kind)
	}
	return err
}

// flush waits until all that was said is sent.
func (c *channel) flush(co *deferred.Co) {
	for began := co.Loop().Now(); c.Buffered() > 0 && c.ended == nil; {
		if co.Loop().Now().Sub(began) > answerTimeout || co.Sleep(time.Millisecond) != nil {
			return
		}
	}
}
