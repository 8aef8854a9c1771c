package netconn

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// The tests of this file play the loop: nothing here blocks.

// A counted loop counts calls posted.
type counted struct {
	*sim.Clock
	posts int
}

func (l *counted) Post(f func()) bool { l.posts++; return l.Clock.Post(f) }

// onLoop is a Transport of that loop.
type onLoop struct {
	twistor.Transport
	loop twistor.Loop
}

func (t onLoop) Loop() twistor.Loop { return t.loop }

// connect is a Conn over a simulated Transport.
func connect(t *testing.T) (*Conn, *sim.Transport, *counted) {
	t.Helper()
	l := &counted{Clock: sim.NewClock(t)}
	var c *Conn
	tr := sim.Connect(l.Clock, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		c = newConn(onLoop{t, l})
		return &events{Conn: c, begin: func(*Conn) {}}
	}))
	return c, tr, l
}

// P10: many writes share one Post, and arrive whole and in order.
func TestP10WritesAreBatched(t *testing.T) {
	c, tr, l := connect(t)
	var want strings.Builder
	for i := range 100 {
		part := strings.Repeat("x", i) + "\n"
		want.WriteString(part)
		if n, err := io.WriteString(c, part); n != len(part) || err != nil {
			t.Fatalf("got %d, %v, want %d", n, err, len(part))
		}
	}
	l.Advance(0)
	if got := tr.Written(); got != want.String() {
		t.Errorf("got %d bytes, want %d", len(got), want.Len())
	}
	if l.posts != 1 {
		t.Errorf("posted %d times for 100 writes, want once", l.posts)
	}
}

// P10: what is not read is held back: by the Conn up to a block, then by the
// transport, until the reader has caught up.
func TestP10ReadBackPressure(t *testing.T) {
	c, tr, l := connect(t)
	block := strings.Repeat("a", blockBytes-1)
	tr.Receive(block)
	if tr.Paused() {
		t.Fatal("got paused below a block, want not")
	}
	tr.Receive("b")
	if !tr.Paused() {
		t.Fatal("got not paused with a block unread, want paused")
	}
	tr.Receive("held back")
	p := make([]byte, blockBytes/2-1)
	io.ReadFull(c, p)
	l.Advance(0)
	if !tr.Paused() {
		t.Error("got resumed with more than half a block unread, want paused")
	}
	io.ReadFull(c, make([]byte, 2))
	l.Advance(0)
	if tr.Paused() {
		t.Error("got paused with half a block unread, want resumed")
	}
	rest := make([]byte, blockBytes/2-1+len("held back"))
	if _, err := io.ReadFull(c, rest); err != nil || !bytes.HasSuffix(rest, []byte("abheld back")) {
		t.Errorf("got %q at the end, error %v", rest[len(rest)-12:], err)
	}
}

// P10: nothing more than a block waits above a transport that is Full.
func TestP10WriteBackPressure(t *testing.T) {
	c, tr, l := connect(t)
	tr.Hold()
	big := make([]byte, blockBytes)
	for range 2 { // the first makes it Full, exactly at High; the second more so
		if _, err := c.Write(big); err != nil {
			t.Fatal(err)
		}
		l.Advance(0)
	}
	if _, err := c.Write(big); err != nil { // waits in the Conn
		t.Fatal(err)
	}
	l.Advance(0)
	if got, want := tr.Buffered(), 2*blockBytes; got != want {
		t.Errorf("got %d bytes with the transport, want %d", got, want)
	}
	c.SetWriteDeadline(sim.Epoch) // it would block
	if n, err := c.Write([]byte("x")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d, %v, want a deadline", n, err)
	}
	tr.Drain(2 * blockBytes)
	l.Advance(0)
	if got, want := len(tr.Written()), 3*blockBytes; got != want {
		t.Errorf("got %d bytes written after Drained, want %d", got, want)
	}
}

