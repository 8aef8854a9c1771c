package websocket_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/websocket"
	"github.com/twistor-go/twistor/sim"
)

type talk = func(co *deferred.Co, c *websocket.Conn) error

func serve(w *sim.World, s *websocket.Server) *sim.Host {
	h := w.Host("server")
	h.Listen("tcp", ":80", &web.Server{Handler: s})
	return h
}

// TestUC08 and V28: a server and a client of ours, over many networks that
// cut and delay differently, with and without compression: every message comes
// whole, in order, both ways, and the end is an orderly one. Also WS-11: the
// server speaks first.
func TestUC08_V28_Conversation(t *testing.T) {
	n := 40
	if testing.Short() {
		n = 10
	}
	sim.Seeds(t, n, func(t *testing.T, w *sim.World) {
		var deflate *websocket.Deflate
		if w.Seed%3 > 0 {
			deflate = &websocket.Deflate{NoContext: w.Seed%3 == 1}
		}
		var ended error
		serve(w, &websocket.Server{Deflate: deflate, Build: websocket.Conversation(func(co *deferred.Co, c *websocket.Conn) error {
			c.WriteText("welcome")
			for m := range c.Messages(co) {
				c.WriteMessage(m.Kind, m.Bytes)
				if err := c.Flush(co); err != nil {
					return err
				}
			}
			ended = c.Err()
			return ended
		})})
		client := w.Host("client")
		client.Do(func(co *deferred.Co) error {
			cl := &websocket.Client{Deflate: &websocket.Deflate{}}
			c, err := cl.Dial(client.Loop(), "ws://server/", nil).Await(co)
			if err != nil {
				return err
			}
			r := rand.New(rand.NewPCG(w.Seed, 1))
			if m, err := c.Read(co); err != nil || m.Text() != "welcome" {
				return fmt.Errorf("first: %q, %v", m.Bytes, err)
			}
			for i := range 20 {
				p := []byte(strings.Repeat(fmt.Sprint("message ", i, " "), r.IntN([]int{2, 50, 500}[i%3])))
				c.WriteMessage(websocket.Binary, p)
				m, err := c.Read(co)
				if err != nil || m.Kind != websocket.Binary || !bytes.Equal(m.Bytes, p) {
					return fmt.Errorf("message %d of %d bytes: got %d bytes, %v", i, len(p), len(m.Bytes), err)
				}
			}
			c.Close()
			_, err = c.Read(co)
			if !errors.Is(err, twistor.ErrStopped) && err == nil {
				return fmt.Errorf("after Close: %v", err)
			}
			return nil
		})
		w.Advance(time.Minute)
		if ended != nil {
			t.Errorf("the server's side: %v", ended)
		}
	})
}

// TestBackpressure: a conversation that does not read holds its peer back; what
// it keeps is bounded, and nothing is lost.
func TestBackpressure(t *testing.T) {
	w := sim.New(t, 0)
	const messages, size = 120, 10_000
	got := 0
	serve(w, &websocket.Server{Build: websocket.Conversation(func(co *deferred.Co, c *websocket.Conn) error {
		co.Sleep(20 * time.Second)
		for m := range c.Messages(co) {
			if len(m.Bytes) != size || m.Bytes[0] != byte(got) {
				return fmt.Errorf("message %d: %d bytes", got, len(m.Bytes))
			}
			got++
			co.Sleep(time.Millisecond)
		}
		return c.Err()
	})})
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		c, err := websocket.Dial(client.Loop(), "ws://server/", nil).Await(co)
		if err != nil {
			return err
		}
		begin, wait := client.Loop().Now(), time.Duration(0)
		for i := range messages {
			if err := c.WriteBinary(bytes.Repeat([]byte{byte(i)}, size)); err != nil {
				return err
			}
			if err := c.Flush(co); err != nil {
				return err
			}
			wait = client.Loop().Now().Sub(begin)
		}
		if wait < 10*time.Second {
			return fmt.Errorf("1.2 MB were written in %v to a peer that does not read", wait)
		}
		c.Close()
		_, err = c.Read(co)
		if err == nil {
			return errors.New("a message after Close")
		}
		return nil
	})
	w.Advance(time.Minute)
	if got != messages {
		t.Errorf("%d messages of %d came", got, messages)
	}
}

