package reactor_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
)

// TestP01LifeOfAConnection: Connected first, bytes in order, Disconnected last
// and once, on TCP and UNIX sockets. T02, XC2, XC4.
func TestP01LifeOfAConnection(t *testing.T) {
	each(t, func(b *bed) {
		b.networks(func(network string) {
			s, c := b.pair(network, nil, nil)
			fmt.Fprint(c, "hello ")
			c.Write(nil)
			fmt.Fprint(c, "world")
			b.until("the server has it", func() bool { return s.in.Len() == 11 })
			if got, want := s.in.String(), "hello world"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			s.Write([]byte("bye"))
			s.Close()
			b.finished(s, c)
			s.wantErr(net.ErrClosed)
			c.wantErr(io.EOF)
			if got := c.in.String(); got != "bye" {
				t.Errorf("%s: T02: what was written before Close arrives: got %q", network, got)
			}
			if n, err := s.Write([]byte("x")); n != 0 || !errors.Is(err, net.ErrClosed) {
				t.Errorf("T01: Write after Disconnected: %d, %v, want net.ErrClosed", n, err)
			}
			for _, p := range []*rec{s, c} { // nothing of this does anything
				p.Close()
				p.Abort()
				p.CloseWrite()
				p.Pause()
				p.Resume()
			}
			b.pass(time.Millisecond)
		})
	})
}

// TestP02FactoryRefuses: Build that returns nil refuses; its last words arrive.
func TestP02FactoryRefuses(t *testing.T) {
	each(t, func(b *bed) {
		port := b.listen("tcp", func(p *rec) twistor.Protocol {
			p.Write([]byte("full\n"))
			return nil
		})
		c := &rec{b: b}
		must(b, b.l.Dial(twistor.DialConfig{Network: "tcp", Address: b.addr(port)}, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			c.Transport = t
			return c
		})))
		b.finished(c)
		if got := c.in.String(); got != "full\n" {
			t.Errorf("got %q", got)
		}
		_, err := result(b, b.l.Dial(twistor.DialConfig{Network: "tcp", Address: b.addr(port)}, twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { return nil })))
		if !errors.Is(err, twistor.ErrRefused) {
			t.Errorf("E02: Dial whose factory refuses: %v, want ErrRefused", err)
		}
	})
}

type openings struct{ log []string }

func (o *openings) Build(twistor.Transport) twistor.Protocol { return nil }
func (o *openings) Opened(twistor.Loop) error                { o.log = append(o.log, "opened"); return nil }
func (o *openings) Closed()                                  { o.log = append(o.log, "closed") }

type halfOpener struct{}

func (halfOpener) Build(twistor.Transport) twistor.Protocol { return nil }
func (halfOpener) Opened(twistor.Loop) error                { return nil }

type unopenable struct{ openings }

var errUnopenable = errors.New("no log file")

func (o *unopenable) Opened(twistor.Loop) error { return errUnopenable }

// TestP03Opener: Opened before the first of a factory's ports, Closed after the
// last; an error fails Listen and leaves nothing.
func TestP03Opener(t *testing.T) {
	each(t, func(b *bed) {
		o := &openings{}
		address := net.JoinHostPort(b.host, "0")
		p1, err := twistor.Listen(b.l, "tcp", address, o)
		if err != nil {
			t.Fatal(err)
		}
		p2, err := twistor.Listen(b.l, "tcp", address, o)
		if err != nil {
			t.Fatal(err)
		}
		p1.Close()
		b.turn()
		if got := fmt.Sprint(o.log); got != "[opened]" {
			t.Errorf("one port left: %s", got)
		}
		p2.Close()
		p2.Close()
		b.turn()
		if got := fmt.Sprint(o.log); got != "[opened closed]" {
			t.Errorf("no port left: %s", got)
		}
		if _, err := twistor.Listen(b.l, "tcp", address, &unopenable{}); !errors.Is(err, errUnopenable) {
			t.Errorf("got %v", err)
		}
		if _, err := twistor.Listen(b.l, "tcp", address, halfOpener{}); err == nil || !strings.Contains(err.Error(), "want both") {
			t.Errorf("half an Opener: %v", err)
		}
		if s := b.r.Stats(); s.Ports != 0 {
			t.Errorf("%d ports are left", s.Ports)
		}
	})
}

