package sim

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A halfEar also hears ReadClosed.
type halfEar struct{ *Ear }

func (e halfEar) ReadClosed() { e.note("read closed") }

// newEar connects an ear that does on at its events.
func newEar(c *Clock, on func(e *Ear, event string)) (*Ear, *Transport) {
	e := &Ear{On: on}
	t := Connect(c, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		e.Transport = t
		return e
	}))
	return e, t
}

func checkEvents(t *testing.T, e *Ear, want ...string) {
	t.Helper()
	if !slices.Equal(e.Events, want) {
		t.Errorf("events:\n got %q\nwant %q", e.Events, want)
	}
}

// TestTR10Transport proves TR10: what is written is seen, events come in
// order and once, and what is asked is known.
func TestTR10Transport(t *testing.T) {
	c := NewClock(t)
	e, tr := newEar(c, func(e *Ear, event string) {
		if event == "received bye" {
			io.WriteString(e, "so long")
			e.Close()
			e.Close()
			if _, err := io.WriteString(e, "?"); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write after Close: got %v, want net.ErrClosed", err)
			}
		}
	})
	io.WriteString(e, "hello")
	if got := tr.Take(); got != "hello" {
		t.Errorf("got %q", got)
	}
	tr.Receive("a", "", "bye", "dropped")
	checkEvents(t, e, "connected", "received a", "received bye", "disconnected use of closed network connection")
	if got := tr.Written(); got != "so long" {
		t.Errorf("got %q", got)
	}
	if !tr.Closed() || tr.Aborted() || tr.Err() != net.ErrClosed {
		t.Errorf("got %v %v %v", tr.Closed(), tr.Aborted(), tr.Err())
	}
	tr.Receive("late")
	tr.End()
	tr.Reset()
	e.Abort()
	c.Advance(time.Hour)
	if len(e.Events) != 4 {
		t.Errorf("events after the last: %q", e.Events[4:])
	}
}

// A hoarder keeps what it must not.
type hoarder struct {
	*Ear
	kept []byte
}

func (h *hoarder) Received(p []byte) { h.kept = p }

func TestTransportSpoilsBytes(t *testing.T) {
	h := &hoarder{Ear: &Ear{}}
	tr := NewTransport(NewClock(t))
	tr.Start(h)
	tr.Receive("mine")
	if string(h.kept) == "mine" {
		t.Error("bytes of Received stayed readable after it returned")
	}
}

func TestTransportPause(t *testing.T) {
	c := NewClock(t)
	e, tr := newEar(c, func(e *Ear, event string) {
		if event == "received one" {
			e.Pause()
		}
	})
	tr.Receive("one", "two")
	tr.End()
	checkEvents(t, e, "connected", "received one")
	if !tr.Paused() {
		t.Error("Paused: got false")
	}
	e.Resume()
	checkEvents(t, e, "connected", "received one") // not inside Resume
	c.Advance(0)
	checkEvents(t, e, "connected", "received one", "received two", "disconnected EOF")
}

