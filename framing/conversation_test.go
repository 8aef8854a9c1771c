package framing_test

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/sim"
)

// converse connects a conversation.
func converse(t *testing.T, talk func(co *deferred.Co, c *framing.Conn) error) (*sim.Clock, *sim.Transport) {
	clock := sim.NewClock(t)
	return clock, sim.Connect(clock, framing.Conversation(talk))
}

func TestConversationEcho(t *testing.T) {
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
		for line := range c.Lines(co) {
			fmt.Fprintf(c, "%s!\n", line)
		}
		return c.Err()
	})
	tr.Receive("a\nb\nc", "d\n")
	tr.End()
	clock.Advance(0)
	if got, want := tr.Written(), "a!\nb!\ncd!\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
	if !tr.Closed() || tr.Err() == nil {
		t.Error("not closed when the conversation had ended")
	}
}

// TestConversationLimit does not read for an hour: the transport must pause at
// 64 KiB, and go on, losing nothing, when the conversation reads.
func TestConversationLimit(t *testing.T) {
	got := 0
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
		if err := co.Sleep(time.Hour); err != nil {
			return err
		}
		for range c.Lines(co) {
			got++
		}
		return c.Err()
	})
	const line = "0123456789abcde\n"
	sent := 0
	for !tr.Paused() {
		tr.Receive(strings.Repeat(line, 64))
		if sent += 64; sent > 1<<20 {
			t.Fatal("1 MiB came and the transport does not pause")
		}
	}
	if n := sent * len(line); n > 64<<10 {
		t.Errorf("paused at %d bytes, want 65,536", n)
	}
	tr.Receive(strings.Repeat(line, 640)) // waits below
	clock.Advance(time.Hour)
	tr.End()
	clock.Advance(0)
	if want := sent + 640; got != want {
		t.Errorf("read %d lines, want %d", got, want)
	}
}

// TestConversationResumes lets more come while there is still something to
// read, so that the network does not wait for the last line.
func TestConversationResumes(t *testing.T) {
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
		co.Sleep(time.Second)
		c.ReadFull(co, make([]byte, 50_000))
		return co.Sleep(time.Hour)
	})
	tr.Receive(strings.Repeat("x", 66_000))
	if !tr.Paused() {
		t.Fatal("not paused with 66,000 bytes unread")
	}
	clock.Advance(time.Second)
	if tr.Paused() {
		t.Error("paused with 16,000 bytes unread, want to go on below a quarter of the limit")
	}
	tr.Abort()
	clock.Advance(0)
}

// TestConversationLongLine gathers a line beyond what may stay unread, if it
// was allowed.
func TestConversationLongLine(t *testing.T) {
	var got string
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) (err error) {
		c.SetMaxLineBytes(200_000)
		got, err = c.ReadLine(co)
		return err
	})
	want := strings.Repeat("long", 50_000)
	for at := 0; at < len(want); at += 10_000 {
		tr.Receive(want[at : at+10_000])
		clock.Advance(0)
	}
	tr.Receive("\n")
	clock.Advance(0)
	if got != want {
		t.Errorf("read %d bytes, want %d", len(got), len(want))
	}
}

// TestConversationXML pulls a stream through encoding/xml, an element at a
// time, as the elements come.
func TestConversationXML(t *testing.T) {
	var got []string
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
		d := xml.NewDecoder(c.Reader(co))
		for {
			tok, err := d.Token()
			if err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			if e, ok := tok.(xml.StartElement); ok {
				got = append(got, e.Name.Local)
			}
		}
	})
	tr.Receive("<hits><hit>a</", "hit><lost/>")
	clock.Advance(0)
	if want := "hits hit lost"; strings.Join(got, " ") != want {
		t.Errorf("saw %q before the end, want %q", got, want)
	}
	tr.Receive("</hits>")
	tr.End()
	clock.Advance(0)
}