// TestR18Listen: port 0, the address of a port, errors that say what failed.
func TestR18Listen(t *testing.T) {
	each(t, func(b *bed) {
		port := b.listen("tcp", nil)
		if a := port.Addr().(*net.TCPAddr); a.Port == 0 || a.IP.String() != b.host {
			t.Errorf("Addr: %v", a)
		}
		for _, c := range []struct{ network, address, want string }{
			{"tcp", port.Addr().String(), "address already in use"},
			{"tcp", b.host + ":70000", "want a number from 0 to 65535"},
			{"tcp", b.host, "missing port"},
			{"tcp", b.host + ":nosuchservice", "nosuchservice"},
			{"tcp6", b.host + ":0", "want one for tcp6"},
			{"udp", b.host + ":0", `network "udp": want tcp`},
			{"", "", "want tcp"},
			{"unix", "", "want a path"},
		} {
			_, err := twistor.Listen(b.l, c.network, c.address, twistor.FactoryFunc(newEcho))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Listen(%q, %q): %v, want %q", c.network, c.address, err, c.want)
			}
			var op *net.OpError
			if !errors.As(err, &op) || op.Op != "listen" {
				t.Errorf("R42: %T is no listen *net.OpError", err)
			}
		}
		if _, err := b.l.Listen(twistor.ListenConfig{Network: "tcp", Address: b.host + ":0"}, nil); err == nil {
			t.Error("Listen without a factory succeeds")
		}
	})
}

// TestR39PortClose: the address is free, connections go on; Pause holds
// connections back.
func TestR39PortClose(t *testing.T) {
	each(t, func(b *bed) {
		var s *rec
		port := b.listen("tcp", func(p *rec) twistor.Protocol { s = p; return p })
		port.Pause()
		c := must(b, b.dial(port))
		b.pass(20 * time.Millisecond)
		if s != nil {
			t.Error("a paused port accepts")
		}
		port.Resume()
		b.until("the port accepts", func() bool { return s != nil })
		addr := port.Addr().String()
		must(b, port.Close())
		if _, err := result(b, b.l.Dial(twistor.DialConfig{Network: "tcp", Address: addr}, recs(b))); !errors.Is(err, syscall.ECONNREFUSED) && b.kind != "fake" {
			t.Errorf("dial of a closed port: %v", err)
		}
		again, err := twistor.Listen(b.l, "tcp", addr, recs(b))
		if err != nil {
			t.Fatal("the address is not free:", err)
		}
		again.Close()
		c.Write([]byte("still here"))
		b.until("the connection goes on", func() bool { return s.in.Len() == 10 })
	})
}

