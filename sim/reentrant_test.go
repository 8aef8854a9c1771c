package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A scene plays one server and its client through every kind of callback, and
// makes the server do one thing inside of one of them.
type scene struct {
	w      *World
	server *Host
	kind   string // where to act
	do     func(s *scene)

	conn     twistor.Transport // the client's
	over     bool              // it has ended
	port     twistor.Port
	packets  twistor.PacketTransport
	actors   []*actor
	seen     []string // kinds of callbacks, in order
	inside   string   // the event that runs now
	acted    bool
	problems []string
	probe    error // what the action found
}

func (s *scene) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// event is called first in every callback. Protocol events may not run inside
// of each other; callbacks of Deferreds may, for one that has fired runs them at
// once; and Listen calls Opened and Bound before it returns.
func (s *scene) event(kind string) (leave func()) {
	nests := slices.Contains([]string{"opened", "bound", "dialed", "sent", "resolved", "port closed", "coroutine"}, kind)
	if s.inside != "" && !nests {
		s.problem("%s inside of %s", kind, s.inside)
	}
	was := s.inside
	if !nests {
		s.inside = kind
	}
	s.seen = append(s.seen, kind)
	if kind == s.kind && !s.acted {
		s.acted = true
		s.do(s)
	}
	return func() { s.inside = was }
}

// The kinds of callbacks, and what makes them happen: see actor.Received.
var kinds = []string{"opened", "build", "connected", "received", "timer", "posted", "work done", "coroutine",
	"resolved", "dialed", "sent", "drained", "secured", "switched", "read closed", "disconnected",
	"bound", "packet received", "refused", "unbound", "closed", "port closed", "notified"}

// An opener is the server's factory.
type opener struct{ s *scene }

func (o *opener) Opened(twistor.Loop) error { defer o.s.event("opened")(); return nil }
func (o *opener) Closed()                   { defer o.s.event("closed")() }
func (o *opener) Build(t twistor.Transport) twistor.Protocol {
	o.s.conn = t
	defer o.s.event("build")()
	return o.s.actor(t, "connected")
}

// An actor is a protocol that checks the order of what it hears.
type actor struct {
	twistor.Transport
	s         *scene
	first     string // what Connected counts as
	connected int
	ended     int
	handed    bool // Switched away
}

func (s *scene) actor(t twistor.Transport, first string) *actor {
	a := &actor{Transport: t, s: s, first: first}
	s.actors = append(s.actors, a)
	return a
}

func (a *actor) hears(what string) {
	if a.connected != 1 || a.ended > 0 {
		a.s.problem("%s after %d times Connected, %d times Disconnected", what, a.connected, a.ended)
	}
}
func (a *actor) Connected() {
	defer a.s.event(a.first)()
	a.connected++
	a.hears("Connected")
}
func (a *actor) Drained()    { defer a.s.event("drained")(); a.hears("Drained") }
func (a *actor) Secured()    { defer a.s.event("secured")(); a.hears("Secured") }
func (a *actor) ReadClosed() { defer a.s.event("read closed")(); a.hears("ReadClosed"); a.Close() }
func (a *actor) Disconnected(err error) {
	if err == nil {
		a.s.problem("Disconnected(nil)")
	}
	a.hears("Disconnected")
	a.ended++
	a.s.over = true
	defer a.s.event("disconnected")()
}
func (a *actor) Received(p []byte) {
	defer a.s.event("received")()
	a.hears("Received")
	l, s := a.Loop(), a.s
	for _, word := range strings.Fields(string(p)) {
		switch word {
		case "timer":
			l.CallLater(time.Millisecond, func() { s.event("timer")() })
		case "post":
			l.Post(func() { s.event("posted")() })
		case "work":
			l.Work(func(context.Context) func() { return func() { s.event("work done")() } })
		case "inline":
			deferred.Inline(l, func(co *deferred.Co) (int, error) {
				err := co.Sleep(time.Millisecond)
				s.event("coroutine")()
				return 0, err
			}).Done(nil)
		case "resolve":
			l.Resolve("client").Done(func([]netip.Addr, error) { s.event("resolved")() })
		case "dial":
			l.Dial(twistor.DialConfig{Network: "tcp", Address: "client:9"}, echoes).Done(
				func(p twistor.Protocol, err error) {
					defer s.event("dialed")()
					if err == nil {
						p.(*echo).Close()
					}
				})
		case "file":
			a.SendFile(io.NewSectionReader(strings.NewReader("file"), 0, 4)).Done(func(int64, error) { s.event("sent")() })
		case "fill":
			a.SetLimits(twistor.Limits{High: 1000})
			a.Write(make([]byte, 64<<10))
		case "tls":
			a.StartTLS(serverTLS, twistor.AsServer, nil)
		case "switch":
			a.handed = true
			a.Switch(s.actor(a.Transport, "switched"), nil)
		}
	}
}