func TestTransportEnds(t *testing.T) {
	reset := (&net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")})
	for _, tc := range []struct {
		name string
		do   func(e *Ear, tr *Transport)
		want error
	}{
		{"peer ends", func(e *Ear, tr *Transport) { tr.End() }, io.EOF},
		{"abort", func(e *Ear, tr *Transport) { e.Abort() }, twistor.ErrAborted},
		{"reset", func(e *Ear, tr *Transport) { tr.Break(reset) }, reset},
		{"reset after end", func(e *Ear, tr *Transport) { e.Pause(); tr.End(); tr.Break(reset) }, reset},
		{"overflow", func(e *Ear, tr *Transport) {
			tr.Hold()
			if _, err := e.Write(make([]byte, 1<<20+1)); err != twistor.ErrOverflow {
				t.Errorf("Write beyond Max: got %v", err)
			}
		}, twistor.ErrOverflow},
		{"linger", func(e *Ear, tr *Transport) {
			tr.Hold()
			io.WriteString(e, "last words")
			e.Close()
			e.Loop().(*Clock).Advance(29 * time.Second)
			if tr.Err() != nil {
				t.Error("ended before Linger")
			}
			e.Loop().(*Clock).Advance(time.Second)
			if !tr.Aborted() {
				t.Error("linger ended without a reset")
			}
		}, net.ErrClosed},
		{"flush", func(e *Ear, tr *Transport) {
			tr.Hold()
			io.WriteString(e, "last words")
			e.Close()
			tr.Drain(5)
			if tr.Err() != nil {
				t.Error("ended before the flush")
			}
			tr.Drain(5)
		}, net.ErrClosed},
	} {
		c := NewClock(t)
		e, tr := newEar(c, nil)
		tc.do(e, tr)
		c.Advance(0)
		checkEvents(t, e, "connected", "disconnected "+tc.want.Error())
		if tr.Err() != tc.want {
			t.Errorf("%s: got %v, want %v", tc.name, tr.Err(), tc.want)
		}
	}
}

func TestTransportHalfClose(t *testing.T) {
	c := NewClock(t)
	e := &Ear{}
	tr := Connect(c, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		e.Transport = t
		return halfEar{e}
	}))
	tr.Receive("x")
	tr.End()
	io.WriteString(e, "still here")
	e.CloseWrite()
	if _, err := io.WriteString(e, "?"); err == nil {
		t.Error("Write after CloseWrite succeeded")
	}
	c.Advance(0)
	checkEvents(t, e, "connected", "received x", "read closed", "disconnected EOF")
	if !tr.WriteClosed() || tr.Written() != "still here" {
		t.Errorf("got %v, %q", tr.WriteClosed(), tr.Written())
	}
}

func TestTransportDrained(t *testing.T) {
	c := NewClock(t)
	e, tr := newEar(c, nil)
	e.SetLimits(twistor.Limits{High: 10, Low: 4})
	tr.Hold()
	io.WriteString(e, "0123456789")
	if e.Full() {
		t.Error("Full at High, want above only")
	}
	io.WriteString(e, "a")
	if !e.Full() || e.Buffered() != 11 {
		t.Errorf("got %v, %d", e.Full(), e.Buffered())
	}
	tr.Drain(6)
	checkEvents(t, e, "connected")
	tr.Drain(1)
	checkEvents(t, e, "connected", "drained")
	tr.Drain(-1)
	io.WriteString(e, strings.Repeat("x", 100))
	if e.Buffered() != 0 {
		t.Errorf("Buffered: got %d, want 0 after Drain(-1)", e.Buffered())
	}
	checkEvents(t, e, "connected", "drained")
}

func TestTransportSwitch(t *testing.T) {
	c := NewClock(t)
	second := &Ear{}
	e, tr := newEar(c, func(e *Ear, event string) {
		if event == "received one" {
			e.Switch(second, e.Bytes[len(e.Bytes)-2:])
			if len(second.Events) > 0 {
				t.Error("Switch took effect inside the callback")
			}
		}
	})
	tr.Receive("one", "two")
	checkEvents(t, e, "connected", "received one")
	checkEvents(t, second, "connected", "received ne", "received two")
	if tr.Protocol() != second {
		t.Error("Protocol is not the second")
	}
}

func TestTransportStartTLS(t *testing.T) {
	c := NewClock(t)
	e, tr := newEar(c, nil)
	if err := e.StartTLS(&tls.Config{}, twistor.AsServer, nil); err != nil {
		t.Fatal(err)
	}
	if err := e.StartTLS(&tls.Config{}, twistor.AsServer, nil); err == nil {
		t.Error("second StartTLS: want an error")
	}
	tr.Receive("later")
	if r := tr.TLSRequest(); r == nil || r.Role != twistor.AsServer || e.TLS() != nil {
		t.Errorf("got %v, %v", r, e.TLS())
	}
	tr.Secure(tls.ConnectionState{NegotiatedProtocol: "imap"})
	checkEvents(t, e, "connected", "secured", "received later")
	if got := e.TLS().NegotiatedProtocol; got != "imap" {
		t.Errorf("got %q", got)
	}
}