// TestR19DialErrors: what went wrong, and with whom.
func TestR19DialErrors(t *testing.T) {
	each(t, func(b *bed) {
		port := b.listen("tcp", nil)
		closed := port.Addr().String()
		port.Close()
		for _, c := range []struct {
			network, address string
			want             string
		}{
			{"tcp", closed, "connection refused"},
			{"tcp", b.host + ":nosuchservice", "nosuchservice"},
			{"tcp", b.host + ":0", "want a number from 1"},
			{"tcp", ":80", "want a host"},
			{"tcp", b.host, "missing port"},
			{"tcp6", b.host + ":80", "no address fits tcp6"},
			{"tcp", "[::1]:http:80", "too many colons"},
			{"udp", b.host + ":80", `network "udp"`},
			{"unix", "/nonexistent/socket", "no such file"},
			{"unix", "", "want a path"},
		} {
			if c.network == "unix" && c.address != "" && b.dir == nil {
				continue
			}
			_, err := result(b, b.l.Dial(twistor.DialConfig{Network: c.network, Address: c.address}, recs(b)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Dial(%q, %q): %v, want %q", c.network, c.address, err, c.want)
			}
			var op *net.OpError
			if !errors.As(err, &op) || op.Op != "dial" {
				t.Errorf("R42: %v: no dial *net.OpError", err)
			}
		}
	})
}

// TestR20CancelDial: cancelling ends the attempt; nothing is left of it.
func TestR20CancelDial(t *testing.T) {
	each(t, func(b *bed) {
		port := b.listen("tcp", nil)
		d := b.dial(port)
		d.Cancel()
		if _, err := result(b, d); err == nil {
			t.Error("a cancelled Dial succeeds")
		}
		b.pass(20 * time.Millisecond)
		port.Close()
		b.until("the connection is gone", func() bool { return b.r.Stats().Connections == 0 })
	})
}

// TestE03ConnectProtocol: a Protocol that is there already is connected by a
// factory of one line.
func TestE03ConnectProtocol(t *testing.T) {
	each(t, func(b *bed) {
		port := b.listen("tcp", nil)
		p := &rec{b: b}
		d := twistor.Dial(b.l, "tcp", b.addr(port), func(t twistor.Transport) *rec { p.Transport = t; return p })
		if got := must(b, d); got != p || len(p.events) != 1 {
			b.Errorf("got %p, want %p: %v", got, p, p.events)
		}
	})
}

// TestP06DialTyped: twistor.Dial keeps the Protocol's type.
func TestP06DialTyped(t *testing.T) {
	each(t, func(b *bed) {
		port := b.listen("tcp", nil)
		d := twistor.Dial(b.l, "tcp", b.addr(port), func(t twistor.Transport) *rec { return &rec{Transport: t, b: b} })
		if p := must(b, d); len(p.events) != 1 {
			t.Errorf("P04: it fires after Connected: %v", p.events)
		}
	})
}

// TestT03HalfClose: CloseWrite ends one direction; T04: ReadClosed, or Close.
func TestT03HalfClose(t *testing.T) {
	each(t, func(b *bed) {
		b.networks(func(network string) {
			s, c := b.pair(network, func(p *rec) twistor.Protocol { return half{p} }, nil)
			c.Write([]byte("question"))
			c.CloseWrite()
			b.until("the server sees the end", func() bool { return s.events[len(s.events)-1] == "readClosed" })
			if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write after CloseWrite: %v", err)
			}
			s.Write([]byte("answer"))
			b.until("the client has the answer", func() bool { return c.in.String() == "answer" })
			s.CloseWrite()
			b.finished(s, c)
			s.wantErr(io.EOF)
			c.wantErr(io.EOF)
			if got := s.in.String(); got != "question" {
				t.Errorf("got %q", got)
			}
		})
	})
}

// TestT05Abort: the queue is dropped and the peer sees a reset.
func TestT05Abort(t *testing.T) {
	each(t, func(b *bed) {
		s, c := b.pair("tcp", nil, nil)
		c.Write([]byte("x"))
		b.until("connected both ways", func() bool { return s.in.Len() == 1 })
		s.Write([]byte("never sent"))
		s.Abort()
		s.Abort()
		b.finished(s, c)
		s.wantErr(twistor.ErrAborted)
		c.wantErr(syscall.ECONNRESET)
		if got := c.in.String(); got != "" {
			t.Errorf("dropped output arrives: %q", got)
		}
	})
}