var serverTLS = &tls.Config{Certificates: []tls.Certificate{Certificate("server")}}

func (s *scene) Bound(t twistor.PacketTransport) {
	s.packets = t
	defer s.event("bound")()
}
func (s *scene) PacketReceived([]byte, twistor.Peer) { defer s.event("packet received")() }
func (s *scene) Refused()                            { defer s.event("refused")() }
func (s *scene) Unbound(error)                       { defer s.event("unbound")() }

// play is the whole of it. What the action ended is left out.
func (s *scene) play(t T) {
	w := New(t, 0)
	s.w = w
	w.Net.Latency = time.Millisecond
	w.Net.SendBuffer, w.Net.ReceiveBuffer = 4096, 4096
	w.Patience = time.Minute
	s.server = w.Host("server")
	client := w.Host("client")
	client.Listen("tcp", ":9", echoes)
	l := s.server.Loop()
	watch, err := l.(twistor.Notifier).Notify("/", func(string, twistor.FileOp) { s.event("notified")() })
	if err != nil {
		t.Fatalf("%v", err)
	}
	s.port = s.server.Listen("tcp", ":7", &opener{s})
	if _, err := l.ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, s); err != nil {
		t.Fatalf("%v", err)
	}
	caller, err := l.ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":0",
		Remote: netip.AddrPortFrom(client.Addr(), 99)}, s)
	if err != nil {
		t.Fatalf("%v", err)
	}
	p, err := client.TryDial("server:7")
	if err == nil {
		for _, words := range []string{"timer", "post", "work", "inline", "resolve", "dial", "file"} {
			p.Send(words)
			w.Settle()
			w.Advance(5 * time.Millisecond)
		}
		p.Stall()
		p.Send("fill")
		w.Advance(time.Second)
		p.Resume()
		w.Advance(time.Second)
		p.Take()
		p.Send("tls")
		w.Advance(100 * time.Millisecond)
		if s.conn != nil && !s.over {
			p.Secure(&tls.Config{ServerName: "server"})
		}
		if p.TLS() != nil {
			p.Send("switch")
			w.Settle()
		}
		p.CloseWrite()
		w.Advance(time.Second)
		p.Close()
	}
	out := client.Loop()
	if c, err := out.ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":0"}, &PacketEar{}); err == nil {
		c.(twistor.PacketTransport).Send([]byte("x"), twistor.Peer{Addr: netip.AddrPortFrom(s.server.Addr(), 53)})
		w.Settle()
		c.Close()
	}
	caller.(twistor.PacketTransport).Send([]byte("x"), twistor.Peer{})
	w.Settle()
	f, err := s.server.Disk.OpenFile("file", 0x42, 0o600)
	if err == nil {
		f.Close()
	}
	w.Settle()
	s.packets.Close()
	caller.Close()
	s.port.Close().Done(func(struct{}, error) { s.event("port closed")() })
	watch.Close()
	w.Settle()
	w.Advance(time.Minute)
}

