package web_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/internal/h2"
	"github.com/twistor-go/twistor/sim"
)

// A far is a client of HTTP/2 that has one tunnel.
type far struct {
	t      twistor.Transport
	h2     *h2.Conn
	stream *h2.Stream
	status int
	got    strings.Builder
	ended  bool
	reset  *h2.Cause
	hold   bool // what comes is not consumed
}

func (f *far) Connected() {
	f.h2 = h2.NewConn(h2.Client, h2.Config{}, new(h2.Pool), f.t, f.t.Loop(), f)
	f.h2.Start()
}
func (f *far) Received(p []byte)    { f.h2.Receive(p) }
func (f *far) Drained()             { f.h2.Drained() }
func (f *far) Disconnected(error)   { f.h2.Disconnected() }
func (f *far) Ended(why *h2.Error)  { f.t.Close() }
func (f *far) Relieved()            {}
func (f *far) PongReceived([8]byte) {}

func (f *far) SettingsReceived() {
	if f.stream == nil {
		f.stream, _ = f.h2.Open(h2.Question{Method: "CONNECT", Scheme: "http", Authority: "server", Path: "/chat", Protocol: "Echo", Length: -1}, f)
	}
}
func (f *far) GoAwayReceived(*h2.Error)                          {}
func (f *far) StreamDrained(*h2.Stream)                          {}
func (f *far) HeaderReceived(_ *h2.Stream, h *h2.Head, end bool) { f.status, f.ended = h.Status, end }
func (f *far) TrailerReceived(*h2.Stream, *http1.Header)         {}
func (f *far) StreamReset(s *h2.Stream, why h2.Cause)            { f.reset = &why; f.h2.Release(s) }
func (f *far) DataReceived(s *h2.Stream, p []byte, end bool) {
	f.got.Write(p)
	f.ended = end
	if !f.hold {
		f.h2.Consume(s, len(p))
	}
}

// An inTunnel is what the server has in the tunnel: it answers in capitals.
type inTunnel struct {
	twistor.Transport
	log []string
	err error
}

func (p *inTunnel) Connected() { p.log = append(p.log, "connected") }
func (p *inTunnel) Received(b []byte) {
	p.log = append(p.log, string(b))
	switch {
	case strings.HasPrefix(string(b), "close"):
		p.Write([]byte("BYE"))
		p.Close()
		if _, err := p.Write([]byte("more")); !errors.Is(err, net.ErrClosed) {
			p.log = append(p.log, "it wrote after Close")
		}
	case strings.HasPrefix(string(b), "abort"):
		p.Abort()
	case strings.HasPrefix(string(b), "pause"):
		p.Pause()
	case strings.HasPrefix(string(b), "switch"):
		p.Switch(&inTunnel{Transport: p.Transport}, []byte("unread"))
	default:
		p.Write([]byte(strings.ToUpper(string(b))))
	}
}
func (p *inTunnel) ReadClosed() {
	p.log = append(p.log, "read closed")
	p.Write([]byte("END"))
	p.Close()
}
func (p *inTunnel) Disconnected(err error) { p.log = append(p.log, "disconnected"); p.err = err }

// dig makes a tunnel between two hosts.
func dig(t *testing.T) (w *sim.World, near *inTunnel, end *far) {
	t.Helper()
	w = sim.New(t, 1)
	near = &inTunnel{}
	server := &web.Server{Handler: web.Later(func(rw *web.ResponseWriter, r *web.Request) *deferred.Signal {
		err := rw.Switch(101, twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
			near.Transport = tr
			return near
		}))
		if err != nil {
			t.Error(err)
		}
		return nil
	})}
	w.Host("server").Listen("tcp", ":80", server)
	w.Host("client").Do(func(co *deferred.Co) error {
		var err error
		end, err = twistor.Dial(w.Host("client").Loop(), "tcp", "server:80", func(tr twistor.Transport) *far { return &far{t: tr} }).Await(co)
		return err
	})
	w.Run(func() bool { return end.status != 0 })
	if end.status != 200 {
		t.Fatalf("the tunnel's status is %d, want 200", end.status)
	}
	return w, near, end
}

// on runs f on the client's loop, and then a second of the world.
func on(w *sim.World, f func()) {
	w.Host("client").Do(func(*deferred.Co) error { f(); return nil })
	w.Advance(time.Second)
}