// TestF_04BytesBeforeAReset: what came before an RST is delivered first, also
// when writing finds it out.
func TestF_04BytesBeforeAReset(t *testing.T) {
	each(t, func(b *bed) {
		if b.kind == "portable" {
			b.Skip("not for the portable backend: package net does not say what came first")
		}
		s, c := b.pair("tcp", nil, nil)
		s.Pause()
		c.Write([]byte("last words"))
		b.pass(20 * time.Millisecond)
		c.Abort()
		b.finished(c)
		b.pass(20 * time.Millisecond)
		s.Resume()
		b.finished(s)
		s.wantErr(syscall.ECONNRESET)
		if got := s.in.String(); got != "last words" {
			t.Errorf("got %q", got)
		}
	})
}

// TestT08Pause: Pause stops reading in the middle, Resume goes on, both
// idempotent; the peer is held by its window.
func TestT08Pause(t *testing.T) {
	each(t, func(b *bed) {
		s, c := b.pair("tcp", nil, nil)
		s.Pause()
		s.Pause()
		c.Write([]byte("held"))
		b.pass(20 * time.Millisecond)
		if s.in.Len() > 0 {
			t.Error("a paused connection receives")
		}
		s.Resume()
		s.Resume()
		b.until("it arrives", func() bool { return s.in.String() == "held" })

		// A whole flood does not get through a paused reader.
		s.Pause()
		c.SetLimits(twistor.Limits{Max: 64 << 20})
		c.Write(make([]byte, 32<<20))
		b.pass(50 * time.Millisecond)
		if c.Buffered() == 0 {
			t.Error("T09: nothing is held back at the sender")
		}
		s.Resume()
		b.until("all arrives", func() bool { return s.in.Len() == 32<<20+4 })
	})
}

// TestT09WaterMarks: Full above High, Drained once at Low, ErrOverflow and an
// abort beyond Max.
func TestT09WaterMarks(t *testing.T) {
	each(t, func(b *bed) {
		s, c := b.pair("tcp", nil, nil)
		s.Pause()
		c.SetLimits(twistor.Limits{High: 8 << 20, Low: 1 << 20, Max: 20 << 20})
		chunk := make([]byte, 1<<20)
		for !c.Full() {
			if _, err := c.Write(chunk); err != nil {
				t.Fatal(err)
			}
		}
		if n := c.Buffered(); n <= 8<<20 || n > 10<<20 {
			t.Errorf("Full at %d", n)
		}
		b.pass(20 * time.Millisecond)
		if strings.Contains(fmt.Sprint(c.events), "drained") {
			t.Error("Drained while nobody reads")
		}
		s.Resume()
		c.drained = func(c *rec) {
			if n := c.Buffered(); n > 1<<20 {
				t.Errorf("Drained with %d queued", n)
			}
		}
		b.until("drained", func() bool { return strings.Contains(fmt.Sprint(c.events), "drained") })
		b.until("sent", func() bool { return c.Buffered() == 0 })
		if n := strings.Count(fmt.Sprint(c.events), "drained"); n != 1 {
			t.Errorf("Drained %d times", n)
		}

		s.Pause()
		var err error
		for i := 0; err == nil && i < 100; i++ {
			_, err = c.Write(chunk)
		}
		if !errors.Is(err, twistor.ErrOverflow) {
			t.Fatalf("F-02: beyond Max: %v, want ErrOverflow", err)
		}
		b.finished(c)
		c.wantErr(twistor.ErrOverflow)
	})
}

// TestT07Addresses: both ends know both addresses, also after Disconnected.
// T28: a Transport logs itself.
func TestT07Addresses(t *testing.T) {
	each(t, func(b *bed) {
		s, c := b.pair("tcp", nil, nil)
		check := func(when string) {
			if s.RemoteAddr().String() != c.LocalAddr().String() || s.LocalAddr().String() != c.RemoteAddr().String() {
				t.Errorf("%s: server %v-%v, client %v-%v", when, s.LocalAddr(), s.RemoteAddr(), c.LocalAddr(), c.RemoteAddr())
			}
		}
		check("connected")
		s.disconnected = func(*rec) { check("in Disconnected") }
		if v := s.LogValue().String(); !strings.Contains(v, "rec") || !strings.Contains(v, c.LocalAddr().String()) {
			t.Errorf("T28: LogValue is %s", v)
		}
		c.Close()
		b.finished(s, c)
		check("after Disconnected")
	})
}

