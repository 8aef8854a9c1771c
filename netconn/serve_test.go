package netconn_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/netconn"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/sim"
)

// serve serves one end of a pipe to f on a running reactor; the other is the
// test's.
func serve(t *testing.T, l twistor.Loop, f twistor.Factory) net.Conn {
	t.Helper()
	mine, theirs := net.Pipe()
	done := make(chan error, 1)
	l.Post(func() { done <- netconn.Serve(l, theirs, f) })
	if err := <-done; err != nil && !errors.Is(err, twistor.ErrRefused) {
		t.Fatal(err)
	}
	t.Cleanup(func() { mine.Close() })
	return mine
}

// P10: there and back: a net.Conn as a Transport as a net.Conn is one still.
func TestP10ServeConformance(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		l := run(t, nil)
		ready := make(chan net.Conn, 1)
		over := make(chan struct{})
		c1 = serve(t, l, netconn.Factory(func(c net.Conn) {
			ready <- c
			<-over
		}))
		c2 = <-ready
		return c1, c2, func() { c1.Close(); c2.Close(); close(over) }, nil
	})
}

// A diary writes down what a protocol hears, for the test's goroutine.
type diary struct {
	twistor.Transport
	events chan string
	act    func(p *diary, event string)
}

func newDiary(act func(p *diary, event string)) (twistor.Factory, chan string) {
	events := make(chan string, 100)
	return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return &diary{t, events, act}
	}), events
}

func (p *diary) note(event string) {
	p.events <- event
	if p.act != nil {
		p.act(p, event)
	}
}
func (p *diary) Connected()             { p.note("connected") }
func (p *diary) Received(b []byte)      { p.note("received " + string(b)) }
func (p *diary) Drained()               { p.note("drained") }
func (p *diary) Secured()               { p.note("secured") }
func (p *diary) Disconnected(err error) { p.note("disconnected: " + err.Error()); close(p.events) }

// want reads events until each of want has come, in order, and none else.
func want(t *testing.T, events chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := <-events; !strings.HasPrefix(got, w) {
			t.Fatalf("got event %q, want %q", got, w)
		}
	}
}

// P10: events and calls of a served connection.
func TestP10ServeEvents(t *testing.T) {
	l := run(t, nil)
	f, events := newDiary(func(p *diary, event string) {
		switch event {
		case "received hello":
			io.WriteString(p, "world")
			p.Pause()
			p.Loop().CallLater(time.Millisecond, p.Resume)
		case "received bye":
			io.WriteString(p, "last words")
			p.Close()
			io.WriteString(p, "too late")
		}
	})
	c := serve(t, l, f)
	io.WriteString(c, "hello")
	buf := make([]byte, 100)
	if n, _ := io.ReadFull(c, buf[:5]); string(buf[:n]) != "world" {
		t.Errorf("got %q, want world", buf[:n])
	}
	io.WriteString(c, "bye")
	if got, _ := io.ReadAll(c); string(got) != "last words" {
		t.Errorf("got %q, want the last words, and then the end", got)
	}
	want(t, events, "connected", "received hello", "received bye", "disconnected: use of closed")
}

// P10: the peer's end, Abort, a panic, a refusal, and the end of the loop.
func TestP10ServeEnds(t *testing.T) {
	l := run(t, nil)
	f, events := newDiary(nil)
	serve(t, l, f).Close()
	want(t, events, "connected", "disconnected: EOF")

	f, events = newDiary(func(p *diary, event string) {
		if event == "connected" {
			p.Abort()
		}
	})
	c := serve(t, l, f)
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v after Abort, want %v", err, io.EOF)
	}
	want(t, events, "connected", "disconnected: twistor: aborted")

	refuse := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		io.WriteString(t, "421 no")
		return nil
	})
	if got, err := io.ReadAll(serve(t, l, refuse)); string(got) != "421 no" || err != nil {
		t.Errorf("got %q, %v of a refusal, want 421 no", got, err)
	}

	r := reactor.New(&reactor.Config{Loops: 1})
	mine, theirs := net.Pipe()
	f, events = newDiary(nil)
	if err := netconn.Serve(r.Loop(), theirs, f); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.Run(context.Background()) }()
	want(t, events, "connected")
	r.Stop()
	want(t, events, "disconnected: twistor: loop stopped")
	if _, err := mine.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v after the loop's end, want %v", err, io.EOF)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// P10: back-pressure both ways: Full and Drained, ErrOverflow, Pause.