func (p *inTunnel) wants(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(p.log, "|"); got != strings.Join(want, "|") {
		t.Errorf("the protocol heard %q, want %q", got, want)
	}
}

// RFC 8441, section 5: a tunnel is a Transport, with an end for each direction.
func TestRFC8441_Tunnel(t *testing.T) {
	w, near, end := dig(t)
	on(w, func() { end.h2.SendData(end.stream, []byte("hello"), false) })
	on(w, func() { end.h2.SendData(end.stream, []byte("bye"), true) })
	near.wants(t, "connected", "hello", "bye", "read closed", "disconnected")
	if got := end.got.String(); got != "HELLOBYEEND" || !end.ended || end.reset != nil {
		t.Errorf("the client got %q, ended %v, reset %v", got, end.ended, end.reset)
	}
	if !errors.Is(near.err, net.ErrClosed) {
		t.Errorf("Disconnected said %v, want net.ErrClosed", near.err)
	}
	on(w, func() { end.h2.Release(end.stream); end.t.Close() })
}

func TestTunnelCloses(t *testing.T) {
	w, near, end := dig(t)
	on(w, func() { end.h2.SendData(end.stream, []byte("close"), false) })
	near.wants(t, "connected", "close", "disconnected")
	if got := end.got.String(); got != "BYE" || !end.ended {
		t.Errorf("the client got %q, ended %v", got, end.ended)
	}
	on(w, func() { end.h2.SendData(end.stream, []byte("who is there"), true) })
	near.wants(t, "connected", "close", "disconnected")
	on(w, func() { end.h2.Release(end.stream); end.t.Close() })
}

func TestTunnelAborts(t *testing.T) {
	w, near, end := dig(t)
	on(w, func() { end.h2.SendData(end.stream, []byte("abort"), false) })
	near.wants(t, "connected", "abort", "disconnected")
	if end.reset == nil || end.reset.Code != h2.Cancel || !errors.Is(near.err, twistor.ErrAborted) {
		t.Errorf("the client heard %v, the protocol %v", end.reset, near.err)
	}
	on(w, func() { end.t.Close() })
}

func TestTunnelIsReset(t *testing.T) {
	w, near, end := dig(t)
	on(w, func() { end.h2.Reset(end.stream, h2.Cancel); end.h2.Release(end.stream) })
	near.wants(t, "connected", "disconnected")
	if !errors.Is(near.err, io.ErrUnexpectedEOF) {
		t.Errorf("Disconnected said %v, want io.ErrUnexpectedEOF", near.err)
	}
	on(w, func() { end.t.Close() })
}

func TestTunnelLosesItsConnection(t *testing.T) {
	w, near, end := dig(t)
	on(w, func() { end.t.Abort() })
	near.wants(t, "connected", "disconnected")
	if near.err == nil {
		t.Error("Disconnected said nil")
	}
}

// What comes while the protocol pauses is held back, up to a window of it, and
// delivered after Resume.
func TestTunnelPauses(t *testing.T) {
	w, near, end := dig(t)
	on(w, func() { end.h2.SendData(end.stream, []byte("pause"), false) })
	sent := 0
	for range 20 {
		on(w, func() {
			for !end.h2.Full(end.stream) {
				end.h2.SendData(end.stream, make([]byte, 16<<10), false)
				sent += 16 << 10
			}
		})
	}
	if sent < 256<<10 || sent > 512<<10 {
		t.Errorf("%d bytes went to who pauses, want a window and a buffer", sent)
	}
	heard := func() (n int) {
		for _, s := range near.log[2:] {
			n += len(s)
		}
		return n
	}
	if heard() != 0 {
		t.Errorf("%d bytes were delivered to who pauses", heard())
	}
	near.Resume()
	w.Advance(time.Second)
	if heard() != sent {
		t.Errorf("%d bytes were delivered after Resume, want %d", heard(), sent)
	}
	on(w, func() { end.t.Abort() })
}

func TestTunnelSwitches(t *testing.T) {
	w, near, end := dig(t)
	on(w, func() { end.h2.SendData(end.stream, []byte("switch"), false) })
	near.wants(t, "connected", "switch")
	on(w, func() { end.h2.SendData(end.stream, []byte("x"), true) })
	if got := end.got.String(); got != "UNREADXEND" {
		t.Errorf("the second protocol answered %q, want UNREADXEND", got)
	}
	on(w, func() { end.h2.Release(end.stream); end.t.Close() })
}