// TestT06Tuner: the options of TCP, and none of UNIX sockets.
func TestT06Tuner(t *testing.T) {
	each(t, func(b *bed) {
		s, _ := b.pair("tcp", nil, nil)
		tuner, ok := twistor.As[twistor.Tuner](s.Transport)
		if !ok {
			t.Fatal("no Tuner")
		}
		if err := tuner.SetNoDelay(false); err != nil {
			t.Error(err)
		}
		if err := tuner.SetKeepAlive(net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: time.Second, Count: 3}); err != nil {
			t.Error(err)
		}
	})
}

// TestT10SendFile: a file among writes, in order, with its count.
func TestT10SendFile(t *testing.T) {
	each(t, func(b *bed) {
		b.networks(func(network string) {
			want := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
			path := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(path, want, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			s, c := b.pair(network, nil, nil)
			s.Write([]byte("<"))
			d := s.SendFile(io.NewSectionReader(f, 16, int64(len(want))-16))
			e := s.SendFile(io.NewSectionReader(bytes.NewReader([]byte("from memory")), 5, 6))
			s.Write([]byte(">"))
			s.CloseWrite()
			if n := must(b, d); n != int64(len(want))-16 {
				t.Errorf("%s: sent %d of %d", network, n, len(want)-16)
			}
			if n := must(b, e); n != 6 {
				t.Errorf("sent %d of 6", n)
			}
			b.finished(c)
			if got := c.in.Bytes(); string(got) != "<"+string(want[16:])+"memory>" {
				t.Errorf("%s: got %d bytes, want %d", network, len(got), len(want)-16+8)
			}
			if _, err := result(b, s.SendFile(io.NewSectionReader(f, 0, 1))); !errors.Is(err, net.ErrClosed) {
				t.Errorf("SendFile after the end: %v", err)
			}
		})
	})
}

// TestSwitch: another Protocol takes over, with the bytes that were not read.
func TestSwitch(t *testing.T) {
	each(t, func(b *bed) {
		second := &rec{b: b}
		s, c := b.pair("tcp", nil, nil)
		second.Transport = s.Transport
		s.received = func(p *rec, data []byte) {
			_, rest, _ := bytes.Cut(data, []byte("\n"))
			p.Switch(second, rest)
			if len(second.events) > 0 {
				t.Error("Switch acts inside the callback")
			}
		}
		c.Write([]byte("upgrade\nrest"))
		b.until("the second one has the rest", func() bool { return second.in.String() == "rest" })
		c.Write([]byte(", more"))
		b.until("and more", func() bool { return second.in.String() == "rest, more" })
		if got := fmt.Sprint(second.events); got != "[connected received 4 received 6]" {
			t.Error(got)
		}
		c.Close()
		b.finished(second)
		if s.ended > 0 {
			t.Error("the former one hears of the end")
		}
	})
}

// TestSwitchPaused: a paused connection holds the unread bytes too.
func TestSwitchPaused(t *testing.T) {
	each(t, func(b *bed) {
		s, c := b.pair("tcp", nil, nil)
		second := &rec{b: b, Transport: s.Transport}
		s.received = func(p *rec, data []byte) { p.Pause(); p.Switch(second, data) }
		c.Write([]byte("unread"))
		b.until("switched", func() bool { return len(second.events) > 0 })
		b.pass(10 * time.Millisecond)
		if second.in.Len() > 0 {
			t.Error("bytes pass a Pause")
		}
		second.Resume()
		b.until("they arrive", func() bool { return second.in.String() == "unread" })
	})
}

func recs(b *bed) twistor.Factory {
	return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &rec{Transport: t, b: b} })
}