func TestTransportRefused(t *testing.T) {
	c := NewClock(t)
	tr := Connect(c, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		io.WriteString(t, "full")
		return nil
	}))
	if tr.Written() != "full" || !tr.Closed() || tr.Protocol() != nil {
		t.Errorf("got %q, %v, %v", tr.Written(), tr.Closed(), tr.Protocol())
	}
}

// TestPipe plays a conversation over networks that cut differently.
func TestPipe(t *testing.T) {
	for seed := range uint64(20) {
		c := NewClock(t)
		var got strings.Builder
		server := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			return &Ear{Transport: t, On: func(e *Ear, event string) {
				if s, ok := strings.CutPrefix(event, "received "); ok {
					fmt.Fprint(e, strings.ToUpper(s))
				}
			}}
		})
		client := &Ear{}
		p := NewPipe(c, server, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			client.Transport = t
			client.On = func(e *Ear, event string) {
				if s, ok := strings.CutPrefix(event, "received "); ok {
					got.WriteString(s)
				}
			}
			return client
		}))
		if seed > 0 {
			p.Cut(seed)
		}
		text := strings.Repeat("all the world's a stage ", 100)
		io.WriteString(client, text)
		p.Flush()
		if got.String() != strings.ToUpper(text) {
			t.Fatalf("seed %d: got %q", seed, got.String())
		}
		if seed == 0 && len(client.Events) != 2 {
			t.Errorf("without a cut: %d events, want 2", len(client.Events))
		}
		client.Close()
		c.Advance(0)
		if p.A.Err() != io.EOF || p.B.Err() != net.ErrClosed {
			t.Errorf("ends: got %v and %v, want EOF and closed", p.A.Err(), p.B.Err())
		}
	}
}

func TestPipeAbortResets(t *testing.T) {
	c := NewClock(t)
	a, b := &Ear{}, &Ear{}
	p := NewPipe(c, a, b)
	io.WriteString(a, "lost")
	a.Abort()
	c.Advance(0)
	checkEvents(t, b, "connected", "disconnected "+p.B.Err().Error())
	if got := p.B.Err().Error(); !strings.Contains(got, "reset by peer") {
		t.Errorf("got %q", got)
	}
}

func TestPipeTLS(t *testing.T) {
	c := NewClock(t)
	a, b := &Ear{}, &Ear{}
	p := NewPipe(c, a, b)
	b.StartTLS(&tls.Config{ServerName: "example.org", NextProtos: []string{"h2"}}, twistor.ByDirection, nil)
	io.WriteString(b, "hello")
	p.Flush()
	checkEvents(t, b, "connected")
	a.StartTLS(&tls.Config{NextProtos: []string{"http/1.1", "h2"}}, twistor.ByDirection, nil)
	p.Flush()
	checkEvents(t, a, "connected", "secured", "received hello")
	if got := a.TLS(); got.NegotiatedProtocol != "h2" || got.ServerName != "example.org" {
		t.Errorf("got %+v", got)
	}
}