// TestConversationEnds: what talk returns, and what the peer is told.
func TestConversationEnds(t *testing.T) {
	for _, tc := range []struct {
		name   string
		talk   talk
		want   websocket.Code
		logged string
	}{
		{"nil", func(*deferred.Co, *websocket.Conn) error { return nil }, websocket.Normal, ""},
		{"an *Error", func(*deferred.Co, *websocket.Conn) error { return &websocket.Error{Code: 4123} }, 4123, ""},
		{"a wrapped *Error", func(*deferred.Co, *websocket.Conn) error {
			return fmt.Errorf("so: %w", &websocket.Error{Code: websocket.PolicyViolation})
		}, websocket.PolicyViolation, ""},
		{"another error", func(*deferred.Co, *websocket.Conn) error { return errors.New("the disk is full") }, websocket.InternalError, "the disk is full"},
		{"io.EOF", func(*deferred.Co, *websocket.Conn) error { return io.EOF }, websocket.Normal, ""},
	} {
		w := sim.New(t, 0)
		serve(w, &websocket.Server{Build: websocket.Conversation(tc.talk)})
		client := w.Host("client")
		client.Do(func(co *deferred.Co) error {
			c, err := websocket.Dial(client.Loop(), "ws://server/", nil).Await(co)
			if err != nil {
				return err
			}
			_, err = c.Read(co)
			var e *websocket.Error
			if !errors.As(err, &e) || e.Code != tc.want || e.Text != "" {
				t.Errorf("%s: got %v, want %d and no words", tc.name, err, tc.want)
			}
			return nil
		})
		if log := w.Logged(); (tc.logged != "") != strings.Contains(log, "conversation ended") || !strings.Contains(log, tc.logged) {
			t.Errorf("%s: logged %q", tc.name, log)
		}
		w.Close()
	}
}

// TestConversationCancelled: whatever talk waits for is cancelled when its peer
// has gone, and a panic of it is contained.
func TestConversationCancelled(t *testing.T) {
	w := sim.New(t, 0)
	var slept error
	serve(w, &websocket.Server{Build: websocket.Conversation(func(co *deferred.Co, c *websocket.Conn) error {
		slept = co.Sleep(time.Hour)
		return slept
	})})
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		c, err := websocket.Dial(client.Loop(), "ws://server/", nil).Await(co)
		if err == nil {
			c.Abort()
		}
		return err
	})
	w.Advance(time.Second)
	if !errors.Is(slept, context.Canceled) {
		t.Errorf("a sleeper whose peer has gone: %v", slept)
	}
	w.Close()

	w = sim.New(t, 0)
	serve(w, &websocket.Server{Build: websocket.Conversation(func(co *deferred.Co, c *websocket.Conn) error {
		c.Read(co)
		panic("oh")
	})})
	client = w.Host("client")
	client.Do(func(co *deferred.Co) error {
		c, err := websocket.Dial(client.Loop(), "ws://server/", nil).Await(co)
		if err != nil {
			return err
		}
		c.WriteText("go on")
		if _, err := c.Read(co); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("the peer of one that panicked: %v", err)
		}
		return nil
	})
	if errs := w.Errors(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "oh") {
		t.Errorf("reported %v", errs)
	}
}

// TestDismissedConversation: a service that stops lets talk finish.
func TestDismissedConversation(t *testing.T) {
	clock := sim.NewClock(t)
	var read error
	n := 0
	tr := sim.Connect(clock, &web.Server{Handler: &websocket.Server{Build: websocket.Conversation(func(co *deferred.Co, c *websocket.Conn) error {
		co.Sleep(time.Second)
		for ; read == nil; n++ {
			_, read = c.Read(co)
		}
		return &websocket.Error{Code: websocket.Restarting}
	})}})
	tr.Receive("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	tr.Clear()
	clock.Advance(0)
	tr.Dismiss()
	tr.Receive("\x81\x81\x00\x00\x00\x00x") // goes on speaking
	clock.Advance(time.Second)
	if read != io.EOF || n != 1 || tr.Written() != "\x88\x02\x03\xf4" {
		t.Errorf("Read %d times: %v, told %q", n, read, tr.Written())
	}
	tr.Reset()
	clock.Advance(0)
}

// TestReadMisused: a Read that could not work says so at once.
func TestReadMisused(t *testing.T) {
	w := sim.New(t, 0)
	panics := func(f func()) (v any) {
		defer func() { v = recover() }()
		f()
		return nil
	}
	serve(w, &websocket.Server{Build: websocket.Conversation(func(co *deferred.Co, c *websocket.Conn) error {
		_, err := c.Read(co)
		return err
	})})
	client := w.Host("client")
	client.Do(func(co *deferred.Co) error {
		c, err := websocket.Dial(client.Loop(), "ws://server/", func(*websocket.Conn) websocket.Protocol { return silent{} }).Await(co)
		if err != nil {
			return err
		}
		if panics(func() { c.Read(co) }) == nil || panics(func() { c.Flush(co) }) == nil {
			t.Error("Read or Flush of a Conn with a Protocol did not panic")
		}
		c.Close()
		return nil
	})
	if panics(func() { websocket.Conversation(nil) }) == nil {
		t.Error("Conversation(nil) did not panic")
	}
	if panics(func() { new(websocket.Server).Serve(nil, nil) }) == nil {
		t.Error("a Server without Build did not panic")
	}
}

type silent struct{}

func (silent) Connected()                             {}
func (silent) MessageReceived(websocket.Kind, []byte) {}
func (silent) Disconnected(error)                     {}