// TestConversationFlush writes to a peer that does not read: Flush waits until
// it does.
func TestConversationFlush(t *testing.T) {
	written, done := 0, false
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
		for range 30 {
			c.Write(make([]byte, 10_000))
			written++
			if err := c.Flush(co); err != nil {
				return err
			}
		}
		done = true
		return nil
	})
	tr.Hold()
	clock.Advance(0)
	if written != 30 {
		// It began in Connected, before the peer held.
		t.Fatalf("wrote %d pieces to a peer that takes all, want 30", written)
	}
	written, done = 0, false
	clock, tr = converse(t, func(co *deferred.Co, c *framing.Conn) error {
		c.ReadLine(co)
		for range 30 {
			c.Write(make([]byte, 10_000))
			written++
			if err := c.Flush(co); err != nil {
				return err
			}
		}
		done = true
		return nil
	})
	tr.Hold()
	tr.Receive("go\n")
	clock.Advance(0)
	if written != 7 {
		t.Errorf("wrote %d pieces of 10,000 to a peer that takes none, want 7: above 64 KiB", written)
	}
	for range 5 {
		tr.Drain(60_000)
	}
	if !done {
		t.Error("did not go on when the peer read")
	}
}

// TestConversationLost resets the connection while the conversation reads,
// flushes, sleeps: each wait ends, with the reason where there is one.
func TestConversationLost(t *testing.T) {
	reset := errors.New("reset")
	for name, wait := range map[string]func(co *deferred.Co, c *framing.Conn) error{
		"read":  func(co *deferred.Co, c *framing.Conn) error { _, err := c.ReadLine(co); return err },
		"full":  func(co *deferred.Co, c *framing.Conn) error { return c.ReadFull(co, make([]byte, 1)) },
		"flush": func(co *deferred.Co, c *framing.Conn) error { c.Write(make([]byte, 70_000)); return c.Flush(co) },
		"secure": func(co *deferred.Co, c *framing.Conn) error {
			return c.Secure(co, tlsConfig, twistor.AsServer)
		},
		"sleep": func(co *deferred.Co, c *framing.Conn) error { return co.Sleep(time.Hour) },
	} {
		ended, got := false, error(nil)
		clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
			c.ReadLine(co)
			got = wait(co, c)
			ended = true
			return got
		})
		tr.Hold()
		tr.Receive("go\n")
		clock.Advance(0)
		if ended {
			t.Fatalf("%s: did not wait", name)
		}
		tr.Break(reset)
		clock.Advance(0)
		want := reset
		if name == "sleep" {
			want = context.Canceled
		}
		if !ended || !errors.Is(got, want) {
			t.Errorf("%s: ended %v with %v, want %v", name, ended, got, want)
		}
		if clock.Logged() != "" {
			t.Errorf("%s: an ordinary end was logged: %s", name, clock.Logged())
		}
	}
}

// TestConversationError logs an error of talk's own once, and what was written
// before leaves.
func TestConversationError(t *testing.T) {
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
		c.WriteLine("500 sorry")
		return errors.New("disk on fire")
	})
	clock.Advance(0)
	if got := strings.Count(clock.Logged(), "disk on fire"); got != 1 || tr.Written() != "500 sorry\r\n" || !tr.Closed() {
		t.Errorf("logged %d times, wrote %q, closed %v; want once, the answer, and closed", got, tr.Written(), tr.Closed())
	}
}

// TestConversationPanic aborts the connection and reports the panic.
func TestConversationPanic(t *testing.T) {
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
		c.ReadLine(co)
		panic("ouch")
	})
	tr.Receive("x\n")
	clock.Advance(0)
	errs := clock.Errors()
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "ouch") || !tr.Aborted() {
		t.Errorf("reported %v, aborted %v; want one panic, aborted", errs, tr.Aborted())
	}
}

// TestConversationDismissed reads what has come when the service stops, and
// then the end.
func TestConversationDismissed(t *testing.T) {
	var got []string
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
		for line := range c.Lines(co) {
			got = append(got, line)
		}
		c.WriteLine("221 bye")
		return c.Err()
	})
	tr.Receive("a\nb")
	tr.Protocol().(twistor.Dismisser).Dismissed()
	clock.Advance(0)
	if len(got) != 1 || tr.Written() != "221 bye\r\n" || !tr.Closed() || clock.Logged() != "" {
		t.Errorf("read %q, wrote %q, closed %v, logged %q; want one line, bye, closed, nothing", got, tr.Written(), tr.Closed(), clock.Logged())
	}
}