func TestP10ServeBackPressure(t *testing.T) {
	l := run(t, nil)
	big := bytes.Repeat([]byte("x"), 300<<10)
	full := make(chan bool, 1)
	f, events := newDiary(func(p *diary, event string) {
		if event == "connected" {
			p.Write(big)
			full <- p.Full() && p.Buffered() == len(big)
		}
	})
	c := serve(t, l, f)
	if !<-full {
		t.Error("got not Full with 300 KiB queued, want Full")
	}
	if _, err := io.ReadFull(c, make([]byte, len(big))); err != nil {
		t.Error(err)
	}
	want(t, events, "connected", "drained")
	c.Close()
	want(t, events, "disconnected: EOF")

	f, events = newDiary(func(p *diary, event string) {
		if event == "connected" {
			for range 4 {
				p.Write(big)
			}
		}
	})
	serve(t, l, f)
	want(t, events, "connected", "disconnected: twistor: peer reads too slowly")

	f, events = newDiary(func(p *diary, event string) {
		if event == "connected" {
			p.Pause()
		}
	})
	c = serve(t, l, f)
	want(t, events, "connected")
	c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := c.Write(make([]byte, 1<<20)); err == nil || n > 64<<10 {
		t.Errorf("wrote %d bytes, error %v, to a paused Transport, want it to stop within 64 KiB", n, err)
	}
}

// P10, T12: StartTLS over a net.Conn, with the first bytes of TLS read already,
// and with the reader waiting; what was written before it is in clear.
func TestP10ServeStartTLS(t *testing.T) {
	cert := sim.Certificate("a.example")
	server := &tls.Config{Certificates: []tls.Certificate{cert}}
	client := &tls.Config{RootCAs: sim.Roots(cert), ServerName: "a.example", Time: func() time.Time { return sim.Epoch }}
	l := run(t, nil)
	for _, first := range []string{"STARTTLS\r\n", ""} {
		f, events := newDiary(func(p *diary, event string) {
			switch {
			case event == "connected" && first == "":
				p.Loop().CallLater(time.Millisecond, func() { // the reader waits
					io.WriteString(p, "220\r\n")
					p.StartTLS(server, twistor.AsServer, nil)
				})
			case strings.HasPrefix(event, "received STARTTLS"):
				io.WriteString(p, "220\r\n")
				p.StartTLS(server, twistor.AsServer, nil)
				io.WriteString(p, "secret") // waits for the handshake
			case event == "secured" && first == "":
				io.WriteString(p, "secret")
			}
		})
		c := serve(t, l, f)
		io.WriteString(c, first)
		line := make([]byte, 5)
		if _, err := io.ReadFull(c, line); err != nil || string(line) != "220\r\n" {
			t.Fatalf("got %q, %v, want 220 in clear", line, err)
		}
		s := tls.Client(c, client)
		got := make([]byte, 6)
		if _, err := io.ReadFull(s, got); err != nil || string(got) != "secret" {
			t.Fatalf("got %q, %v, want secret", got, err)
		}
		io.WriteString(s, "hello")
		s.Close()
		if first != "" {
			want(t, events, "connected", "received STARTTLS", "secured", "received hello", "disconnected: EOF")
		} else {
			want(t, events, "connected", "secured", "received hello", "disconnected: EOF")
		}
	}

	f, events := newDiary(func(p *diary, event string) {
		if event == "connected" {
			p.StartTLS(server, twistor.AsServer, nil)
		}
	})
	c := serve(t, l, f)
	io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
	go io.Copy(io.Discard, c)
	want(t, events, "connected", "disconnected: tls:")
}

// SendFile and Switch of a served connection.
func TestP10ServeFileAndSwitch(t *testing.T) {
	l := run(t, nil)
	sent := make(chan int64, 1)
	next, after := newDiary(nil)
	f, events := newDiary(func(p *diary, event string) {
		switch event {
		case "connected":
			io.WriteString(p, "<")
			p.SendFile(io.NewSectionReader(strings.NewReader("0123456789"), 2, 5)).Done(func(n int64, err error) { sent <- n })
			io.WriteString(p, ">")
		case "received switch":
			p.Switch(next.Build(p.Transport), []byte("unread"))
		}
	})
	c := serve(t, l, f)
	got := make([]byte, 7)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "<23456>" {
		t.Errorf("got %q, %v, want <23456>", got, err)
	}
	if n := <-sent; n != 5 {
		t.Errorf("got %d bytes sent, want 5", n)
	}
	io.WriteString(c, "switch")
	want(t, events, "connected", "received switch")
	c.Close()
	want(t, after, "connected", "received unread", "disconnected: EOF")
}