// P10: deadlines are the loop's time; they may be moved and taken away.
func TestP10Deadlines(t *testing.T) {
	c, tr, l := connect(t)
	passed := func() bool {
		_, err := c.Read(nil)
		return errors.Is(err, os.ErrDeadlineExceeded)
	}
	c.SetReadDeadline(l.Now().Add(time.Second))
	l.Advance(time.Second - 1)
	if passed() {
		t.Error("got a deadline early")
	}
	l.Advance(1)
	if !passed() {
		t.Error("got no deadline in time")
	}
	tr.Receive("x")
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d, %v after the deadline, want it", n, err)
	}
	c.SetReadDeadline(l.Now().Add(time.Second)) // later
	c.SetReadDeadline(l.Now().Add(3 * time.Second))
	l.Advance(2 * time.Second)
	if passed() {
		t.Error("got the deadline that was moved")
	}
	c.SetReadDeadline(l.Now().Add(time.Second / 2)) // sooner
	l.Advance(time.Second / 2)
	if !passed() {
		t.Error("got no deadline after it was moved to an earlier time")
	}
	c.SetDeadline(time.Time{})
	l.Advance(time.Hour)
	if passed() || l.Pending() != 0 {
		t.Errorf("got passed %v, %d timers without a deadline, want none", passed(), l.Pending())
	}
	c.SetDeadline(time.Unix(1, 0))
	if !passed() {
		t.Error("got no deadline at once of a time that is long past")
	}
	c.SetDeadline(time.Time{})
	c.SetDeadline(l.Now())
	l.Advance(0)
	if !passed() {
		t.Error("got no deadline of the present time")
	}
	err := c.SetDeadline(time.Time{})
	c.SetReadDeadline(l.Now().Add(time.Hour))
	l.Advance(0)
	tr.Reset()
	if err != nil || l.Pending() != 0 {
		t.Errorf("got error %v, %d timers after the end, want 0", err, l.Pending())
	}
}

// P10: each end of a connection has the error that net has for it.
func TestP10Errors(t *testing.T) {
	buf := make([]byte, 1)
	c, tr, l := connect(t)
	tr.Receive("x")
	tr.End()
	c.Read(buf)
	if _, err := c.Read(buf); err != io.EOF {
		t.Errorf("got %v after the peer's end, want io.EOF", err)
	}
	if _, err := c.Write(buf); err != nil {
		t.Errorf("got %v of a write after the peer's end, want none: only one direction is over", err)
	}
	c.CloseWrite()
	if _, err := c.Write(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v after CloseWrite, want %v", err, net.ErrClosed)
	}
	l.Advance(0)
	if !tr.WriteClosed() || tr.Written() != "x" {
		t.Errorf("got write side closed %v, %q, want the last byte flushed", tr.WriteClosed(), tr.Written())
	}

	c, tr, _ = connect(t)
	tr.Reset()
	if _, err := c.Read(buf); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v after a reset, want %v", err, syscall.ECONNRESET)
	}
	if _, err := c.Write(buf); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v after a reset, want %v", err, syscall.ECONNRESET)
	}

	c, tr, l = connect(t)
	tr.Receive("unread")
	c.Write([]byte("last words"))
	c.Close()
	for _, f := range []func() error{
		func() error { _, err := c.Read(buf); return err },
		func() error { _, err := c.Write(buf); return err },
		c.Close, c.CloseWrite, func() error { return c.SetDeadline(time.Time{}) },
	} {
		err := f()
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Err != net.ErrClosed || op.Net != "tcp" {
			t.Errorf("got %v after Close, want a *net.OpError of %v", err, net.ErrClosed)
		}
	}
	l.Advance(0)
	if got := tr.Written(); got != "last words" || !tr.Closed() {
		t.Errorf("got %q, closed %v, want the last words flushed, then the end", got, tr.Closed())
	}
}

// A Listener has so many connections wait, and no more.
func TestP10ListenerIsBounded(t *testing.T) {
	l := sim.NewClock(t)
	ln, err := Listen(l, "tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	ln.max = 2
	port := l.Ports()[0]
	var all []*sim.Transport
	for range 3 {
		all = append(all, port.Accept())
	}
	l.Advance(0)
	if all[0].Closed() || all[1].Closed() || !all[2].Closed() {
		t.Errorf("got closed %v, %v, %v, want the third", all[0].Closed(), all[1].Closed(), all[2].Closed())
	}
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "hello")
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
	l.Advance(0)
	if all[0].Written() != "hello" || all[0].Aborted() || !all[1].Aborted() {
		t.Errorf("got %q, aborted %v, %v, want hello, and only the one that waited aborted", all[0].Written(), all[0].Aborted(), all[1].Aborted())
	}
	if !port.Closed() {
		t.Error("got an open port after Close")
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v of Accept after Close, want %v", err, net.ErrClosed)
	}
	if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v of the second Close, want %v", err, net.ErrClosed)
	}
}

// Idle connections hold no buffers.
func TestP10IdleHoldsNoBuffers(t *testing.T) {
	c, tr, l := connect(t)
	tr.Receive("question")
	c.Read(make([]byte, 100))
	c.Write([]byte("answer"))
	l.Advance(0)
	if c.in != nil || c.out != nil {
		t.Errorf("got buffers of %d and %d bytes, want none", cap(c.in), cap(c.out))
	}
}