// actions are what is done; wants checks the end of the connection, for those
// that are done while it is open.
var actions = []struct {
	name  string
	do    func(s *scene)
	wants func(s *scene) string
}{
	{"nothing", func(s *scene) {}, nil},
	{"Write", func(s *scene) { s.write("x") }, nil},
	{"Write too much", func(s *scene) { s.write(strings.Repeat("x", 2<<20)) }, nil},
	{"SendFile", func(s *scene) {
		s.on(func(t twistor.Transport) { t.SendFile(io.NewSectionReader(strings.NewReader("abc"), 0, 3)).Done(nil) })
	}, nil},
	{"Close", func(s *scene) { s.on(func(t twistor.Transport) { t.Close(); t.Close() }) }, ended},
	{"CloseWrite", func(s *scene) { s.on(twistor.Transport.CloseWrite) }, nil},
	{"Abort", func(s *scene) { s.on(func(t twistor.Transport) { t.Abort(); t.Abort() }) }, ended},
	{"Write, Close, Write", func(s *scene) {
		s.on(func(t twistor.Transport) {
			io.WriteString(t, "bye")
			t.Close()
			if _, err := io.WriteString(t, "too late"); !errors.Is(err, net.ErrClosed) {
				s.probe = fmt.Errorf("Write after Close: %v", err)
			}
		})
	}, ended},
	{"Pause, Resume", func(s *scene) { s.on(func(t twistor.Transport) { t.Pause(); t.Pause(); t.Resume() }) }, nil},
	{"Pause, later Resume", func(s *scene) {
		s.on(func(t twistor.Transport) {
			t.Pause()
			t.Loop().CallLater(time.Second, t.Resume)
		})
	}, nil},
	{"SetLimits", func(s *scene) {
		s.on(func(t twistor.Transport) { t.SetLimits(twistor.Limits{High: 1, Low: 1, Max: 100_000}) })
	}, nil},
	{"StartTLS", func(s *scene) {
		s.on(func(t twistor.Transport) { t.StartTLS(serverTLS, twistor.AsServer, nil) })
	}, nil},
	{"Switch", func(s *scene) {
		s.on(func(t twistor.Transport) {
			if s.inside != "build" && !s.over {
				s.actors[len(s.actors)-1].handed = true
				t.Switch(s.actor(t, "switched"), []byte("unread"))
			}
		})
	}, nil},
	{"Listen", func(s *scene) {
		port, err := twistor.Listen(s.server.Loop(), "tcp", ":70", echoes)
		if err == nil {
			port.Close()
		}
		s.probe = err
	}, nil},
	{"Listen at the same address", func(s *scene) {
		if s.port != nil && !slices.Contains([]string{"unbound", "closed", "port closed"}, s.kind) {
			if _, err := twistor.Listen(s.server.Loop(), "tcp", ":7", echoes); err == nil {
				s.probe = errors.New("succeeded")
			}
		}
	}, nil},
	{"close the port", func(s *scene) {
		if s.port != nil {
			s.port.Close()
			s.port.Close()
		}
	}, nil},
	{"close the packet port", func(s *scene) {
		if s.packets != nil {
			s.packets.Close()
			if err := s.packets.Send([]byte("x"), twistor.Peer{Addr: netip.MustParseAddrPort("10.0.0.2:1")}); err == nil {
				s.probe = errors.New("Send after Close succeeded")
			}
		}
	}, nil},
	{"Dial", func(s *scene) {
		s.server.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: "client:9"}, echoes).Done(
			func(p twistor.Protocol, err error) {
				if err == nil {
					p.(*echo).Close()
				}
			})
	}, nil},
	{"Dial, Cancel", func(s *scene) {
		s.server.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: "client:9"}, echoes).Cancel()
	}, nil},
	{"CallLater, Post, Inline", func(s *scene) {
		l := s.server.Loop()
		ran := 0
		l.CallLater(0, func() { ran++ })
		l.Post(func() { ran++ })
		deferred.Inline(l, func(co *deferred.Co) (int, error) { ran++; return 0, co.Yield() }).Done(nil)
		l.CallLater(time.Second, func() {
			if ran != 3 {
				s.probe = fmt.Errorf("%d of 3 ran", ran)
			}
		})
	}, nil},
}

// on calls f with the connection, if there is one.
func (s *scene) on(f func(twistor.Transport)) {
	if s.conn != nil {
		f(s.conn)
	}
}

func (s *scene) write(text string) {
	s.on(func(t twistor.Transport) {
		_, err := io.WriteString(t, text)
		if s.over && !errors.Is(err, net.ErrClosed) {
			s.probe = fmt.Errorf("Write after the end: %v", err)
		}
	})
}

// ended wants the connection to end soon after the action, if it was there.
func ended(s *scene) string {
	if s.kind == "opened" || s.kind == "bound" {
		return "" // it was not there
	}
	at := slices.Index(s.seen, s.kind)
	for _, kind := range s.seen[at+1:] {
		if kind == "received" {
			return "received after it"
		}
	}
	return ""
}

// TestF16Reentrancy proves F-16: each action inside of each kind of callback.
// Whatever is done, no event of a protocol runs inside of another; each
// protocol hears Connected first and once, and Disconnected last and once;
// nothing panics, and nothing is left behind.
func TestF16Reentrancy(t *testing.T) {
	for _, kind := range kinds {
		for _, action := range actions {
			var f fakeT
			s := &scene{kind: kind, do: action.do}
			f.try(func(t T) { s.play(t) })
			bad := func(format string, args ...any) {
				t.Errorf("%s in %s: %s\n\tcallbacks: %s", action.name, kind, fmt.Sprintf(format, args...), strings.Join(s.seen, ", "))
			}
			if f.Failed() {
				bad("%s", strings.Join(f.failures, "\n"))
			}
			if !s.acted {
				bad("the callback never came")
			}
			for _, p := range s.problems {
				bad("%s", p)
			}
			for i, a := range s.actors {
				if a.connected > 1 || a.ended > 1 || a.connected == 1 && a.ended == 0 && !a.handed {
					bad("protocol %d: %d times Connected, %d times Disconnected", i, a.connected, a.ended)
				}
			}
			if s.probe != nil {
				bad("%v", s.probe)
			}
			if action.wants != nil && s.conn != nil {
				if p := action.wants(s); p != "" {
					bad("%s", p)
				}
			}
			if action.name == "nothing" {
				for _, k := range kinds {
					if !slices.Contains(s.seen, k) {
						bad("control: no %s", k)
					}
				}
			}
		}
	}
}