// TestConversationHalfClose: the peer ends its direction and still gets its
// answers; half a line is io.ErrUnexpectedEOF.
func TestConversationHalfClose(t *testing.T) {
	var err error
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
		for line := range c.Lines(co) {
			co.Sleep(time.Second)
			c.WriteLine(line)
		}
		err = c.Err()
		return err
	})
	tr.Receive("a\nb\nhalf")
	tr.End()
	clock.Advance(time.Minute)
	if got, want := tr.Written(), "a\r\nb\r\n"; got != want || err != io.ErrUnexpectedEOF {
		t.Errorf("wrote %q, error %v; want %q and io.ErrUnexpectedEOF", got, err, want)
	}
}

// TestConversationSecure waits for the handshake; before that it refuses bytes
// in clear behind the command.
func TestConversationSecure(t *testing.T) {
	var secured error = errors.New("not yet")
	talk := func(co *deferred.Co, c *framing.Conn) error {
		c.ReadLine(co)
		c.WriteLine("220 go")
		if secured = c.Secure(co, tlsConfig, twistor.AsServer); secured != nil {
			return nil
		}
		line, err := c.ReadLine(co)
		c.WriteLine(line)
		return err
	}
	clock, tr := converse(t, talk)
	tr.Receive("starttls\n")
	clock.Advance(0)
	if tr.TLSRequest() == nil {
		t.Fatal("no handshake was asked for")
	}
	tr.Secure(tls.ConnectionState{})
	tr.Receive("secret\n")
	clock.Advance(0)
	if got, want := tr.Written(), "220 go\r\nsecret\r\n"; got != want || secured != nil {
		t.Errorf("wrote %q, Secure gave %v; want %q", got, secured, want)
	}

	clock, tr = converse(t, talk)
	tr.Receive("starttls\nevil\n")
	clock.Advance(0)
	if !isProtocolError(secured) || tr.TLSRequest() != nil {
		t.Errorf("bytes in clear behind STARTTLS: Secure gave %v, want a *ProtocolError", secured)
	}
}

// TestConversationSwitch hands over what was not read, and then the end of talk
// closes nothing.
func TestConversationSwitch(t *testing.T) {
	next := new(collecting)
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
		c.ReadLine(co)
		c.Switch(next, nil)
		_, err := c.ReadLine(co)
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read after Switch gives %v, want net.ErrClosed", err)
		}
		return err
	})
	tr.Receive("upgrade\nrest")
	clock.Advance(0)
	tr.Receive(" of it")
	clock.Advance(0)
	if got, want := next.String(), "connected rest of it"; got != want || tr.Closed() {
		t.Errorf("the next protocol heard %q, closed %v; want %q and open", got, tr.Closed(), want)
	}
}

// TestConversationClose: after Close nothing that came is read any more.
func TestConversationClose(t *testing.T) {
	var err error
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
		c.ReadLine(co)
		c.Close()
		_, err = c.ReadLine(co)
		return nil
	})
	tr.Receive("a\nb\n")
	clock.Advance(0)
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("a read after Close gives %v, want net.ErrClosed", err)
	}
}

// TestConversationTwoReaders must not share bytes between two coroutines by
// chance.
func TestConversationTwoReaders(t *testing.T) {
	clock, tr := converse(t, func(co *deferred.Co, c *framing.Conn) error {
		deferred.Inline(co.Loop(), func(co *deferred.Co) (string, error) { return c.ReadLine(co) }).Cancel()
		other := deferred.Inline(co.Loop(), func(co *deferred.Co) (string, error) { return c.ReadLine(co) })
		defer other.Cancel()
		_, err := c.ReadLine(co)
		return err
	})
	clock.Advance(0)
	if errs := clock.Errors(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "two coroutines") {
		t.Errorf("reported %v, want a panic about two coroutines", errs)
	}
	if !tr.Aborted() {
		t.Error("the connection was not aborted")
	}
}

// TestConversationWriteLine refuses line breaks: X-05.
func TestConversationWriteLine(t *testing.T) {
	converse(t, func(co *deferred.Co, c *framing.Conn) error {
		for b := range 256 {
			err := c.WriteLine("x" + string([]byte{byte(b)}))
			if bad := b == '\r' || b == '\n'; errors.Is(err, framing.ErrLineBreak) != bad {
				t.Errorf("byte %d: error %v, want ErrLineBreak %v", b, err, bad)
			}
		}
		return nil
	})
}