// TestTR11Records proves TR11: what was asked of a Clock is recorded, and the
// test answers; the raising variant fails.
func TestTR11Records(t *testing.T) {
	c := NewClock(t)
	f := &counted{}
	a, err := c.Listen(twistor.ListenConfig{Network: "tcp", Address: ":25", TLS: &tls.Config{}}, f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Listen(twistor.ListenConfig{Network: "unix", Address: "/run/x"}, f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Listen(twistor.ListenConfig{Network: "tcp", Address: ":25"}, f); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second Listen: got %v, want EADDRINUSE", err)
	}
	if _, err := c.Listen(twistor.ListenConfig{Network: "tcp", Address: "25"}, f); err == nil {
		t.Error("Listen without a colon succeeded")
	}
	tr := c.Ports()[0].Accept()
	if tr.TLS() == nil || tr.Protocol() == nil || tr.LocalAddr().String() != "0.0.0.0:25" {
		t.Errorf("got %v, %v, %v", tr.TLS(), tr.Protocol(), tr.LocalAddr())
	}
	a.Close()
	c.Advance(0)
	if f.opened != 1 || f.closed != 0 {
		t.Errorf("opened %d, closed %d times with a port left; want 1, 0", f.opened, f.closed)
	}
	closed := b.Close()
	c.Advance(0)
	Result(t, closed)
	if f.closed != 1 || len(c.Ports()) != 0 {
		t.Errorf("closed %d times, %d ports left; want 1, 0", f.closed, len(c.Ports()))
	}
	c.FailListen = syscall.EACCES
	if _, err := c.Listen(twistor.ListenConfig{Network: "tcp", Address: ":25"}, f); !errors.Is(err, syscall.EACCES) {
		t.Errorf("FailListen: got %v", err)
	}

	dial := func() (*Ear, *deferred.Deferred[twistor.Protocol]) {
		e := &Ear{}
		return e, c.Dial(twistor.DialConfig{Network: "tcp", Address: "mx.test:25"}, e)
	}
	e, d := dial()
	NoResult(t, d)
	if got := c.Attempts()[0].Config.Address; got != "mx.test:25" {
		t.Errorf("got %q", got)
	}
	c.Attempts()[0].Succeed()
	if Result(t, d) != twistor.Protocol(e) || len(e.Events) != 1 {
		t.Errorf("got %v", e.Events)
	}
	_, d = dial()
	c.Attempts()[0].Fail(syscall.ECONNREFUSED)
	if err := Failure(t, d); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
	_, d = dial()
	c.Advance(30 * time.Second)
	if err := Failure(t, d); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want a timeout", err)
	}
	_, d = dial()
	d.Cancel()
	if n := len(c.Attempts()); n != 0 {
		t.Errorf("%d attempts after Cancel, want 0", n)
	}
}

// counted counts its ports' first and last.
type counted struct{ opened, closed int }

func (f *counted) Build(t twistor.Transport) twistor.Protocol { return &echo{Transport: t} }
func (f *counted) Opened(twistor.Loop) error                  { f.opened++; return nil }
func (f *counted) Closed()                                    { f.closed++ }

// TestTR12Packets proves TR12: small doubles, of packets here; Ear is in use all
// over.
func TestTR12Packets(t *testing.T) {
	c := NewClock(t)
	e := &PacketEar{}
	if _, err := c.ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, e); err != nil {
		t.Fatal(err)
	}
	tr := c.PacketPorts()[0]
	from := twistor.Peer{Addr: netip.MustParseAddrPort("192.0.2.1:1000")}
	tr.Receive("query", from)
	tr.Pause()
	tr.Receive("later", from)
	if !slices.Equal(e.Packets, []string{"query"}) {
		t.Errorf("got %q while paused", e.Packets)
	}
	tr.Resume()
	c.Advance(0)
	e.Send([]byte("answer"), e.From[0])
	tr.Fill()
	if err := e.Send([]byte("too much"), from); err != twistor.ErrOverflow {
		t.Errorf("got %v, want ErrOverflow", err)
	}
	tr.Empty()
	if got := tr.Take(); len(got) != 1 || got[0] != (Datagram{from, "answer"}) {
		t.Errorf("got %v", got)
	}
	group := netip.MustParseAddr("224.0.0.251")
	if err := e.Join(from.Addr.Addr(), ""); err == nil {
		t.Error("Join of no group succeeded")
	}
	e.Join(group, "")
	if got := tr.Groups(); !slices.Equal(got, []netip.Addr{group}) {
		t.Errorf("got %v", got)
	}
	tr.Refuse()
	e.Close()
	c.Advance(0)
	if e.Refusal != 1 || e.Err != net.ErrClosed || len(c.PacketPorts()) != 0 {
		t.Errorf("got %d, %v", e.Refusal, e.Err)
	}
}
